/* How often each value is in each window: what keeps counts of different values up as entries come
 * and go. Internal to core/feature.
 *
 * From (pool, value) to one count for each member of the pool. A value is there while one of its
 * counts is not 0. A few values are a list, in memory that the caller lends: all of them are
 * compared, which takes no branch on what they are. More are a hash table with linear probing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_counts {
    uint64_t *slots, *few;    /* few: where they are while VALUE_COUNTS_FEW slots are enough */
    uint32_t count, capacity; /* capacity: of slots, a power of two */
    uint16_t stride;          /* words of one slot */
    uint8_t shift;            /* of a table: 64 − log2(capacity) */
    uint32_t seed;            /* of its places */
};

#define VALUE_COUNTS_FEW 8

/* Words of one slot, and those that the caller lends for the first slots. */
static inline uint16_t value_counts_stride(size_t members) {
    return (uint16_t)(1 + (members + 2) / 2);
}
static inline size_t value_counts_words(size_t members) {
    return members == 0 ? 0 : VALUE_COUNTS_FEW * (size_t)value_counts_stride(members);
}
void value_counts_init(struct value_counts *counts, size_t members, uint64_t *words);
void value_counts_deinit(struct value_counts *counts);
void value_counts_clear(struct value_counts *counts);
size_t value_counts_bytes(const struct value_counts *counts); /* beside the caller's */

/* More than a list holds: a table somewhere else. */
static inline bool value_counts_are_many(const struct value_counts *counts) {
    return counts->capacity > VALUE_COUNTS_FEW;
}

/* One more; returns whether it is the first. */
bool value_counts_add(struct value_counts *counts, size_t pool, size_t member, uint64_t value);
/* One less, which must be there; returns whether it was the last. */
bool value_counts_remove(struct value_counts *counts, size_t pool, size_t member, uint64_t value);
/* The next value of which there is one, in any order, from *at on, which begins as 0. */
bool value_counts_next(const struct value_counts *counts, uint32_t *at, size_t pool, size_t member,
                       uint64_t *ret_value);
void value_counts_prefetch(const struct value_counts *counts, size_t pool, uint64_t value);
uint32_t value_counts_count(const struct value_counts *counts, size_t pool, size_t member,
                            uint64_t value);
