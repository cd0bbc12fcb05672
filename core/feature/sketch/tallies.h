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

struct tallies {
    uint64_t *slots, *few;    /* few: where they are while TALLIES_FEW slots are enough */
    uint32_t count, capacity; /* capacity: of slots, a power of two */
    uint16_t stride;          /* words of one slot */
    uint8_t shift;            /* of a table: 64 − log2(capacity) */
    uint32_t seed;            /* of its places */
};

#define TALLIES_FEW 8

/* Words of one slot, and those that the caller lends for the first slots. */
static inline uint16_t tallies_stride(size_t members) {
    return (uint16_t)(1 + (members + 2) / 2);
}
static inline size_t tallies_words(size_t members) {
    return members == 0 ? 0 : TALLIES_FEW * (size_t)tallies_stride(members);
}
void tallies_init(struct tallies *tallies, size_t members, uint64_t *words);
void tallies_deinit(struct tallies *tallies);
void tallies_move(struct tallies *tallies, uintptr_t by); /* so far has the lent memory moved */
void tallies_clear(struct tallies *tallies);
size_t tallies_bytes(const struct tallies *tallies); /* beside the caller's */

/* More than a list holds: a table somewhere else. */
static inline bool tallies_are_many(const struct tallies *tallies) {
    return tallies->capacity > TALLIES_FEW;
}

/* One more; returns whether it is the first. */
bool tallies_add(struct tallies *tallies, size_t pool, size_t member, uint64_t value);
/* One less, which must be there; returns whether it was the last. */
bool tallies_remove(struct tallies *tallies, size_t pool, size_t member, uint64_t value);
/* The next value of which there is one, in any order, from *at on, which begins as 0. */
bool tallies_next(const struct tallies *tallies, uint32_t *at, size_t pool, size_t member,
                  uint64_t *ret_value);
void tallies_prefetch(const struct tallies *tallies, size_t pool, uint64_t value);
/* Fetches all slots; false if they are too many. */
bool tallies_prefetch_all(const struct tallies *tallies);
uint32_t tallies_count(const struct tallies *tallies, size_t pool, size_t member, uint64_t value);
