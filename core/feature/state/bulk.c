#include "bulk.h"

#include "core/base/check.h"
#include "core/feature/plan/fold.h"
#include "run.h"
#include "tile.h"

#include <stdlib.h>

_Static_assert(BULK_BODY_MAX == RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX,
               "a body is an identity and a tally");

struct bulk {
    struct buffer run;    /* head and entries, sorted: a state, but for what fold_states() does */
    struct buffer folded; /* the result, where that differs */
};

struct bulk *bulk_new(void) {
    struct bulk *bulk = check_malloc(sizeof *bulk);
    buffer_init(&bulk->run);
    buffer_init(&bulk->folded);
    return bulk;
}

void bulk_free(struct bulk *bulk) {
    if (!bulk)
        return;
    buffer_deinit(&bulk->run);
    buffer_deinit(&bulk->folded);
    free(bulk);
}

size_t bulk_encode(const struct entity_plan *entity, const struct entry *entry, uint8_t *at) {
    uint8_t *end = run_put_identity(entity, entry, at);
    end = run_put_tally(entity, entry->transaction, entry->weights, end);
    return (size_t)(end - at);
}

/* By time, then by identity. One identity never begins with another, so comparing whole bodies
 * compares tallies only where the identities are the same. */
static int compare_entries(const void *left, const void *right) {
    const struct bulk_entry *a = left, *b = right;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    int order = memcmp(a->body, b->body, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static void sort_entries(struct bulk_entry *entries, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (compare_entries(&entries[i - 1], &entries[i]) > 0) {
            qsort(entries, count, sizeof *entries, compare_entries);
            return;
        }
}

/* bytes: room for one byte and the body. What stands before an identity is its time, which
 * run_take_entry() passes over. */
static void decode(const struct entity_plan *entity, int64_t time_us, const uint8_t *body,
                   size_t size, uint8_t *bytes, struct run_entry *ret_entry) {
    bytes[0] = 0;
    memcpy(bytes + 1, body, size);
    struct cursor cursor = cursor_of(bytes, size + 1);
    check(run_take_entry(&cursor, entity, time_us, ret_entry));
}

/* Are the last entry of the run and this one, which has its time, the same one? Then that becomes
 * their sum. body: where the last one's identity begins in the run. */
static bool add_to_last(struct bulk *bulk, const struct entity_plan *entity,
                        const struct bulk_entry *entry, size_t body) {
    struct buffer *run = &bulk->run;
    if (memcmp(run->bytes + body, entry->body, 8) != 0) /* the id hash */
        return false;
    uint8_t last_bytes[1 + BULK_BODY_MAX], bytes[1 + BULK_BODY_MAX];
    struct run_entry last, added;
    decode(entity, entry->time_us, run->bytes + body, run->length - body, last_bytes, &last);
    decode(entity, entry->time_us, entry->body, entry->size, bytes, &added);
    if (run_compare(&last, &added) != 0)
        return false;
    run->length = body + (size_t)(last.tally - last.identity);
    uint8_t *at = buffer_reserve(run, RUN_TALLY_SIZE_MAX);
    run->length += (size_t)(run_put_tally_sum(entity, &last, &added, at) - at);
    return true;
}

/* Writes the sorted entries as a state that is nothing but a run. */
static void write_run(struct bulk *bulk, const struct entity_plan *entity,
                      const struct bulk_entry *entries, size_t count) {
    struct buffer *run = &bulk->run;
    struct head head = {.first_us = entries[0].time_us, .last_us = entries[0].time_us};
    buffer_clear(run);
    buffer_reserve(run, HEAD_SIZE);
    run->length = HEAD_SIZE;
    size_t last = HEAD_SIZE, body = HEAD_SIZE;
    for (size_t i = 0; i < count; i++) {
        const struct bulk_entry *entry = &entries[i];
        if (head.entries > 0 && entry->time_us == head.last_us &&
            add_to_last(bulk, entity, entry, body))
            continue;
        uint8_t *start = buffer_reserve(run, BUFFER_VARINT_MAX + entry->size);
        uint8_t *at = varint_put(start, (uint64_t)entry->time_us - (uint64_t)head.last_us);
        memcpy(at, entry->body, entry->size);
        last = run->length;
        body = last + (size_t)(at - start);
        run->length = body + entry->size;
        head.last_us = entry->time_us;
        check(head.entries < UINT32_MAX);
        head.entries++;
    }
    head.last_size = (uint16_t)(run->length - last);
    head_put(run->bytes, &head);
}

/* How many of the sorted entries, from the first on, are dropped because of the last one. */
static size_t count_dropped(const struct entity_plan *entity, const struct bulk_entry *entries,
                            size_t count) {
    int64_t newest_us = entries[count - 1].time_us;
    size_t dropped = 0;
    while (dropped < count &&
           is_behind(tile_extent_of(entries[dropped].time_us, entity->block_level).last_us,
                     newest_us, entity->kept_us))
        dropped++;
    return dropped;
}

/* Is there nothing to collapse, because no tile, not even one of the widest, holds so many? */
static bool is_sparse(const struct entity_plan *entity, const struct bulk_entry *entries,
                      size_t count) {
    uint64_t widest_us = UINT64_C(1) << entity->tiles.most;
    for (size_t i = TILE_RAW_MAX; i < count; i++)
        if ((uint64_t)entries[i].time_us - (uint64_t)entries[i - TILE_RAW_MAX].time_us < widest_us)
            return false;
    return true;
}

static struct text text_of_buffer(const struct buffer *buffer) {
    return (struct text){.data = (const char *)buffer->bytes, .length = buffer->length};
}

struct text bulk_merge(struct bulk *bulk, const struct entity_plan *entity, int64_t lateness_us,
                       struct text a, struct text b) {
    check(lateness_us == entity->lateness_us);
    if (entity->reach_us == 0)
        return (struct text){0};
    buffer_clear(&bulk->folded);
    fold_states(entity, a.data, a.length, b.data, b.length, &bulk->folded);
    return text_of_buffer(&bulk->folded);
}

struct text bulk_fold(struct bulk *bulk, const struct entity_plan *entity, int64_t lateness_us,
                      struct text before, struct bulk_entry *entries, size_t count) {
    if (entity->reach_us == 0)
        return (struct text){0};
    if (count == 0)
        return before;
    sort_entries(entries, count);
    size_t dropped = count_dropped(entity, entries, count);
    entries += dropped;
    count -= dropped;
    write_run(bulk, entity, entries, count);
    if (before.length == 0 && is_sparse(entity, entries, count))
        return text_of_buffer(&bulk->run);
    return bulk_merge(bulk, entity, lateness_us, before, text_of_buffer(&bulk->run));
}
