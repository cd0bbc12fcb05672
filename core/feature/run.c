/* Encoding and decoding of stored entries. state.c documents the bytes.
 *
 * Decoding accepts exactly what encoding writes: each number in its shortest form, the short tally
 * wherever it is possible. It is also the hot loop of every decision, so it is written to be
 * inlined around one branch a varint. */
#include "run.h"

#include "../base/check.h"

struct run run_open(const void *bytes, size_t length, const struct entity_plan *entity,
                    int64_t first_us) {
    return (struct run){.cursor = cursor_of(bytes, length), .entity = entity, .time_us = first_us};
}

/* cursor_varint() with the common case inline. */
static inline uint64_t take_varint(struct cursor *cursor) {
    const uint8_t *at = cursor->at;
    if (__builtin_expect(cursor_left(cursor) >= BUFFER_VARINT_MAX, 1)) {
        uint64_t value = 0;
        for (unsigned i = 0; i < BUFFER_VARINT_MAX - 1; i++) {
            uint64_t byte = at[i];
            value |= (byte & 0x7f) << (7 * i);
            if (byte < 0x80) {
                if (byte == 0 && i > 0)
                    break;
                cursor->at = at + i + 1;
                return value;
            }
        }
    }
    return cursor_varint(cursor); /* at the end of the run, ten bytes long, or not canonical */
}

static inline bool skip(struct cursor *cursor, size_t size) {
    if (size > cursor_left(cursor)) {
        cursor->failed = true;
        return false;
    }
    cursor->at += size;
    return true;
}

/* Little-endian: the compiler makes one load of it. */
static inline uint64_t take_u64(struct cursor *cursor) {
    const uint8_t *at = cursor->at;
    if (!skip(cursor, 8))
        return 0;
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

static inline uint32_t bits_below(size_t count) {
    return (uint32_t)((UINT64_C(1) << count) - 1);
}

static inline void take_column(struct cursor *cursor, const struct column *column, size_t i,
                               struct run_entry *entry) {
    switch (column->type) {
    case COLUMN_INTEGER:
        entry->integers[i] = unzigzag(take_varint(cursor));
        break;
    case COLUMN_HASH:
    case COLUMN_PLACE:
        entry->integers[i] = (int64_t)take_u64(cursor);
        break;
    case COLUMN_TEXT: {
        uint64_t length = take_varint(cursor);
        entry->texts[i] = (struct text){.data = (const char *)cursor->at, .length = length};
        if (length > COLUMN_TEXT_MAX || !skip(cursor, length))
            cursor->failed = true;
        break;
    }
    }
}

static inline void take_identity(struct cursor *cursor, const struct entity_plan *entity,
                                 struct run_entry *entry) {
    entry->identity = cursor->at;
    if (!skip(cursor, 8))
        return;
    uint64_t missing = take_varint(cursor);
    uint32_t columns = bits_below(entity->column_count);
    if (missing & ~(uint64_t)columns) {
        cursor->failed = true;
        return;
    }
    entry->present = columns & ~(uint32_t)missing;
    for (size_t i = 0; i < entity->column_count && !cursor->failed; i++)
        if (entry->present >> i & 1)
            take_column(cursor, &entity->columns[i], i, entry);
}

static bool is_short_tally(uint32_t transactions, const int32_t *weights, size_t count) {
    bool is_short = transactions == 1;
    for (size_t i = 0; i < count; i++)
        is_short &= weights[i] == 0 || weights[i] == 1;
    return is_short;
}

static void take_long_tally(struct cursor *cursor, const struct entity_plan *entity,
                            uint64_t transactions, struct run_entry *entry) {
    if (transactions > UINT32_MAX)
        cursor->failed = true;
    entry->transactions = (uint32_t)transactions;
    for (size_t i = 0; i < entity->filter_count; i++) {
        int64_t weight = unzigzag(take_varint(cursor));
        if (weight < INT32_MIN || weight > INT32_MAX)
            cursor->failed = true;
        entry->weights[i] = (int32_t)weight;
    }
    if (is_short_tally(entry->transactions, entry->weights, entity->filter_count))
        cursor->failed = true;
}

static inline void take_tally(struct cursor *cursor, const struct entity_plan *entity,
                              struct run_entry *entry) {
    entry->tally = cursor->at;
    uint64_t head = take_varint(cursor);
    if (head & 1) {
        take_long_tally(cursor, entity, head >> 1, entry);
    } else {
        head >>= 1;
        if (head & ~(uint64_t)bits_below(entity->filter_count))
            cursor->failed = true;
        entry->transactions = 1;
        for (size_t i = 0; i < entity->filter_count; i++)
            entry->weights[i] = (int32_t)(head >> i & 1);
    }
    entry->end = cursor->at;
}

bool run_next(struct run *run, struct run_entry *ret_entry) {
    struct cursor *cursor = &run->cursor;
    if (cursor->at == cursor->end || cursor->failed)
        return false;
    ret_entry->start = cursor->at;
    uint64_t step_us = take_varint(cursor);
    if (step_us > (uint64_t)INT64_MAX - (uint64_t)run->time_us) {
        cursor->failed = true;
        return false;
    }
    run->time_us = (int64_t)((uint64_t)run->time_us + step_us);
    ret_entry->time_us = run->time_us;
    take_identity(cursor, run->entity, ret_entry);
    take_tally(cursor, run->entity, ret_entry);
    return !cursor->failed;
}

bool run_take_entry(struct cursor *cursor, const struct entity_plan *entity, int64_t time_us,
                    struct run_entry *ret_entry) {
    ret_entry->start = cursor->at;
    take_varint(cursor);
    ret_entry->time_us = time_us;
    take_identity(cursor, entity, ret_entry);
    take_tally(cursor, entity, ret_entry);
    return !cursor->failed;
}

uint32_t run_present(const struct entity_plan *entity, const struct entry *entry) {
    uint32_t present = entry->present & bits_below(entity->column_count);
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
        for (int byte = 0; byte < 8; byte++)
            *at++ = (uint8_t)((uint64_t)entry->integers[i] >> (8 * byte));
        return at;
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
    for (int byte = 7; byte >= 0; byte--)
        *at++ = (uint8_t)(entry->id_hash >> (8 * byte));
    uint32_t present = run_present(entity, entry);
    at = varint_put(at, bits_below(entity->column_count) & ~present);
    for (size_t i = 0; i < entity->column_count; i++)
        if (present >> i & 1)
            at = put_column(&entity->columns[i], entry, i, at);
    return at;
}

uint8_t *run_put_tally(const struct entity_plan *entity, uint32_t transactions,
                       const int32_t *weights, uint8_t *at) {
    if (is_short_tally(transactions, weights, entity->filter_count)) {
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
