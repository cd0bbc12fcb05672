/* An entity's state as bytes. The bytes in memory are the canonical encoding: equal states are
 * equal bytes, and nothing is converted when a table is loaded or compared.
 *
 * The empty state has no bytes. Any other is a head and a run of entries, oldest first. Numbers of
 * fixed size are little-endian unless said otherwise; varint and zigzag are those of base/buffer.h,
 * always in the shortest form.
 *
 *   head   u8   version, STATE_ENCODING_VERSION = 1
 *          u16  bytes of the last entry: an entry in order is added without reading the run
 *          u32  entries
 *          i64  time_us of the first entry
 *          i64  time_us of the last entry
 *
 *   entry  time       varint  microseconds since the entry before; the first entry has 0
 *          identity   u64     id_hash, big-endian, so that the order of bytes is the order of
 * numbers varint  bit i: column i is missing for each column that is not, in the plan's order:
 *                       COLUMN_INTEGER  zigzag
 *                       COLUMN_HASH     u64
 *                       COLUMN_TEXT     varint length (at most COLUMN_TEXT_MAX), bytes
 *          tally      short   varint  bit i + 1: weight of filter i; bit 0 is 0
 *                             exactly when there is one transaction and each weight is 0 or 1
 *                     long    varint  transactions × 2 + 1
 *                             for each filter: zigzag weight, within int32
 *
 * Entries ascend by (time, identity), compared as bytes. Records of equal time and identity are one
 * entry whose tally is the sum of theirs: an outcome has its transaction's columns, so it finds the
 * transaction's entry, or waits for it in an entry without a transaction. Should two transactions
 * share time and id hash but not the columns, they are two entries, in any order of application.
 *
 * An entry is kept while newest − time < reach + lateness. What is dropped once would be dropped at
 * every later time, and what arrives too late is never added; so the order does not matter.
 *
 * The seam for what comes next: bounded memory means that old entries are held in tiles, some of
 * them collapsed to an aggregate. A state is then a head and a sequence of tiles, each raw one a
 * run as it is now; state_read() gathers from tile after tile where it now gathers from the one
 * run, and nobody outside core/feature sees the difference.
 *
 * What this deliberately does not do: look at a clock, know what an id means, or notice that the
 * same record comes twice (the archive's writer sees to that). */
#include "state.h"

#include "../base/check.h"
#include "gather.h"
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>

#define HEAD_SIZE 23

struct head {
    uint16_t last_size; /* bytes */
    uint32_t entries;
    int64_t first_us, newest_us;
};

static uint64_t get_little_endian(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* bytes: at least HEAD_SIZE. */
static struct head head_get(const uint8_t *bytes) {
    return (struct head){
        .last_size = (uint16_t)get_little_endian(bytes + 1, 2),
        .entries = (uint32_t)get_little_endian(bytes + 3, 4),
        .first_us = (int64_t)get_little_endian(bytes + 7, 8),
        .newest_us = (int64_t)get_little_endian(bytes + 15, 8),
    };
}

static uint8_t *put_little_endian(uint8_t *at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static void head_put(uint8_t *bytes, const struct head *head) {
    *bytes++ = STATE_ENCODING_VERSION;
    bytes = put_little_endian(bytes, head->last_size, 2);
    bytes = put_little_endian(bytes, head->entries, 4);
    bytes = put_little_endian(bytes, (uint64_t)head->first_us, 8);
    put_little_endian(bytes, (uint64_t)head->newest_us, 8);
}

/* Callers hand in bytes that were checked before; what else they are is a defect of ours. */
static struct head head_of_trusted(const void *bytes, size_t length) {
    check(length >= HEAD_SIZE && *(const uint8_t *)bytes == STATE_ENCODING_VERSION);
    return head_get(bytes);
}

static struct run run_of(const void *bytes, size_t length, const struct entity_plan *entity) {
    struct head head = head_of_trusted(bytes, length);
    return run_open((const uint8_t *)bytes + HEAD_SIZE, length - HEAD_SIZE, entity, head.first_us);
}

/* newest − time without overflow; newest >= time. */
static uint64_t age_of(int64_t time_us, int64_t newest_us) {
    return (uint64_t)newest_us - (uint64_t)time_us;
}

/* Ages below this are kept. 0: the entity has no features, so nothing is. */
static uint64_t kept_span(const struct entity_plan *entity, int64_t lateness_us) {
    check(lateness_us >= 0 && lateness_us <= PLAN_LATENESS_US_MAX);
    return entity->reach_us == 0 ? 0 : (uint64_t)entity->reach_us + (uint64_t)lateness_us;
}

/* Memory. */

void state_init(struct state *state) {
    *state = (struct state){0};
}

void state_deinit(struct state *state) {
    free(state->bytes);
    *state = (struct state){0};
}

static void state_reserve(struct state *state, size_t length) {
    check(length <= UINT32_MAX);
    if (length <= state->capacity)
        return;
    size_t capacity = (size_t)state->capacity + state->capacity / 2;
    capacity = capacity < length ? length : capacity;
    capacity = capacity > UINT32_MAX ? UINT32_MAX : capacity;
    state->bytes = check_realloc(state->bytes, capacity);
    state->capacity = (uint32_t)capacity;
}

void state_assign(struct state *state, const void *bytes, size_t length) {
    state_reserve(state, length);
    if (length > 0)
        memcpy(state->bytes, bytes, length);
    state->length = (uint32_t)length;
}

/* Puts size bytes in the place of [from, to). The head is the caller's to correct. */
static void state_splice(struct state *state, size_t from, size_t to, const uint8_t *bytes,
                         size_t size) {
    state_reserve(state, state->length - (to - from) + size);
    memmove(state->bytes + from + size, state->bytes + to, state->length - to);
    memcpy(state->bytes + from, bytes, size);
    state->length = (uint32_t)(state->length - (to - from) + size);
}

/* Adding. */

/* Behind everything that is there. body: identity and tally. */
static void state_append(struct state *state, int64_t time_us, const uint8_t *body, size_t size) {
    struct head head = {.first_us = time_us, .newest_us = time_us};
    state_reserve(state, (state->length ? state->length : HEAD_SIZE) + BUFFER_VARINT_MAX + size);
    if (state->length > 0)
        head = head_get(state->bytes);
    else
        state->length = HEAD_SIZE;
    uint8_t *start = state->bytes + state->length;
    uint8_t *at = varint_put(start, age_of(head.newest_us, time_us));
    memcpy(at, body, size);
    head.last_size = (uint16_t)(at + size - start);
    head.entries++;
    head.newest_us = time_us;
    state->length += head.last_size;
    head_put(state->bytes, &head);
}

/* Drops what is too old, seen from the newest entry, which always stays. */
static void state_expire(struct state *state, const struct entity_plan *entity, uint64_t span) {
    struct head head = head_get(state->bytes);
    if (age_of(head.first_us, head.newest_us) < span)
        return;
    struct run run = run_of(state->bytes, state->length, entity);
    struct run_entry entry;
    uint32_t dropped = 0;
    while (run_next(&run, &entry) && age_of(entry.time_us, head.newest_us) >= span)
        dropped++;
    check(!run.cursor.failed && dropped < head.entries);
    size_t identity = (size_t)(entry.identity - state->bytes);
    head.first_us = entry.time_us;
    head.entries -= dropped;
    if (head.entries == 1)
        head.last_size = (uint16_t)(entry.end - entry.identity + 1);
    state_splice(state, HEAD_SIZE, identity, (const uint8_t[]){0}, 1);
    head_put(state->bytes, &head);
}

/* Adds the tally of `added` to the stored entry that is the same one. */
static void state_add_tally(struct state *state, const struct entity_plan *entity,
                            const struct run_entry *stored, const struct run_entry *added) {
    struct head head = head_get(state->bytes);
    uint8_t tally[RUN_TALLY_SIZE_MAX];
    size_t size = (size_t)(run_put_tally_sum(entity, stored, added, tally) - tally);
    size_t from = (size_t)(stored->tally - state->bytes), to = (size_t)(stored->end - state->bytes);
    if (to == state->length)
        head.last_size = (uint16_t)(head.last_size - (to - from) + size);
    state_splice(state, from, to, tally, size);
    head_put(state->bytes, &head);
}

/* Puts an entry in front of the stored entry `next`; before_us is the time of the one before. */
static void state_insert(struct state *state, const struct run_entry *added, int64_t before_us,
                         const struct run_entry *next) {
    struct head head = head_get(state->bytes);
    uint8_t bytes[RUN_ENTRY_SIZE_MAX + BUFFER_VARINT_MAX];
    size_t from = (size_t)(next->start - state->bytes);
    size_t to = (size_t)(next->identity - state->bytes);
    bool is_first = from == HEAD_SIZE, next_is_last = next->end == state->bytes + state->length;
    uint8_t *at = varint_put(bytes, is_first ? 0 : age_of(before_us, added->time_us));
    size_t body = (size_t)(added->end - added->identity);
    memcpy(at, added->identity, body);
    uint8_t *next_time = at + body;
    at = varint_put(next_time, age_of(added->time_us, next->time_us));
    if (next_is_last)
        head.last_size = (uint16_t)(head.last_size - (to - from) + (size_t)(at - next_time));
    if (is_first)
        head.first_us = added->time_us;
    head.entries++;
    state_splice(state, from, to, bytes, (size_t)(at - bytes));
    head_put(state->bytes, &head);
}

/* Adds an entry that belongs before the last stored one, or to it. */
static void state_add_out_of_order(struct state *state, const struct entity_plan *entity,
                                   const struct run_entry *added) {
    struct run run = run_of(state->bytes, state->length, entity);
    struct run_entry stored;
    for (;;) {
        int64_t before_us = run.time_us;
        check(run_next(&run, &stored));
        int order = run_compare(added, &stored);
        if (order == 0)
            state_add_tally(state, entity, &stored, added);
        else if (order < 0)
            state_insert(state, added, before_us, &stored);
        if (order <= 0)
            return;
    }
}

/* Does it belong behind the last stored entry? */
static bool is_in_order(const struct state *state, const struct entity_plan *entity,
                        const struct run_entry *added) {
    struct head head = head_get(state->bytes);
    if (added->time_us != head.newest_us)
        return added->time_us > head.newest_us;
    check(head.last_size <= state->length - HEAD_SIZE);
    struct cursor cursor = cursor_of(state->bytes + state->length - head.last_size, head.last_size);
    struct run_entry last;
    check(run_take_entry(&cursor, entity, head.newest_us, &last));
    return run_compare(added, &last) > 0;
}

static void state_add(struct state *state, const struct entity_plan *entity, uint64_t span,
                      const struct run_entry *added) {
    if (state->length > 0) {
        int64_t newest_us = head_of_trusted(state->bytes, state->length).newest_us;
        if (added->time_us < newest_us && age_of(added->time_us, newest_us) >= span)
            return;
        if (!is_in_order(state, entity, added)) {
            state_add_out_of_order(state, entity, added);
            return;
        }
    }
    state_append(state, added->time_us, added->identity, (size_t)(added->end - added->identity));
    state_expire(state, entity, span);
}

void state_apply(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const struct entry *entry) {
    uint64_t span = kept_span(entity, lateness_us);
    if (span == 0)
        return;
    uint8_t bytes[RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX];
    struct run_entry added = {.time_us = entry->time_us, .transactions = entry->transaction};
    memcpy(added.weights, entry->weights, entity->filter_count * sizeof *added.weights);
    added.identity = bytes;
    uint8_t *tally = run_put_identity(entity, entry, bytes);
    added.tally = tally;
    added.end = run_put_tally(entity, added.transactions, added.weights, tally);
    state_add(state, entity, span, &added);
}

/* Appends the next entry of a merge unless it is too old. */
static void merge_entry(struct state *merged, uint64_t span, int64_t newest_us,
                        const struct run_entry *entry) {
    if (age_of(entry->time_us, newest_us) < span)
        state_append(merged, entry->time_us, entry->identity,
                     (size_t)(entry->end - entry->identity));
}

static void merge_same(struct state *merged, const struct entity_plan *entity, uint64_t span,
                       int64_t newest_us, const struct run_entry *a, const struct run_entry *b) {
    uint8_t bytes[RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX];
    struct run_entry sum = {.time_us = a->time_us, .identity = bytes};
    size_t identity = (size_t)(a->tally - a->identity);
    memcpy(bytes, a->identity, identity);
    sum.end = run_put_tally_sum(entity, a, b, bytes + identity);
    merge_entry(merged, span, newest_us, &sum);
}

void state_merge(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const void *bytes, size_t length) {
    uint64_t span = kept_span(entity, lateness_us);
    if (span == 0 || length == 0)
        return;
    if (state->length == 0) {
        state_assign(state, bytes, length);
        return;
    }
    int64_t newest_us = head_of_trusted(state->bytes, state->length).newest_us;
    int64_t other_newest_us = head_of_trusted(bytes, length).newest_us;
    newest_us = other_newest_us > newest_us ? other_newest_us : newest_us;
    struct run a_run = run_of(state->bytes, state->length, entity);
    struct run b_run = run_of(bytes, length, entity);
    struct run_entry a, b;
    bool a_left = run_next(&a_run, &a), b_left = run_next(&b_run, &b);
    struct state merged;
    state_init(&merged);
    state_reserve(&merged, (size_t)state->length + length);
    while (a_left || b_left) {
        int order = !a_left ? 1 : !b_left ? -1 : run_compare(&a, &b);
        if (order == 0)
            merge_same(&merged, entity, span, newest_us, &a, &b);
        else
            merge_entry(&merged, span, newest_us, order < 0 ? &a : &b);
        if (order <= 0)
            a_left = run_next(&a_run, &a);
        if (order >= 0)
            b_left = run_next(&b_run, &b);
    }
    check(!a_run.cursor.failed && !b_run.cursor.failed);
    state_deinit(state);
    *state = merged;
}

/* Reading. */

struct state_scratch {
    struct gather gather;
};

struct state_scratch *state_scratch_new(void) {
    struct state_scratch *scratch = check_malloc(sizeof *scratch);
    gather_init(&scratch->gather);
    return scratch;
}

void state_scratch_free(struct state_scratch *scratch) {
    if (scratch)
        gather_deinit(&scratch->gather);
    free(scratch);
}

int state_read(const void *bytes, size_t length, const struct entity_plan *entity,
               int64_t lateness_us, int64_t at_us, const struct entry *current,
               struct state_scratch *scratch, struct value *ret_values) {
    struct gather *gather = &scratch->gather;
    bool approximate = false;
    gather_begin(gather, entity, at_us, current);
    if (length > 0) {
        struct run run = run_of(bytes, length, entity);
        int64_t newest_us = head_get(bytes).newest_us;
        approximate = at_us < newest_us && age_of(at_us, newest_us) > (uint64_t)lateness_us;
        gather_run(gather, &run);
    }
    for (size_t i = 0; i < entity->feature_count; i++)
        ret_values[i] = gather_value(gather, &entity->features[i]);
    return approximate;
}

bool state_extent(const void *bytes, size_t length, int64_t *ret_newest_us, uint64_t *ret_entries) {
    if (length == 0)
        return false;
    struct head head = head_of_trusted(bytes, length);
    *ret_newest_us = head.newest_us;
    *ret_entries = head.entries;
    return true;
}

bool state_is_idle(const void *bytes, size_t length, const struct entity_plan *entity,
                   int64_t lateness_us, int64_t newest_us) {
    if (length == 0)
        return true;
    int64_t own_us = head_of_trusted(bytes, length).newest_us;
    /* One lateness more than what is kept: a transaction that arrives within the lateness of the
     * archive's newest must find either side without these entries, the one that left the state out
     * and the one that still holds it and drops them on arrival. */
    uint64_t span = kept_span(entity, lateness_us) + (uint64_t)lateness_us;
    return own_us <= newest_us && age_of(own_us, newest_us) >= span;
}

/* Checking. */

static int damaged(struct error *ret_error, const struct entity_plan *entity, const char *what) {
    return error_set(ret_error, ERROR_DAMAGED, "state of entity %" TEXT_FORMAT ": %s",
                     TEXT_ARGS(entity->name), what);
}

static int check_run(struct run *run, const struct head *head, struct error *ret_error) {
    const struct entity_plan *entity = run->entity;
    struct run_entry entries[2]; /* this one and the one before, in turn */
    uint32_t count = 0;
    while (run_next(run, &entries[count % 2])) {
        const struct run_entry *entry = &entries[count % 2], *before = &entries[1 - count % 2];
        if (count == 0 && entry->time_us != head->first_us)
            return damaged(ret_error, entity, "the first entry's time is not the head's");
        if (count > 0 && run_compare(before, entry) >= 0)
            return damaged(ret_error, entity, "entries are not in order");
        count++;
    }
    if (run->cursor.failed)
        return error_set(ret_error, ERROR_DAMAGED,
                         "state of entity %" TEXT_FORMAT ": entry %" PRIu32 " of %" PRIu32
                         " is cut off or not canonical",
                         TEXT_ARGS(entity->name), count, head->entries);
    if (count == 0 || count != head->entries)
        return damaged(ret_error, entity, "the number of entries is not the head's");
    const struct run_entry *last = &entries[(count - 1) % 2];
    if (last->time_us != head->newest_us)
        return damaged(ret_error, entity, "the last entry's time is not the head's");
    if (last->end - last->start != head->last_size)
        return damaged(ret_error, entity, "the last entry's size is not the head's");
    return 0;
}

int state_check(const void *bytes, size_t length, const struct entity_plan *entity,
                struct error *ret_error) {
    if (length == 0)
        return 0;
    if (entity->reach_us == 0)
        return damaged(ret_error, entity, "there is one, but no feature to read it");
    if (length > UINT32_MAX)
        return damaged(ret_error, entity, "it is longer than 4 GiB");
    const uint8_t *at = bytes;
    if (at[0] != STATE_ENCODING_VERSION)
        return error_set(ret_error, ERROR_DAMAGED,
                         "state of entity %" TEXT_FORMAT
                         ": encoding version %d, this program knows %d",
                         TEXT_ARGS(entity->name), at[0], STATE_ENCODING_VERSION);
    if (length < HEAD_SIZE)
        return damaged(ret_error, entity, "the head is cut off");
    struct head head = head_get(at);
    struct run run = run_open(at + HEAD_SIZE, length - HEAD_SIZE, entity, head.first_us);
    return check_run(&run, &head, ret_error);
}
