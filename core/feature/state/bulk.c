#include "bulk.h"

#include "core/base/check.h"
#include "core/feature/live/compact.h"
#include "core/feature/live/encoding.h"

#include <stdlib.h>

_Static_assert(BULK_BODY_MAX == BODY_SIZE_MAX, "a body is an identity and a tally");

struct bulk {
    struct buffer run;    /* head and entries, sorted: a state, but for its compaction */
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
    uint8_t *end = identity_put(entity, entry, at);
    struct row_tally tally;
    tally.transactions = entry->transaction;
    tally.taken = 0;
    if (entry->is_taken_out) {
        struct row row;
        row_of_entry(entity, entry, &row);
        end = tally_put(entity, &row.entry, &row.tally, end);
    } else {
        end = tally_put(entity, entry, &tally, end);
    }
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

static void decode(const struct entity_plan *entity, int64_t time_us, const uint8_t *body,
                   size_t size, struct row *ret_row) {
    check(body_take(body, body + size, entity, ret_row));
    ret_row->entry.time_us = time_us;
}

/* Are the last entry of the run and this one, which has its time, the same one? Then that becomes
 * their sum. body: where the last one's identity begins in the run. */
static bool add_to_last(struct bulk *bulk, const struct entity_plan *entity,
                        const struct bulk_entry *entry, size_t body) {
    struct buffer *run = &bulk->run;
    if (memcmp(run->bytes + body, entry->body, 8) != 0) /* the id hash */
        return false;
    struct row last, added;
    decode(entity, entry->time_us, run->bytes + body, run->length - body, &last);
    decode(entity, entry->time_us, entry->body, entry->size, &added);
    if (entry_compare(entity, &last.entry, &added.entry) != 0)
        return false;
    const uint8_t *tally = identity_end(run->bytes + body, run->bytes + run->length, entity);
    row_add(entity, &last, &added);
    run->length = (size_t)(tally - run->bytes);
    uint8_t *at = buffer_reserve(run, TALLY_SIZE_MAX);
    run->length += (size_t)(tally_put(entity, &last.entry, &last.tally, at) - at);
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

struct text bulk_merge(struct bulk *bulk, const struct entity_plan *entity, int64_t lateness_us,
                       struct text a, struct text b) {
    struct state state;
    buffer_clear(&bulk->folded);
    if (entity->reach_us == 0)
        return (struct text){0};
    state_init(&state);
    state_assign(&state, entity, a.data, a.length);
    state_merge(&state, entity, lateness_us, b.data, b.length);
    state_encode(&state, entity, &bulk->folded);
    state_deinit(&state);
    return buffer_text(&bulk->folded);
}

/* Is the entry the same one as the last row? Then that becomes their sum. */
static bool add_to_last_row(struct state *state, const struct entity_plan *entity,
                            const struct row *added) {
    uint32_t last = state->end - 1;
    struct row sum;
    if (state->begin == state->end ||
        row_time(state, &entity->rows[state->layout], last) != added->entry.time_us)
        return false;
    row_get(state, entity, last, &sum);
    if (entry_compare(entity, &sum.entry, &added->entry) != 0)
        return false;
    row_add(entity, &sum, added);
    state_fit(state, entity, &sum);
    row_set_weights(state, entity, &sum, row_at(state, last));
    return true;
}

/* Sorted entries, none of which is older than the last row. */
static void append_entries(struct state *state, const struct entity_plan *entity,
                           const struct bulk_entry *entries, size_t count) {
    bool was_empty = state_is_empty(state);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        decode(entity, entries[i].time_us, entries[i].body, entries[i].size, &row);
        if (add_to_last_row(state, entity, &row))
            continue;
        state_fit(state, entity, &row);
        uint32_t at = rows_insert(state, entity, state->end);
        row_fill(state, entity, &row, row_at(state, at));
    }
    if (was_empty || entries[count - 1].time_us > state->newest_us)
        state->newest_us = entries[count - 1].time_us;
    compact_all(state, entity);
}

static void add_chunk(struct bulk *bulk, const struct entity_plan *entity, struct state *state,
                      const struct bulk_entry *entries, size_t count) {
    bool is_behind_all =
        state->begin == state->end ||
        entries[0].time_us > row_time(state, &entity->rows[state->layout], state->end - 1);
    if (is_behind_all) {
        append_entries(state, entity, entries, count);
        return;
    }
    write_run(bulk, entity, entries, count);
    state_merge(state, entity, entity->lateness_us, bulk->run.bytes, bulk->run.length);
}

/* So many at a time, so that the longest history takes no more memory than this. */
#define CHUNK_ENTRIES ((size_t)1 << 15)

struct text bulk_fold(struct bulk *bulk, const struct entity_plan *entity, int64_t lateness_us,
                      struct text before, struct bulk_entry *entries, size_t count) {
    check(lateness_us == entity->lateness_us && entity->id_size > 0);
    if (entity->reach_us == 0)
        return (struct text){0};
    if (count == 0)
        return before;
    sort_entries(entries, count);
    size_t dropped = count_dropped(entity, entries, count);
    entries += dropped;
    count -= dropped;
    if (before.length == 0 && is_sparse(entity, entries, count)) {
        write_run(bulk, entity, entries, count);
        return buffer_text(&bulk->run);
    }
    struct state state;
    state_init(&state);
    state_assign(&state, entity, before.data, before.length);
    for (size_t done = 0; done < count; done += CHUNK_ENTRIES) {
        size_t left = count - done;
        add_chunk(bulk, entity, &state, entries + done,
                  left < CHUNK_ENTRIES ? left : CHUNK_ENTRIES);
    }
    buffer_clear(&bulk->folded);
    state_encode(&state, entity, &bulk->folded);
    state_deinit(&state);
    return buffer_text(&bulk->folded);
}
