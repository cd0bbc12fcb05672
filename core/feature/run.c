/* Encoding of stored entries, and decoding where it need not be fast. state.c documents the bytes.
 */
#include "run_decode.h"

#include "../base/check.h"

struct run run_open(const void *bytes, size_t length, const struct entity_plan *entity,
                    int64_t first_us) {
    return (struct run){.cursor = cursor_of(bytes, length), .entity = entity, .time_us = first_us};
}

void run_take_long_tally(struct cursor *cursor, const struct entity_plan *entity,
                         uint64_t transactions, struct run_entry *entry) {
    if (transactions > UINT32_MAX)
        cursor->failed = true;
    entry->transactions = (uint32_t)transactions;
    for (size_t i = 0; i < entity->filter_count; i++) {
        int64_t weight = unzigzag(run_take_varint(cursor));
        if (weight < INT32_MIN || weight > INT32_MAX)
            cursor->failed = true;
        entry->weights[i] = (int32_t)weight;
    }
    if (run_is_short_tally(entry->transactions, entry->weights, entity->filter_count))
        cursor->failed = true;
}

bool run_next(struct run *run, struct run_entry *ret_entry) {
    return run_step(run, ret_entry);
}

bool run_take_entry(struct cursor *cursor, const struct entity_plan *entity, int64_t time_us,
                    struct run_entry *ret_entry) {
    ret_entry->start = cursor->at;
    run_take_varint(cursor);
    ret_entry->time_us = time_us;
    run_take_body(cursor, entity, ret_entry);
    return !cursor->failed;
}

uint32_t run_present(const struct entity_plan *entity, const struct entry *entry) {
    uint32_t present = entry->present & run_bits_below(entity->column_count);
    for (size_t i = 0; i < entity->column_count; i++)
        if (entity->columns[i].type == COLUMN_TEXT && (present >> i & 1) &&
            entry->texts[i].length > COLUMN_TEXT_MAX)
            present &= ~(UINT32_C(1) << i);
    return present;
}

static uint8_t *put_column(const struct column *column, const struct entry *entry, size_t i,
                           uint8_t *at) {
    switch (column->type) {
    case COLUMN_INTEGER:
        return varint_put(at, zigzag(entry->integers[i]));
    case COLUMN_HASH:
    case COLUMN_PLACE:
        store_u64(at, (uint64_t)entry->integers[i]);
        return at + 8;
    case COLUMN_TEXT:
        at = varint_put(at, entry->texts[i].length);
        if (entry->texts[i].length > 0)
            memcpy(at, entry->texts[i].data, entry->texts[i].length);
        return at + entry->texts[i].length;
    }
    return at;
}

uint8_t *run_put_identity(const struct entity_plan *entity, const struct entry *entry,
                          uint8_t *at) {
    store_u64(at, __builtin_bswap64(entry->id_hash));
    at += 8;
    uint32_t present = run_present(entity, entry);
    at = varint_put(at, run_bits_below(entity->column_count) & ~present);
    for (size_t i = 0; i < entity->column_count; i++)
        if (present >> i & 1)
            at = put_column(&entity->columns[i], entry, i, at);
    return at;
}

uint8_t *run_put_tally(const struct entity_plan *entity, uint32_t transactions,
                       const int32_t *weights, uint8_t *at) {
    if (run_is_short_tally(transactions, weights, entity->filter_count)) {
        uint64_t passed = 0;
        for (size_t i = 0; i < entity->filter_count; i++)
            passed |= (uint64_t)weights[i] << i;
        return varint_put(at, passed << 1);
    }
    at = varint_put(at, (uint64_t)transactions << 1 | 1);
    for (size_t i = 0; i < entity->filter_count; i++)
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
        weights[i] = (int32_t)((uint32_t)a->weights[i] + (uint32_t)b->weights[i]);
    return run_put_tally(entity, transactions, weights, at);
}

int run_compare(const struct run_entry *a, const struct run_entry *b) {
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    size_t a_size = (size_t)(a->tally - a->identity), b_size = (size_t)(b->tally - b->identity);
    /* One identity never begins with another: each says itself how long it is. */
    return memcmp(a->identity, b->identity, a_size < b_size ? a_size : b_size);
}
