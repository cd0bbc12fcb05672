/* A stream of ids into the table of ids. Of transactions whose ids have the same hash the first one
 * keeps the place, and its label is the last one it was given: what an overlay comes to, record by
 * record. */
#include "rebuild_internal.h"

#include "core/base/check.h"
#include "numbered.h"

#include <stdlib.h>
#include <string.h>

struct id_merge {
    const struct ranges *ranges;
    size_t range;
    struct outlet_maker *maker;
    struct generation_cursor *cursor; /* NULL: nothing to go on from */
    uint64_t before_hash, before_packed;
    bool has_before;
};

static bool pass_on(struct id_merge *merge, uint64_t id_hash, uint64_t packed) {
    uint8_t *at = outlet_room(merge->maker, FOLDED_ID_SIZE);
    if (!at)
        return false;
    memcpy(at, &id_hash, 8);
    memcpy(at + 8, &packed, 8);
    return true;
}

static void next_before(struct id_merge *merge) {
    struct known_id known;
    merge->has_before = merge->cursor &&
                        generation_cursor_next_id(merge->cursor, &merge->before_hash, &known) &&
                        ranges_find_hash(merge->ranges, merge->before_hash) == merge->range;
    if (merge->has_before)
        merge->before_packed = known.position << 8 | (uint64_t)known.label;
}

/* What all records about one hash come to; 0: the transaction is not known. before: 0: none. */
static uint64_t resolve(const struct stream_id *ids, const struct numbered *order, size_t count,
                        uint64_t before) {
    uint64_t position = before >> 8;
    for (size_t i = 0; i < count; i++) {
        const struct stream_id *id = &ids[order[i].item];
        bool is_transaction = id->at == id->packed >> 8;
        if (is_transaction && before == 0 && (position == 0 || id->at < position))
            position = id->at;
    }
    uint64_t packed = before ? before : position << 8, at = 0;
    for (size_t i = 0; i < count && position; i++) {
        const struct stream_id *id = &ids[order[i].item];
        if (id->at != position && id->packed >> 8 == position && id->at > at) {
            packed = id->packed;
            at = id->at;
        }
    }
    return packed;
}

static void merge_ids(struct id_merge *merge, const struct stream_id *ids,
                      const struct numbered *order, size_t count) {
    next_before(merge);
    for (size_t i = 0; i < count;) {
        uint64_t hash = order[i].number, before = 0;
        size_t next = i + 1;
        while (next < count && order[next].number == hash)
            next++;
        while (merge->has_before && merge->before_hash <= hash) {
            if (merge->before_hash == hash)
                before = merge->before_packed;
            else if (!pass_on(merge, merge->before_hash, merge->before_packed))
                return;
            next_before(merge);
        }
        uint64_t packed = resolve(ids, order + i, next - i, before);
        if (packed && !pass_on(merge, hash, packed))
            return;
        i = next;
    }
    while (merge->has_before && pass_on(merge, merge->before_hash, merge->before_packed))
        next_before(merge);
}

/* The stream's bytes one behind the other, then room for sorting. */
static int load(struct rebuild *rebuild, size_t stream, uint8_t **scratch, size_t *scratch_size,
                struct error *ret_error) {
    size_t bytes = (size_t)spill_bytes(rebuild->spill, stream);
    size_t size = bytes + 2 * (bytes / STREAM_ID_SIZE + 1) * sizeof(struct numbered);
    if (size > *scratch_size) {
        free(*scratch);
        *scratch = check_malloc(size);
        *scratch_size = size;
    }
    const struct spill_block *blocks;
    size_t count = spill_blocks(rebuild->spill, stream, &blocks);
    uint8_t *at = *scratch;
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (blocks[i].bytes)
            memcpy(at, blocks[i].bytes, blocks[i].length);
        else
            r = spill_read(rebuild->spill, &blocks[i], at, ret_error);
        at += blocks[i].length;
    }
    return r;
}

int rebuild_fold_ids(struct rebuild *rebuild, size_t stream, struct generation *before,
                     uint8_t **scratch, size_t *scratch_size, struct outlet_maker *maker,
                     struct error *ret_error) {
    int r = load(rebuild, stream, scratch, scratch_size, ret_error);
    if (r < 0)
        return r;
    size_t entities = rebuild->plan->entity_count;
    size_t count = (size_t)spill_bytes(rebuild->spill, stream) / STREAM_ID_SIZE;
    struct stream_id *ids = (struct stream_id *)(void *)*scratch;
    struct numbered *order = (struct numbered *)(void *)(ids + count);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct numbered){.number = ids[i].id_hash, .item = i};
    if (count)
        numbered_sort(order, order + count, count);
    struct id_merge merge = {.ranges = &rebuild->ranges[entities],
                             .range = stream - rebuild->first_stream[entities],
                             .maker = maker};
    if (before) {
        merge.cursor = generation_cursor_open_ids(before);
        generation_cursor_seek_id(merge.cursor,
                                  merge.range ? merge.ranges->cuts[merge.range - 1] : 0);
    }
    merge_ids(&merge, ids, order, count);
    generation_cursor_close(merge.cursor);
    return 0;
}
