/* Decoding of stored entries: the hot loop of every decision, written to be inlined around one
 * branch a varint. Accepts exactly what encoding writes: each number in its shortest form, the
 * short tally wherever it is possible. Internal to core/feature. */
#pragma once

#include "run.h"

/* Little-endian: the compiler makes one load of it. */
static inline uint64_t run_load_u64(const uint8_t *at) {
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

/* cursor_varint() for up to eight bytes at once. */
static inline uint64_t run_take_varint(struct cursor *cursor) {
    const uint8_t *at = cursor->at;
    if (__builtin_expect(cursor_left(cursor) < 8, 0))
        return cursor_varint(cursor);
    uint64_t word = run_load_u64(at);
    if (!(word & 0x80)) {
        cursor->at = at + 1;
        return word & 0x7f;
    }
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (__builtin_expect(ends == 0, 0))
        return cursor_varint(cursor);
    unsigned last = (unsigned)__builtin_ctzll(ends) / 8; /* byte, 1…7 */
    /* Seven bits of each byte up to the last; then neighbours are joined, three times. */
    word &= (ends ^ (ends - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    word = (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    if (__builtin_expect(word >> (7 * last) == 0, 0))
        return cursor_varint(cursor); /* not the shortest form */
    cursor->at = at + last + 1;
    return word;
}

static inline bool run_skip(struct cursor *cursor, size_t size) {
    if (size > cursor_left(cursor)) {
        cursor->failed = true;
        return false;
    }
    cursor->at += size;
    return true;
}

static inline uint64_t run_take_u64(struct cursor *cursor) {
    const uint8_t *at = cursor->at;
    return run_skip(cursor, 8) ? run_load_u64(at) : 0;
}

static inline uint32_t run_bits_below(size_t count) {
    return (uint32_t)((UINT64_C(1) << count) - 1);
}

static inline void run_take_column(struct cursor *cursor, const struct column *column, size_t i,
                                   struct run_entry *entry) {
    switch (column->type) {
    case COLUMN_INTEGER:
        entry->integers[i] = unzigzag(run_take_varint(cursor));
        break;
    case COLUMN_HASH:
    case COLUMN_PLACE:
        entry->integers[i] = (int64_t)run_take_u64(cursor);
        break;
    case COLUMN_TEXT: {
        uint64_t length = run_take_varint(cursor);
        entry->texts[i] = (struct text){.data = (const char *)cursor->at, .length = length};
        if (length > COLUMN_TEXT_MAX || !run_skip(cursor, length))
            cursor->failed = true;
        break;
    }
    }
}

static inline void run_take_identity(struct cursor *cursor, const struct entity_plan *entity,
                                     struct run_entry *entry) {
    entry->identity = cursor->at;
    if (!run_skip(cursor, 8))
        return;
    uint64_t missing = run_take_varint(cursor);
    uint32_t columns = run_bits_below(entity->column_count);
    if (missing & ~(uint64_t)columns) {
        cursor->failed = true;
        return;
    }
    entry->present = columns & ~(uint32_t)missing;
    for (size_t i = 0; i < entity->column_count; i++)
        if (entry->present >> i & 1)
            run_take_column(cursor, &entity->columns[i], i, entry);
}

static inline bool run_is_short_tally(uint32_t transactions, const int32_t *weights, size_t count) {
    bool is_short = transactions == 1;
    for (size_t i = 0; i < count; i++)
        is_short &= weights[i] == 0 || weights[i] == 1;
    return is_short;
}

void run_take_long_tally(struct cursor *cursor, const struct entity_plan *entity,
                         uint64_t transactions, struct run_entry *entry);

static inline void run_take_tally(struct cursor *cursor, const struct entity_plan *entity,
                                  struct run_entry *entry) {
    entry->tally = cursor->at;
    uint64_t head = run_take_varint(cursor);
    if (head & 1) {
        run_take_long_tally(cursor, entity, head >> 1, entry);
    } else {
        head >>= 1;
        if (head & ~(uint64_t)run_bits_below(entity->filter_count))
            cursor->failed = true;
        entry->transactions = 1;
        for (size_t i = 0; i < entity->filter_count; i++)
            entry->weights[i] = (int32_t)(head >> i & 1);
    }
    entry->end = cursor->at;
}

/* All of an entry but its time. */
static inline void run_take_body(struct cursor *cursor, const struct entity_plan *entity,
                                 struct run_entry *entry) {
    run_take_identity(cursor, entity, entry);
    run_take_tally(cursor, entity, entry);
}

/* run_next(), inline. */
static inline bool run_step(struct run *run, struct run_entry *ret_entry) {
    struct cursor *cursor = &run->cursor;
    if (cursor->at == cursor->end || cursor->failed)
        return false;
    ret_entry->start = cursor->at;
    uint64_t step_us = run_take_varint(cursor);
    if (step_us > (uint64_t)INT64_MAX - (uint64_t)run->time_us) {
        cursor->failed = true;
        return false;
    }
    run->time_us = (int64_t)((uint64_t)run->time_us + step_us);
    ret_entry->time_us = run->time_us;
    run_take_body(cursor, run->entity, ret_entry);
    return !cursor->failed;
}

/* An entry of which only the extent is wanted. */
struct run_extent {
    const uint8_t *start, *identity, *end;
    int64_t time_us;
    uint32_t transactions;
};

static inline void run_pass_varint(struct cursor *cursor) {
    if (__builtin_expect(cursor_left(cursor) >= 8, 1)) {
        uint64_t ends = ~load_u64(cursor->at) & UINT64_C(0x8080808080808080);
        if (__builtin_expect(ends != 0, 1)) {
            cursor->at += (unsigned)__builtin_ctzll(ends) / 8 + 1;
            return;
        }
    }
    cursor_varint(cursor);
}

static inline void run_pass_columns(struct cursor *cursor, const struct entity_plan *entity,
                                    uint64_t missing) {
    for (size_t i = 0; i < entity->column_count; i++) {
        if (missing >> i & 1)
            continue;
        switch (entity->columns[i].type) {
        case COLUMN_INTEGER:
            run_pass_varint(cursor);
            break;
        case COLUMN_HASH:
        case COLUMN_PLACE:
            run_skip(cursor, 8);
            break;
        case COLUMN_TEXT:
            run_skip(cursor, run_take_varint(cursor));
            break;
        }
    }
}

/* run_next() of bytes that have been checked, without what the entry says. */
static inline bool run_pass(struct run *run, struct run_extent *ret_extent) {
    struct cursor *cursor = &run->cursor;
    if (cursor->at == cursor->end || cursor->failed)
        return false;
    ret_extent->start = cursor->at;
    run->time_us = (int64_t)((uint64_t)run->time_us + run_take_varint(cursor));
    ret_extent->time_us = run->time_us;
    ret_extent->identity = cursor->at;
    run_skip(cursor, 8);
    run_pass_columns(cursor, run->entity, run_take_varint(cursor));
    uint64_t tally = run_take_varint(cursor);
    ret_extent->transactions = tally & 1 ? (uint32_t)(tally >> 1) : 1;
    for (size_t i = 0; (tally & 1) && i < run->entity->filter_count; i++)
        run_pass_varint(cursor);
    ret_extent->end = cursor->at;
    return !cursor->failed;
}
