#include "collapsed.h"

#include "core/base/check.h"
#include "core/feature/sketch/summary.h"
#include "state_memory.h"
#include "survey.h"

#include <stdlib.h>

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
    return find(parts_tiles(parts), state->survey->newest_tile_at, extent, ret_tile);
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
    store_u64(bytes, value);
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

/* Does the pool hold it? */
static bool has_value(const struct pool *pool, const struct run_entry *entry) {
    return has_column(entry->present, pool->column) && entry_weight(entry, pool->filter) != 0;
}

void values_init(struct values *values, const struct entity_plan *entity, uint32_t entries) {
    values->of = check_reallocarray(NULL, entity->pool_count * (entries + 1), sizeof *values->of);
    values->counts = check_calloc(entity->pool_count + 1, sizeof *values->counts);
    values->stride = entries;
}

void values_deinit(struct values *values) {
    free(values->of);
    free(values->counts);
}

void values_collect(struct values *values, const struct entity_plan *entity,
                    const struct run_entry *entry) {
    for (size_t i = 0; i < entity->pool_count; i++)
        if (has_value(&entity->pools[i], entry)) {
            check(values->counts[i] < values->stride);
            values->of[i * values->stride + values->counts[i]++] =
                (uint64_t)entry->integers[entity->pools[i].column];
        }
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
                            const struct values *values, int64_t oldest_us, int64_t newest_us) {
    struct tile sketch = tile_at(state, sketch_at);
    size_t old_size = cursor_left(&sketch.body), at = sketch_at + TILE_HEAD_SIZE, grew = 0;
    for (size_t i = 0; i < entity->pool_count; i++) {
        grew += add_to_sketch(state, at, &values->of[i * values->stride], values->counts[i]);
        at += sketch_size(state, at);
    }
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

size_t collapsed_put_sketches(struct state *state, const struct entity_plan *entity, size_t from,
                              size_t to, const struct sketches *sketches) {
    struct buffer *bytes = &state->survey->spare;
    buffer_clear(bytes);
    sketches_encode(sketches, entity, bytes);
    state_splice(state, from, to, bytes->bytes, bytes->length);
    return bytes->length - (to - from);
}

/* Distributions are counted anew: they are spelt by what is in them as a whole. */
static size_t add_to_distributions(struct state *state, const struct entity_plan *entity,
                                   const struct tile *sketch, const struct run_entry *added) {
    struct tile stored = *sketch;
    struct sketches *sketches = sketches_new(entity);
    sketches_clear(sketches, entity);
    sketches_extend(sketches, stored.oldest_us, stored.newest_us);
    sketches_extend(sketches, added->time_us, added->time_us);
    sketches_add_tile(sketches, entity, &stored);
    check(!stored.body.failed);
    sketches_add_entry(sketches, entity, added);
    size_t from = (size_t)(sketch->start - state->bytes);
    size_t to = (size_t)(sketch->body.end - state->bytes);
    size_t grew = collapsed_put_sketches(state, entity, from, to, sketches);
    free(sketches);
    return grew;
}

static size_t add_to_sketch_tile(struct state *state, const struct entity_plan *entity,
                                 const struct tile *sketch, const struct run_entry *added) {
    size_t sketch_at = (size_t)(sketch->start - state->bytes), at = sketch_at + TILE_HEAD_SIZE;
    size_t old_size = cursor_left(&sketch->body), grew = 0;
    int64_t oldest_us = earlier(sketch->oldest_us, added->time_us);
    int64_t newest_us = later(sketch->newest_us, added->time_us);
    for (size_t i = 0; i < entity->pool_count; i++) {
        if (has_value(&entity->pools[i], added)) {
            uint64_t value = (uint64_t)added->integers[entity->pools[i].column];
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
    if (entity->has_sketches &&
        collapsed_find_sketch(state, &parts,
                              partition_tile(&entity->sketch_tiles, added->time_us, newest_us),
                              &sketch)) {
        size_t sketch_at = (size_t)(sketch.start - parts.sketches);
        size_t grew = entity->distribution_count > 0
                          ? add_to_distributions(state, entity, &sketch, added)
                          : add_to_sketch_tile(state, entity, &sketch, added);
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
