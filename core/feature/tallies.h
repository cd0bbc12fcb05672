/* How often each value is in each window: what keeps counts of different values up as entries come
 * and go. Internal to core/feature.
 *
 * A hash table with linear probing, from (pool, value) to one count for each member of the pool. A
 * value is there while one of its counts is not 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tallies {
    uint64_t *slots;          /* NULL while there are none */
    uint32_t count, capacity; /* capacity: a power of two, or 0 */
    uint16_t stride;          /* words of one slot */
};

void tallies_init(struct tallies *tallies);
void tallies_deinit(struct tallies *tallies);
/* Empty again, with room for so many members. */
void tallies_clear(struct tallies *tallies, size_t members);
size_t tallies_bytes(const struct tallies *tallies);

/* One more; returns whether it is the first. */
bool tallies_add(struct tallies *tallies, size_t pool, size_t member, uint64_t value);
/* One less, which must be there; returns whether it was the last. */
bool tallies_remove(struct tallies *tallies, size_t pool, size_t member, uint64_t value);
uint32_t tallies_count(const struct tallies *tallies, size_t pool, size_t member, uint64_t value);
