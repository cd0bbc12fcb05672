/* The table of ids maps the hash of an id to the transaction's position and label. Records before
 * rebuild->ids_from are left out. Of transactions
 * whose ids have equal hashes the first one is kept, with the last label it was given: what the
 * server's overlay holds after the same records. */
#include "rebuild_ids.h"

#include "rebuild_job.h"

#include "batch/base/radix_sort.h"
#include "core/base/check.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A stream is sorted in place as radix items, without copying it into another layout. */
_Static_assert(sizeof(struct stream_id) == sizeof(struct radix_item) &&
                   offsetof(struct stream_id, packed) == offsetof(struct radix_item, item),
               "a stream_id is laid out like a radix_item");

struct id_merge {
    size_t ranges, range; /* number `range` of `ranges` */
    struct ordered_queue_producer *producer;
    struct generation_cursor *cursor; /* of the generation before; NULL: the rebuild is full */
    uint64_t ids_from;                /* earlier ones of it are left out */
    uint64_t before_hash, before_packed;
    bool has_before;
};

/* Queues one entry of the table. false: the thread pool was stopped. */
static bool pass_on(struct id_merge *merge, uint64_t id_hash, uint64_t packed) {
    uint8_t *at = ordered_queue_reserve(merge->producer, GENERATION_ID_SIZE);
    const struct known_id known = {.position = packed >> 8, .label = (enum label)(packed & 0xff)};
    if (at)
        generation_id_put(id_hash, known, at);
    return at;
}

static void next_before(struct id_merge *merge) {
    struct known_id known = {0};
    do {
        merge->has_before = merge->cursor &&
                            generation_cursor_next_id(merge->cursor, &merge->before_hash, &known) &&
                            ranges_find_hash(merge->ranges, merge->before_hash) == merge->range;
    } while (merge->has_before && known.position < merge->ids_from);
    if (merge->has_before)
        merge->before_packed = known.position << 8 | (uint64_t)known.label;
}

/* A hash of amendments is that of nothing else (amendment_hash()). 0: it is one of transactions. */
static uint64_t newest_amendment(const struct radix_item *ids, size_t count) {
    uint64_t newest = 0;
    for (size_t i = 0; i < count; i++)
        if ((ids[i].item & 0xff) == STREAM_ID_AMENDED && ids[i].item >> 8 > newest)
            newest = ids[i].item >> 8;
    return newest;
}

/* The table's value for one hash, from all records about it; 0: no such transaction. before: its
 * value in the generation before, 0: none. An existing transaction keeps its position; a new one is
 * the first record. Labels count only if they were given to that very transaction. */
static uint64_t resolve(const struct radix_item *ids, size_t count, uint64_t before) {
    uint64_t position = before >> 8;
    uint64_t amendment = newest_amendment(ids, count);
    if (amendment > 0)
        return (amendment > position ? amendment : position) << 8;
    for (size_t i = 0; i < count && before == 0; i++)
        if ((ids[i].item & 0xff) == 0 && (position == 0 || ids[i].item >> 8 < position))
            position = ids[i].item >> 8;
    uint64_t packed = before ? before : position << 8, newest = 0;
    for (size_t i = 0; i + 1 < count && position; i++) {
        uint64_t by = ids[i + 1].item >> 8;
        if ((ids[i + 1].item & 0xff) != STREAM_ID_BY || ids[i].item >> 8 != position || by < newest)
            continue;
        packed = ids[i].item & ~(uint64_t)STREAM_ID_LABELLED;
        newest = by;
    }
    return packed;
}

/* Merges sorted ids with the generation before, as pass_groups() does with states. */
static void merge_ids(struct id_merge *merge, const struct radix_item *ids, size_t count) {
    next_before(merge);
    for (size_t i = 0, next; i < count; i = next) {
        uint64_t hash = ids[i].number, before = 0;
        for (next = i + 1; next < count && ids[next].number == hash;)
            next++;
        while (merge->has_before && merge->before_hash <= hash) {
            if (merge->before_hash == hash)
                before = merge->before_packed;
            else if (!pass_on(merge, merge->before_hash, merge->before_packed))
                return;
            next_before(merge);
        }
        uint64_t packed = resolve(ids + i, next - i, before);
        if (packed && !pass_on(merge, hash, packed))
            return;
    }
    while (merge->has_before && pass_on(merge, merge->before_hash, merge->before_packed))
        next_before(merge);
}

/* Copies the stream's blocks to *scratch, which has the same space again behind them for sorting.
 */
static int load(struct rebuild *rebuild, size_t stream, uint8_t **scratch, size_t *scratch_size,
                struct error *ret_error) {
    size_t bytes = (size_t)spill_bytes(rebuild->spill, stream);
    size_t size = 2 * bytes;
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
                     uint8_t **scratch, size_t *scratch_size,
                     struct ordered_queue_producer *producer, struct error *ret_error) {
    int r = load(rebuild, stream, scratch, scratch_size, ret_error);
    if (r < 0)
        return r;
    size_t entities = rebuild->plan->entity_count;
    size_t count = (size_t)spill_bytes(rebuild->spill, stream) / STREAM_ID_SIZE;
    struct radix_item *ids = (struct radix_item *)(void *)*scratch;
    if (count)
        radix_sort(ids, ids + count, count);
    struct id_merge merge = {.ranges = rebuild->id_ranges,
                             .range = stream - rebuild->first_stream[entities],
                             .producer = producer,
                             .ids_from = rebuild->ids_from};
    if (before) {
        merge.cursor = generation_cursor_open_ids(before);
        generation_cursor_seek_id(merge.cursor, ranges_hash_begin(merge.ranges, merge.range));
    }
    merge_ids(&merge, ids, count);
    generation_cursor_close(merge.cursor);
    return 0;
}
