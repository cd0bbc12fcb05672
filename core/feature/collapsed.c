#include "collapsed.h"

#include "../base/check.h"
#include "state_memory.h"
#include "summary.h"
#include "survey.h"

/* Finding. Mostly it is the newest one. */

static bool find(struct tiles tiles, size_t newest_at, struct tile_extent extent,
                 struct tile *ret_tile) {
    struct tiles newest = {.at = tiles.at + newest_at, .end = tiles.end};
    if (!tiles_next(&newest, ret_tile) || ret_tile->newest_us < extent.first_us)
        return false;
    if (ret_tile->oldest_us < extent.first_us || ret_tile->oldest_us > extent.last_us)
        while (tiles_next(&tiles, ret_tile) && ret_tile->oldest_us < extent.first_us)
            continue;
    return ret_tile->oldest_us <= extent.last_us;
}

bool collapsed_find_tile(const struct state *state, const struct parts *parts,
                         struct tile_extent extent, struct tile *ret_tile) {
    return parts->dense.tiles > 0 &&
           find(parts_tiles(parts), state->survey->newest_tile_at, extent, ret_tile);
}

bool collapsed_find_sketch(const struct state *state, const struct parts *parts,
                           struct tile_extent extent, struct tile *ret_sketch) {
    return parts->dense.sketches > 0 &&
           find(parts_sketches(parts), state->survey->newest_sketch_at, extent, ret_sketch);
}

/* Values. */

/* A value that is not among those of the view: where it belongs. */
static bool find_place(const struct sketch_view *view, uint64_t value, size_t *ret_place) {
    size_t low = 0, high = view->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sketch_view_value(view, middle) < value)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_place = low;
    return low == view->count || sketch_view_value(view, low) != value;
}

/* To one of few. Returns by how much the sketch at `at` grew. */
static size_t insert_value(struct state *state, size_t at, const struct sketch_view *view,
                           uint64_t value) {
    size_t place;
    if (!find_place(view, value, &place))
        return 0;
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    state_splice(state, at + 1 + 8 * place, at + 1 + 8 * place, bytes, sizeof bytes);
    state->bytes[at]++;
    return sizeof bytes;
}

static size_t add_to_sketch(struct state *state, size_t at, const uint64_t *values, size_t count) {
    struct cursor cursor = cursor_of(state->bytes + at, state->length - at);
    struct sketch_view view = sketch_take(&cursor);
    check(!cursor.failed);
    if (count == 0)
        return 0;
    if (!view.is_exact) {
        for (size_t i = 0; i < count; i++)
            sketch_add_in_place(state->bytes + at + 1, values[i]);
        return 0;
    }
    if (count == 1 && view.count < SKETCH_VALUES_MAX)
        return insert_value(state, at, &view, values[0]);
    struct sketch sketch;
    sketch_clear(&sketch);
    sketch_add_view(&sketch, &view);
    for (size_t i = 0; i < count; i++)
        sketch_add(&sketch, values[i]);
    struct buffer *bytes = &state->survey->spare;
    size_t size = (size_t)(cursor.at - state->bytes) - at;
    buffer_clear(bytes);
    sketch_encode(&sketch, bytes);
    state_splice(state, at, at + size, bytes->bytes, bytes->length);
    return bytes->length - size;
}

static void collect_values(const struct pool *pool, struct run entries, struct buffer *values) {
    struct run_entry entry;
    buffer_clear(values);
    while (run_next(&entries, &entry))
        if (has_column(entry.present, pool->column) && entry_weight(&entry, pool->filter) != 0)
            buffer_append(values, &entry.integers[pool->column], sizeof(uint64_t));
}

/* Of the sketch that begins at `at`. */
static size_t sketch_size(const struct state *state, size_t at) {
    struct cursor cursor = cursor_of(state->bytes + at, state->length - at);
    sketch_take(&cursor);
    return (size_t)(cursor.at - state->bytes) - at;
}

static struct tile tile_at(const struct state *state, size_t at) {
    struct tiles tiles = {.at = state->bytes + at, .end = state->bytes + state->length};
    struct tile tile;
    check(tiles_next(&tiles, &tile));
    return tile;
}

size_t collapsed_add_values(struct state *state, const struct entity_plan *entity, size_t sketch_at,
                            struct run entries, int64_t oldest_us, int64_t newest_us) {
    struct tile sketch = tile_at(state, sketch_at);
    size_t old_size = cursor_left(&sketch.body), at = sketch_at + TILE_HEAD_SIZE, grew = 0;
    struct buffer values;
    buffer_init(&values);
    for (size_t i = 0; i < entity->pool_count; i++) {
        collect_values(&entity->pools[i], entries, &values);
        grew += add_to_sketch(state, at, (const uint64_t *)(const void *)values.bytes,
                              values.length / sizeof(uint64_t));
        at += sketch_size(state, at);
    }
    buffer_deinit(&values);
    tile_head_put(state->bytes + sketch_at, oldest_us, newest_us, old_size + grew);
    return grew;
}

/* One entry. */

static int64_t earlier(int64_t a_us, int64_t b_us) {
    return a_us < b_us ? a_us : b_us;
}

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

static size_t add_to_sketch_tile(struct state *state, const struct entity_plan *entity,
                                 const struct tile *sketch, const struct run_entry *added) {
    size_t sketch_at = (size_t)(sketch->start - state->bytes), at = sketch_at + TILE_HEAD_SIZE;
    size_t old_size = cursor_left(&sketch->body), grew = 0;
    int64_t oldest_us = earlier(sketch->oldest_us, added->time_us);
    int64_t newest_us = later(sketch->newest_us, added->time_us);
    for (size_t i = 0; i < entity->pool_count; i++) {
        const struct pool *pool = &entity->pools[i];
        if (has_column(added->present, pool->column) && entry_weight(added, pool->filter) != 0) {
            uint64_t value = (uint64_t)added->integers[pool->column];
            grew += add_to_sketch(state, at, &value, 1);
        }
        at += sketch_size(state, at);
    }
    tile_head_put(state->bytes + sketch_at, oldest_us, newest_us, old_size + grew);
    return grew;
}

void collapsed_add(struct state *state, const struct entity_plan *entity, const struct tile *tile,
                   const struct run_entry *added, int64_t newest_us) {
    struct survey *survey = state->survey;
    struct parts parts = parts_of(state->bytes, state->length);
    struct head head = parts.head;
    struct dense dense = parts.dense;
    size_t from = (size_t)(tile->start - state->bytes);
    size_t size = (size_t)(tile->body.end - tile->start);
    struct tile sketch;
    if (entity->pool_count > 0 &&
        collapsed_find_sketch(state, &parts,
                              partition_tile(&entity->sketch_tiles, added->time_us, newest_us),
                              &sketch)) {
        size_t sketch_at = (size_t)(sketch.start - parts.sketches);
        size_t grew = add_to_sketch_tile(state, entity, &sketch, added);
        head.dense_size += (uint32_t)grew;
        if (sketch_at < survey->newest_sketch_at)
            survey->newest_sketch_at += (uint32_t)grew;
    }
    struct buffer *bytes = &survey->spare;
    struct tile stored = tile_at(state, from);
    buffer_clear(bytes);
    summary_grow_tile(&stored, entity, added, bytes);
    uint32_t grew = (uint32_t)(bytes->length - size); /* or shrank, modulo 2^32 */
    state_splice(state, from, from + size, bytes->bytes, bytes->length);
    if (from < HEAD_SIZE + DENSE_SIZE + survey->newest_tile_at)
        survey->newest_tile_at += grew;
    dense.tile_bytes += grew;
    dense.newest_us = later(dense.newest_us, added->time_us);
    head.dense_size += grew;
    head_put(state->bytes, &head);
    dense_put(state->bytes + HEAD_SIZE, &dense);
}
