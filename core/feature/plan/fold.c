/* One pass over both states in order of time, tile by tile of the partition that belongs to their
 * newest time. A tile's raw entries and collapsed parts are counted first and then written, as they
 * are or collapsed. Sketches come along: whenever a collapsed tile is written, its sketch tile is
 * opened if it is not open yet, with all sketches of both states that lie in it, and takes the
 * values of the entries that have just collapsed. */
#include "fold.h"

#include "core/base/check.h"
#include "core/feature/sketch/summary.h"
#include "core/feature/state/run_decode.h"

#include <stdlib.h>

/* What is left of one of the two states. */
struct source {
    struct run run, before; /* before: where `entry` was read from */
    struct tiles tiles, sketches;
    struct run_entry entry;
    struct tile tile, sketch;
    bool has_entry, has_tile, has_sketch;
};

struct fold {
    const struct entity_plan *entity;
    int64_t newest_us;
    struct source sources[2];
    struct head head;
    struct dense dense;
    struct buffer run, tiles, sketches;
    struct summary *summary; /* NULL until a tile collapses */
    /* The sketch tile that is being filled. While one stored sketch is all that is in it, that is
     * not decoded. */
    bool is_open, is_decoded;
    struct tile_extent open;
    struct tile single;
    struct sketches *values; /* its times, and its values once decoded; NULL until needed */
};

static void next_entry(struct source *source) {
    source->before = source->run;
    source->has_entry = run_next(&source->run, &source->entry);
    check(!source->run.cursor.failed);
}

static void next_tile(struct source *source) {
    source->has_tile = tiles_next(&source->tiles, &source->tile);
}

static void next_sketch(struct source *source) {
    source->has_sketch = tiles_next(&source->sketches, &source->sketch);
}

static void open_source(struct fold *fold, size_t i, const void *bytes, size_t length) {
    struct source *source = &fold->sources[i];
    source->has_entry = source->has_tile = source->has_sketch = false;
    if (length == 0)
        return;
    struct parts parts = parts_of(bytes, length);
    source->run = parts_run(&parts, fold->entity);
    source->tiles = parts_tiles(&parts);
    source->sketches = parts_sketches(&parts);
    fold->newest_us = parts.newest_us > fold->newest_us ? parts.newest_us : fold->newest_us;
    next_entry(source);
    next_tile(source);
    next_sketch(source);
}

static bool has_entry_until(const struct source *source, int64_t last_us) {
    return source->has_entry && source->entry.time_us <= last_us;
}

static bool has_tile_until(const struct source *source, int64_t last_us) {
    return source->has_tile && source->tile.oldest_us <= last_us;
}

/* Writing raw entries. body: identity and tally. */

static void put_entry(struct fold *fold, int64_t time_us, const uint8_t *body, size_t size) {
    struct head *head = &fold->head;
    uint8_t *start = buffer_reserve(&fold->run, BUFFER_VARINT_MAX + size);
    if (head->entries == 0)
        head->first_us = head->last_us = time_us;
    uint8_t *at = varint_put(start, (uint64_t)time_us - (uint64_t)head->last_us);
    memcpy(at, body, size);
    head->last_size = (uint16_t)(at + size - start);
    head->last_us = time_us;
    check(head->entries < UINT32_MAX);
    head->entries++;
    fold->run.length += head->last_size;
}

static void put_sum(struct fold *fold, const struct run_entry *a, const struct run_entry *b) {
    uint8_t bytes[RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX];
    size_t identity = (size_t)(a->tally - a->identity);
    memcpy(bytes, a->identity, identity);
    uint8_t *end = run_put_tally_sum(fold->entity, a, b, bytes + identity);
    put_entry(fold, a->time_us, bytes, (size_t)(end - bytes));
}

static void put_entries(struct fold *fold, int64_t last_us) {
    struct source *a = &fold->sources[0], *b = &fold->sources[1];
    for (;;) {
        bool a_left = has_entry_until(a, last_us), b_left = has_entry_until(b, last_us);
        if (!a_left && !b_left)
            return;
        int order = !a_left ? 1 : !b_left ? -1 : run_compare(&a->entry, &b->entry);
        const struct run_entry *first = order <= 0 ? &a->entry : &b->entry;
        if (order == 0)
            put_sum(fold, &a->entry, &b->entry);
        else
            put_entry(fold, first->time_us, first->identity,
                      (size_t)(first->end - first->identity));
        if (order <= 0)
            next_entry(a);
        if (order >= 0)
            next_entry(b);
    }
}

/* Entries that lie side by side in one of the states. */
struct stretch {
    struct run behind; /* a reader that begins behind them */
    const uint8_t *identity, *end;
    uint64_t transactions;
    uint32_t entries;
    int64_t last_us;
    size_t last_size;
};

static struct stretch find_stretch(const struct source *source, int64_t last_us) {
    struct run run = source->before;
    struct stretch stretch = {.behind = run, .identity = source->entry.identity};
    struct run_extent extent;
    while (run_pass(&run, &extent) && extent.time_us <= last_us) {
        stretch.behind = run;
        stretch.end = extent.end;
        stretch.transactions += extent.transactions;
        stretch.entries++;
        stretch.last_us = extent.time_us;
        stretch.last_size = (size_t)(extent.end - extent.start);
    }
    check(!run.cursor.failed);
    return stretch;
}

/* All of it at once: only the first entry has another one before it than it had. */
static void put_stretch(struct fold *fold, struct source *source, const struct stretch *stretch) {
    struct head *head = &fold->head;
    put_entry(fold, source->entry.time_us, stretch->identity,
              (size_t)(stretch->end - stretch->identity));
    head->last_us = stretch->last_us;
    head->entries += stretch->entries - 1;
    if (stretch->entries > 1)
        head->last_size = (uint16_t)stretch->last_size;
    source->run = stretch->behind;
    next_entry(source);
}

/* Writing sketches. */

static void decode_single(struct fold *fold) {
    if (fold->is_decoded)
        return;
    if (fold->single.start)
        sketches_add_tile(fold->values, fold->entity, &fold->single);
    fold->is_decoded = true;
}

static void close_sketch(struct fold *fold) {
    if (!fold->is_open)
        return;
    struct buffer *bytes = &fold->sketches;
    if (fold->is_decoded || !fold->single.start) {
        sketches_encode(fold->values, fold->entity, bytes);
    } else {
        size_t size = cursor_left(&fold->single.body);
        tile_head_put(buffer_reserve(bytes, TILE_HEAD_SIZE), fold->values->oldest_us,
                      fold->values->newest_us, size);
        bytes->length += TILE_HEAD_SIZE;
        buffer_append(bytes, fold->single.body.at, size);
    }
    fold->dense.sketches++;
    fold->is_open = false;
}

static void open_sketch(struct fold *fold, struct tile_extent tile) {
    close_sketch(fold);
    if (!fold->values)
        fold->values = sketches_new(fold->entity);
    sketches_clear(fold->values, fold->entity);
    fold->is_open = true;
    fold->is_decoded = false;
    fold->open = tile;
    fold->single.start = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct source *source = &fold->sources[i];
        while (source->has_sketch && source->sketch.newest_us < tile.first_us)
            next_sketch(source); /* dropped */
        for (; source->has_sketch && source->sketch.oldest_us <= tile.last_us;
             next_sketch(source)) {
            if (!fold->single.start) {
                fold->single = source->sketch;
                continue;
            }
            decode_single(fold);
            sketches_add_tile(fold->values, fold->entity, &source->sketch);
        }
    }
}

/* The sketches for a collapsed tile that begins here; NULL where none are kept. */
static struct sketches *sketches_at(struct fold *fold, int64_t time_us) {
    const struct entity_plan *entity = fold->entity;
    if (!entity->has_sketches || is_behind(tile_extent_of(time_us, entity->block_level).last_us,
                                           fold->newest_us, entity->pools_kept_us))
        return NULL;
    if (!fold->is_open || time_us > fold->open.last_us)
        open_sketch(fold, partition_tile(&entity->sketch_tiles, time_us, fold->newest_us));
    return fold->values;
}

/* Writing collapsed tiles. */

static void put_tile(struct fold *fold, const struct tile *tile) {
    buffer_append(&fold->tiles, tile->start, (size_t)(tile->body.end - tile->start));
    fold->dense.newest_us = tile->newest_us;
    fold->dense.tiles++;
    struct sketches *sketches = sketches_at(fold, tile->oldest_us);
    if (sketches)
        sketches_extend(sketches, tile->oldest_us, tile->newest_us);
}

static void put_summary(struct fold *fold, int64_t last_us, struct sketches *sketches) {
    const struct entity_plan *entity = fold->entity;
    if (!fold->summary)
        fold->summary = summary_new(entity);
    summary_clear(fold->summary, entity);
    for (size_t i = 0; i < 2; i++) {
        struct source *source = &fold->sources[i];
        for (; has_tile_until(source, last_us); next_tile(source)) {
            summary_add_tile(fold->summary, entity, &source->tile);
            check(!source->tile.body.failed);
        }
        for (; has_entry_until(source, last_us); next_entry(source)) {
            summary_add_entry(fold->summary, entity, &source->entry);
            if (!sketches)
                continue;
            decode_single(fold);
            sketches_add_entry(sketches, entity, &source->entry);
        }
    }
    summary_encode(fold->summary, entity, &fold->tiles);
    fold->dense.newest_us = fold->summary->newest_us;
    fold->dense.tiles++;
    if (sketches)
        sketches_extend(sketches, fold->summary->oldest_us, fold->summary->newest_us);
}

/* Everything. */

/* The time of what comes next. Returns false at the end. */
static bool next_time(const struct fold *fold, int64_t *ret_time_us) {
    bool any = false;
    int64_t time_us = INT64_MAX;
    for (size_t i = 0; i < 2; i++) {
        const struct source *source = &fold->sources[i];
        any |= source->has_entry || source->has_tile;
        if (source->has_entry && source->entry.time_us < time_us)
            time_us = source->entry.time_us;
        if (source->has_tile && source->tile.oldest_us < time_us)
            time_us = source->tile.oldest_us;
    }
    *ret_time_us = time_us;
    return any;
}

static void drop_until(struct fold *fold, int64_t last_us) {
    for (size_t i = 0; i < 2; i++) {
        struct source *source = &fold->sources[i];
        while (has_entry_until(source, last_us))
            next_entry(source);
        while (has_tile_until(source, last_us))
            next_tile(source);
    }
}

static size_t count_tiles(const struct source *source, int64_t last_us) {
    struct tiles ahead = source->tiles;
    struct tile tile;
    size_t count = has_tile_until(source, last_us);
    while (count > 0 && tiles_next(&ahead, &tile) && tile.oldest_us <= last_us)
        count++;
    return count;
}

/* Transactions of the raw entries. */
static uint64_t count_transactions(const struct source *source, int64_t last_us) {
    return has_entry_until(source, last_us) ? find_stretch(source, last_us).transactions : 0;
}

/* What lies in the tile, if that is raw entries of one of the states and not too many. */
static bool fold_stretch(struct fold *fold, struct source *source, int64_t last_us) {
    struct stretch stretch = find_stretch(source, last_us);
    if (stretch.transactions > TILE_RAW_MAX)
        return false;
    put_stretch(fold, source, &stretch);
    return true;
}

static void fold_tile(struct fold *fold, int64_t time_us, int64_t last_us) {
    struct source *a = &fold->sources[0], *b = &fold->sources[1];
    size_t tiles = count_tiles(a, last_us) + count_tiles(b, last_us);
    bool a_left = has_entry_until(a, last_us), b_left = has_entry_until(b, last_us);
    if (tiles == 0 && a_left != b_left && fold_stretch(fold, a_left ? a : b, last_us))
        return;
    if (tiles == 1 && !a_left && !b_left) {
        struct source *source = has_tile_until(a, last_us) ? a : b;
        put_tile(fold, &source->tile);
        next_tile(source);
    } else if (tiles > 0 ||
               count_transactions(a, last_us) + count_transactions(b, last_us) > TILE_RAW_MAX) {
        put_summary(fold, last_us, sketches_at(fold, time_us));
    } else {
        put_entries(fold, last_us);
    }
}

static void write_state(struct fold *fold, struct buffer *bytes) {
    struct dense *dense = &fold->dense;
    if (fold->head.entries == 0 && dense->tiles == 0)
        return;
    size_t dense_size =
        dense->tiles == 0 ? 0 : DENSE_SIZE + fold->tiles.length + fold->sketches.length;
    size_t size = HEAD_SIZE + dense_size + fold->run.length;
    check(size <= UINT32_MAX);
    fold->head.dense_size = (uint32_t)dense_size;
    uint8_t *at = buffer_reserve(bytes, size);
    head_put(at, &fold->head);
    if (dense_size > 0) {
        dense->tile_bytes = (uint32_t)fold->tiles.length;
        dense_put(at + HEAD_SIZE, dense);
    }
    bytes->length += HEAD_SIZE + (dense_size > 0 ? DENSE_SIZE : 0);
    buffer_append(bytes, fold->tiles.bytes, fold->tiles.length);
    buffer_append(bytes, fold->sketches.bytes, fold->sketches.length);
    buffer_append(bytes, fold->run.bytes, fold->run.length);
}

void fold_states(const struct entity_plan *entity, const void *a, size_t a_length, const void *b,
                 size_t b_length, struct buffer *ret_bytes) {
    struct fold fold;
    memset(&fold, 0, sizeof fold);
    fold.entity = entity;
    fold.newest_us = INT64_MIN;
    buffer_init(&fold.run);
    buffer_init(&fold.tiles);
    buffer_init(&fold.sketches);
    open_source(&fold, 0, a, a_length);
    open_source(&fold, 1, b, b_length);
    int64_t time_us;
    while (next_time(&fold, &time_us)) {
        struct tile_extent block = tile_extent_of(time_us, entity->block_level);
        if (is_behind(block.last_us, fold.newest_us, entity->kept_us))
            drop_until(&fold, block.last_us);
        else
            fold_tile(&fold, time_us,
                      partition_tile(&entity->tiles, time_us, fold.newest_us).last_us);
    }
    close_sketch(&fold);
    write_state(&fold, ret_bytes);
    buffer_deinit(&fold.run);
    buffer_deinit(&fold.tiles);
    buffer_deinit(&fold.sketches);
    free(fold.summary);
    free(fold.values);
}
