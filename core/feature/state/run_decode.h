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

/* Does the processor have one instruction for run_pack(), and one for the way back, that are quick?
 * AMD's family 17h has slow ones. Found out when the program starts: run.c. */
extern bool run_pext_is_quick;
static inline bool run_has_pext(void) {
#if defined(__x86_64__)
    return run_pext_is_quick;
#else
    return false;
#endif
}

/* The bits of word that mask has, side by side. mask: the lower seven bits of each of so many bytes
 * from the lowest on. has_pext: run_has_pext(), which a loop asks once. */
static inline uint64_t run_pack_by(bool has_pext, uint64_t word, uint64_t mask) {
    (void)has_pext;
#if defined(__x86_64__)
    if (has_pext) {
        uint64_t packed;
        __asm__("pextq %2, %1, %0" : "=r"(packed) : "r"(word), "r"(mask));
        return packed;
    }
#endif
    /* Neighbours are joined, three times: x >> n is what the upper ones lose. */
    word &= mask;
    word -= (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word -= ((word & UINT64_C(0x3fff00003fff0000)) >> 2) * 3;
    return (word & UINT64_C(0x0fffffff)) | word >> 32 << 28;
}
static inline uint64_t run_pack(uint64_t word, uint64_t mask) {
    return run_pack_by(run_has_pext(), word, mask);
}

/* The way back: the lowest 56 bits, seven to a byte. */
static inline uint64_t run_unpack(uint64_t value) {
#if defined(__x86_64__)
    if (run_has_pext()) {
        uint64_t bytes, mask = UINT64_C(0x7f7f7f7f7f7f7f7f);
        __asm__("pdepq %2, %1, %0" : "=r"(bytes) : "r"(value), "r"(mask));
        return bytes;
    }
#endif
    value = (value & UINT64_C(0x0fffffff)) | value >> 28 << 32;
    value += (value & UINT64_C(0x0fffc0000fffc000)) * 3;
    value += value & UINT64_C(0x3f803f803f803f80);
    return value;
}

/* varint_put() of up to eight bytes at once: they are the lowest of *ret_bytes. Returns how many
 * they are; 0: more. The way back from run_take_varint(). */
static inline size_t run_spread_varint(uint64_t value, uint64_t *ret_bytes) {
    if (__builtin_expect(value >> 56 != 0, 0))
        return 0;
    size_t size = (size_t)(9 * (64 - __builtin_clzll(value | 1)) + 64) / 64;
    *ret_bytes = run_unpack(value) | UINT64_C(0x0080808080808080) >> (64 - 8 * size);
    return size;
}

/* run_take_varint() of bytes that have been checked, and a little quicker: whether it is the
 * shortest form is not looked at. */
static inline struct run_taken run_take_checked(const uint8_t *at, const uint8_t *end) {
    if (__builtin_expect(end - at < 8, 0))
        return run_take_slowly(at, end);
    uint64_t word = load_u64(at);
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (__builtin_expect(ends == 0, 0))
        return run_take_slowly(at, end);
    uint64_t mask = (ends ^ (ends - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    return (struct run_taken){.value = run_pack(word, mask),
                              .at = at + ((unsigned)__builtin_ctzll(ends) / 8 + 1)};
}

/* cursor_varint() for up to eight bytes at once. */
static inline struct run_taken run_take_varint(const uint8_t *at, const uint8_t *end) {
    if (__builtin_expect(end - at < 8, 0))
        return run_take_slowly(at, end);
    uint64_t word = load_u64(at);
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (__builtin_expect(ends == 0, 0))
        return run_take_slowly(at, end);
    uint64_t bytes = ends ^ (ends - 1); /* all bits up to the last byte's */
    uint64_t mask = bytes & UINT64_C(0x7f7f7f7f7f7f7f7f);
    /* The last byte is 0: not the shortest form, but for 0 itself. */
    if (__builtin_expect((word & mask) <= bytes >> 8, 0) && bytes != 0xff)
        return run_take_slowly(at, end);
    return (struct run_taken){.value = run_pack(word, mask),
                              .at = at + ((unsigned)__builtin_ctzll(ends) / 8 + 1)};
}

/* The same of a number that mostly has one byte. */
static inline struct run_taken run_take_small(const uint8_t *at, const uint8_t *end) {
    if (__builtin_expect(at != end && !(*at & 0x80), 1))
        return (struct run_taken){.value = *at, .at = at + 1};
    return run_take_slowly(at, end);
}

/* These return the byte behind, or NULL. */

static inline const uint8_t *run_take_column(const uint8_t *at, const uint8_t *end,
                                             enum column_type type, size_t i,
                                             struct run_entry *entry, bool is_checked) {
    if (type == COLUMN_HASH || type == COLUMN_PLACE) {
        if (end - at < 8)
            return NULL;
        entry->integers[i] = (int64_t)load_u64(at);
        return at + 8;
    }
    struct run_taken taken = is_checked ? run_take_checked(at, end) : run_take_varint(at, end);
    if (type == COLUMN_INTEGER || !taken.at) {
        entry->integers[i] = unzigzag(taken.value);
        return taken.at;
    }
    if (taken.value > COLUMN_TEXT_MAX || (size_t)(end - taken.at) < taken.value)
        return NULL;
    entry->texts[i] = (struct text){.data = (const char *)taken.at, .length = taken.value};
    return taken.at + taken.value;
}

/* Of an entry that lacks columns. */
const uint8_t *run_take_present(const uint8_t *at, const uint8_t *end,
                                const struct entity_plan *entity, struct run_entry *entry);

static inline const uint8_t *run_take_identity(const uint8_t *at, const uint8_t *end,
                                               const struct entity_plan *entity,
                                               struct run_entry *entry, bool is_checked) {
    const struct column *column = entity->columns;
    size_t count = entity->column_count;
    entry->identity = at;
    if (__builtin_expect((size_t)(end - at) <= entity->id_size, 0))
        return NULL;
    if (__builtin_expect(at[entity->id_size] != 0, 0))
        return run_take_present(at + entity->id_size, end, entity, entry);
    entry->present = entity->all_columns;
    at += entity->id_size + 1;
    for (size_t i = 0; i < count; i++, column++) {
        at = run_take_column(at, end, column->type, i, entry, is_checked);
        if (__builtin_expect(!at, 0))
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

/* All of an entry but its time. is_checked: the bytes have been. */
static inline const uint8_t *run_take_body(const uint8_t *at, const uint8_t *end,
                                           const struct entity_plan *entity,
                                           struct run_entry *entry, bool is_checked) {
    at = run_take_identity(at, end, entity, entry, is_checked);
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
    at = step.at && step.value <= left_us
             ? run_take_body(step.at, end, run->entity, ret_entry, false)
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

const uint8_t *run_pass_present(const uint8_t *at, const uint8_t *end,
                                const struct entity_plan *entity);

/* at: behind the id hash. */
static inline const uint8_t *run_pass_columns(const uint8_t *at, const uint8_t *end,
                                              const struct entity_plan *entity) {
    if (__builtin_expect(*at != 0 || entity->text_columns != 0, 0))
        return run_pass_present(at, end, entity);
    const struct column *column = entity->columns, *columns_end = column + entity->column_count;
    at++;
    for (; column != columns_end && at; column++)
        at = column->type == COLUMN_INTEGER ? run_pass_varint(at, end)
             : end - at >= 8                ? at + 8
                                            : NULL;
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
__attribute__((always_inline)) static inline bool run_pass(struct run *run,
                                                           struct run_extent *ret_extent) {
    const uint8_t *at = run->cursor.at, *end = run->cursor.end;
    if (at == end || run->cursor.failed)
        return false;
    ret_extent->start = at;
    struct run_taken step = run_take_checked(at, end);
    ret_extent->time_us = run->time_us = (int64_t)((uint64_t)run->time_us + step.value);
    ret_extent->identity = at = step.at;
    if (at && (size_t)(end - at) > run->entity->id_size) {
        at = run_pass_columns(at + run->entity->id_size, end, run->entity);
        at = at ? run_pass_tally(at, end, run->entity, &ret_extent->transactions) : NULL;
    } else {
        at = NULL;
    }
    run->cursor.failed = !at;
    run->cursor.at = ret_extent->end = at;
    return at;
}
