/* Decoding of stored entries: the hot loop of every decision, written to be inlined around one
 * branch a varint. Accepts exactly what encoding writes: each number in its shortest form, the
 * short tally wherever it is possible. Internal to core/feature. */
#pragma once

#include "run.h"

/* Where reading goes on. These pass positions by value, not in a struct cursor, so that they stay
 * in registers from one number to the next. */
struct run_taken {
    uint64_t value;
    const uint8_t *at; /* NULL: there is no such number */
};

/* cursor_varint() for what is long, or ends near the end of the bytes. */
struct run_taken run_take_slowly(const uint8_t *at, const uint8_t *end);

/* cursor_varint() for up to eight bytes at once. */
static inline struct run_taken run_take_varint(const uint8_t *at, const uint8_t *end) {
    if (__builtin_expect(end - at < 8, 0))
        return run_take_slowly(at, end);
    uint64_t word = load_u64(at);
    if (!(word & 0x80))
        return (struct run_taken){.value = word & 0x7f, .at = at + 1};
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (__builtin_expect(ends == 0, 0))
        return run_take_slowly(at, end);
    unsigned last = (unsigned)__builtin_ctzll(ends) / 8; /* byte, 1…7 */
    /* Seven bits of each byte up to the last; then neighbours are joined, three times: x >> n is
     * what the upper ones lose. */
    word &= (ends ^ (ends - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    word -= (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word -= ((word & UINT64_C(0x3fff00003fff0000)) >> 2) * 3;
    word = (word & UINT64_C(0x0fffffff)) | word >> 32 << 28;
    if (__builtin_expect(word >> (7 * last) == 0, 0))
        return run_take_slowly(at, end); /* not the shortest form */
    return (struct run_taken){.value = word, .at = at + last + 1};
}

/* The same of a number that mostly has one byte. */
static inline struct run_taken run_take_small(const uint8_t *at, const uint8_t *end) {
    if (__builtin_expect(at != end && !(*at & 0x80), 1))
        return (struct run_taken){.value = *at, .at = at + 1};
    return run_take_slowly(at, end);
}

static inline uint32_t run_bits_below(size_t count) {
    return (uint32_t)((UINT64_C(1) << count) - 1);
}

/* These return the byte behind, or NULL. */

static inline const uint8_t *run_take_column(const uint8_t *at, const uint8_t *end,
                                             enum column_type type, size_t i,
                                             struct run_entry *entry) {
    if (type == COLUMN_HASH || type == COLUMN_PLACE) {
        if (end - at < 8)
            return NULL;
        entry->integers[i] = (int64_t)load_u64(at);
        return at + 8;
    }
    struct run_taken taken = run_take_varint(at, end);
    if (type == COLUMN_INTEGER || !taken.at) {
        entry->integers[i] = unzigzag(taken.value);
        return taken.at;
    }
    if (taken.value > COLUMN_TEXT_MAX || (size_t)(end - taken.at) < taken.value)
        return NULL;
    entry->texts[i] = (struct text){.data = (const char *)taken.at, .length = taken.value};
    return taken.at + taken.value;
}

static inline const uint8_t *run_take_identity(const uint8_t *at, const uint8_t *end,
                                               const struct entity_plan *entity,
                                               struct run_entry *entry) {
    const struct column *columns = entity->columns;
    size_t count = entity->column_count;
    uint32_t present = run_bits_below(count);
    entry->identity = at;
    if (end - at < 8)
        return NULL;
    struct run_taken missing = run_take_small(at + 8, end);
    if (!missing.at || (missing.value & ~(uint64_t)present))
        return NULL;
    at = missing.at;
    present &= ~(uint32_t)missing.value;
    entry->present = present;
    for (size_t i = 0; i < count; i++) {
        if (!(present >> i & 1))
            continue;
        at = run_take_column(at, end, columns[i].type, i, entry);
        if (!at)
            return NULL;
    }
    return at;
}

static inline bool run_is_short_tally(uint32_t transactions, const int32_t *weights, size_t count) {
    bool is_short = transactions == 1;
    for (size_t i = 0; i < count; i++)
        is_short &= weights[i] == 0 || weights[i] == 1;
    return is_short;
}

const uint8_t *run_take_long_tally(const uint8_t *at, const uint8_t *end,
                                   const struct entity_plan *entity, uint64_t transactions,
                                   struct run_entry *entry);

static inline const uint8_t *run_take_tally(const uint8_t *at, const uint8_t *end,
                                            const struct entity_plan *entity,
                                            struct run_entry *entry) {
    entry->tally = at;
    struct run_taken head = run_take_small(at, end);
    if (__builtin_expect(head.at && (head.value & 1), 0))
        return run_take_long_tally(head.at, end, entity, head.value >> 1, entry);
    entry->passed = (uint32_t)(head.value >> 1);
    entry->is_short = true;
    entry->transactions = 1;
    entry->end = head.at;
    return head.value >> 1 >> entity->filter_count ? NULL : head.at;
}

/* All of an entry but its time. */
static inline const uint8_t *run_take_body(const uint8_t *at, const uint8_t *end,
                                           const struct entity_plan *entity,
                                           struct run_entry *entry) {
    at = run_take_identity(at, end, entity, entry);
    return at ? run_take_tally(at, end, entity, entry) : NULL;
}

/* run_next(), inline. */
static inline bool run_step(struct run *run, struct run_entry *ret_entry) {
    const uint8_t *at = run->cursor.at, *end = run->cursor.end;
    if (at == end || run->cursor.failed)
        return false;
    ret_entry->start = at;
    struct run_taken step = run_take_varint(at, end);
    uint64_t left_us = (uint64_t)INT64_MAX - (uint64_t)run->time_us;
    at = step.at && step.value <= left_us ? run_take_body(step.at, end, run->entity, ret_entry)
                                          : NULL;
    if (!at) {
        run->cursor.failed = true;
        return false;
    }
    run->cursor.at = at;
    ret_entry->time_us = run->time_us = (int64_t)((uint64_t)run->time_us + step.value);
    return true;
}

/* An entry of which only the extent is wanted. */
struct run_extent {
    const uint8_t *start, *identity, *end;
    int64_t time_us;
    uint32_t transactions;
};

/* The byte behind a number that is there. */
static inline const uint8_t *run_pass_varint(const uint8_t *at, const uint8_t *end) {
    if (__builtin_expect(end - at >= 8, 1)) {
        uint64_t ends = ~load_u64(at) & UINT64_C(0x8080808080808080);
        if (__builtin_expect(ends != 0, 1))
            return at + (unsigned)__builtin_ctzll(ends) / 8 + 1;
    }
    return run_take_slowly(at, end).at;
}

static inline const uint8_t *run_pass_columns(const uint8_t *at, const uint8_t *end,
                                              const struct entity_plan *entity, uint64_t missing) {
    const struct column *columns = entity->columns;
    for (size_t i = 0, count = entity->column_count; i < count && at; i++) {
        enum column_type type = columns[i].type;
        uint64_t size = 8;
        if (missing >> i & 1)
            continue;
        if (type == COLUMN_INTEGER) {
            at = run_pass_varint(at, end);
            continue;
        }
        if (type == COLUMN_TEXT) {
            struct run_taken length = run_take_varint(at, end);
            at = length.at;
            size = length.value;
        }
        at = at && (size_t)(end - at) >= size ? at + size : NULL;
    }
    return at;
}

static inline const uint8_t *run_pass_tally(const uint8_t *at, const uint8_t *end,
                                            const struct entity_plan *entity,
                                            uint32_t *ret_transactions) {
    struct run_taken head = run_take_small(at, end);
    *ret_transactions = head.value & 1 ? (uint32_t)(head.value >> 1) : 1;
    at = head.at;
    for (size_t i = 0; (head.value & 1) && i < entity->filter_count && at; i++)
        at = run_pass_varint(at, end);
    return at;
}

/* run_next() of bytes that have been checked, without what the entry says. */
static inline bool run_pass(struct run *run, struct run_extent *ret_extent) {
    const uint8_t *at = run->cursor.at, *end = run->cursor.end;
    if (at == end || run->cursor.failed)
        return false;
    ret_extent->start = at;
    struct run_taken step = run_take_varint(at, end);
    ret_extent->time_us = run->time_us = (int64_t)((uint64_t)run->time_us + step.value);
    ret_extent->identity = at = step.at;
    if (at && end - at >= 8) {
        struct run_taken missing = run_take_small(at + 8, end);
        at = missing.at ? run_pass_columns(missing.at, end, run->entity, missing.value) : NULL;
        at = at ? run_pass_tally(at, end, run->entity, &ret_extent->transactions) : NULL;
    } else {
        at = NULL;
    }
    run->cursor.failed = !at;
    run->cursor.at = ret_extent->end = at;
    return at;
}
