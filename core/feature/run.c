/* Encoding of stored entries, and decoding where it need not be fast. state.c documents the bytes.
 */
#include "run_decode.h"

#include "../base/check.h"

struct run_taken run_take_slowly(const uint8_t *at, const uint8_t *end) {
    struct cursor cursor = {.at = at, .end = end};
    uint64_t value = cursor_varint(&cursor);
    return (struct run_taken){.value = value, .at = cursor.failed ? NULL : cursor.at};
}

const uint8_t *run_take_long_tally(const uint8_t *at, const uint8_t *end,
                                   const struct entity_plan *entity, uint64_t transactions,
                                   struct run_entry *entry) {
    if (transactions > UINT32_MAX)
        return NULL;
    entry->transactions = (uint32_t)transactions;
    entry->is_short = false;
    for (size_t i = 0; i < entity->filter_count; i++) {
        struct run_taken taken = run_take_varint(at, end);
        int64_t weight = unzigzag(taken.value);
        if (!taken.at || weight < INT32_MIN || weight > INT32_MAX)
            return NULL;
        entry->weights[i] = (int32_t)weight;
        at = taken.at;
    }
    entry->end = at;
    return run_is_short_tally(entry->transactions, entry->weights, entity->filter_count) ? NULL
                                                                                         : at;
}

bool run_next(struct run *run, struct run_entry *ret_entry) {
    if (!run_step(run, ret_entry))
        return false;
    for (size_t i = 0; ret_entry->is_short && i < run->entity->filter_count; i++)
        ret_entry->weights[i] = run_weight(ret_entry, i);
    return true;
}

bool run_take_entry(struct cursor *cursor, const struct entity_plan *entity, int64_t time_us,
                    struct run_entry *ret_entry) {
    ret_entry->start = cursor->at;
    ret_entry->time_us = time_us;
    struct run_taken step = run_take_varint(cursor->at, cursor->end);
    const uint8_t *at = step.at ? run_take_body(step.at, cursor->end, entity, ret_entry) : NULL;
    cursor->failed = !at;
    if (at)
        cursor->at = at;
    return at;
}

uint32_t run_present(const struct entity_plan *entity, const struct entry *entry) {
    size_t count = entity->column_count;
    uint32_t present = entry->present & run_bits_below(count);
    for (size_t i = 0; i < count; i++)
        if (entity->columns[i].type == COLUMN_TEXT && (present >> i & 1) &&
            entry->texts[i].length > COLUMN_TEXT_MAX)
            present &= ~(UINT32_C(1) << i);
    return present;
}

/* varint_put() of a number that mostly has one byte. */
static inline uint8_t *put_small(uint8_t *at, uint64_t value) {
    if (__builtin_expect(value >= 0x80, 0))
        return varint_put(at, value);
    *at = (uint8_t)value;
    return at + 1;
}

static inline uint8_t *put_column(enum column_type type, const struct entry *entry, size_t i,
                                  uint8_t *at) {
    if (type == COLUMN_HASH || type == COLUMN_PLACE) {
        store_u64(at, (uint64_t)entry->integers[i]);
        return at + 8;
    }
    if (type == COLUMN_INTEGER)
        return varint_put(at, zigzag(entry->integers[i]));
    at = put_small(at, entry->texts[i].length);
    if (entry->texts[i].length > 0)
        memcpy(at, entry->texts[i].data, entry->texts[i].length);
    return at + entry->texts[i].length;
}

uint8_t *run_put_identity(const struct entity_plan *entity, const struct entry *entry,
                          uint8_t *at) {
    const struct column *columns = entity->columns;
    size_t count = entity->column_count;
    uint32_t present = run_present(entity, entry);
    store_u64(at, __builtin_bswap64(entry->id_hash));
    at = put_small(at + 8, run_bits_below(count) & ~present);
    for (size_t i = 0; i < count; i++)
        if (present >> i & 1)
            at = put_column(columns[i].type, entry, i, at);
    return at;
}

uint8_t *run_put_tally(const struct entity_plan *entity, uint32_t transactions,
                       const int32_t *weights, uint8_t *at) {
    size_t count = entity->filter_count;
    uint64_t passed = 0, others = transactions ^ 1;
    for (size_t i = 0; i < count; i++) {
        passed |= (uint64_t)(weights[i] & 1) << i;
        others |= (uint32_t)weights[i] & ~UINT32_C(1);
    }
    if (others == 0)
        return put_small(at, passed << 1);
    at = varint_put(at, (uint64_t)transactions << 1 | 1);
    for (size_t i = 0; i < count; i++)
        at = varint_put(at, zigzag(weights[i]));
    return at;
}

uint8_t *run_put_tally_sum(const struct entity_plan *entity, const struct run_entry *a,
                           const struct run_entry *b, uint8_t *at) {
    uint32_t transactions;
    int32_t weights[PLAN_FILTERS_MAX];
    /* Weights of one transaction stay within −1…1; what takes 2^31 records of one identity stops or
     * wraps around, the same in any order. */
    if (__builtin_add_overflow(a->transactions, b->transactions, &transactions))
        transactions = UINT32_MAX;
    for (size_t i = 0; i < entity->filter_count; i++)
        weights[i] = (int32_t)((uint32_t)run_weight(a, i) + (uint32_t)run_weight(b, i));
    return run_put_tally(entity, transactions, weights, at);
}

int run_compare(const struct run_entry *a, const struct run_entry *b) {
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    size_t a_size = (size_t)(a->tally - a->identity), b_size = (size_t)(b->tally - b->identity);
    /* One identity never begins with another: each says itself how long it is. */
    return memcmp(a->identity, b->identity, a_size < b_size ? a_size : b_size);
}
