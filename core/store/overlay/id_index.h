/* Which transaction ids are known: hash → position and label, in slots of 16 bytes in leaves
 * (hash_leaves.h). Entries are added and relabelled, never removed. Private to store/. */
#pragma once

#include "core/store/generation/known_id.h"
#include "hash_leaves.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_slot {
    uint64_t id_hash;
    uint64_t packed; /* position × 256 + label; 0: free, for positions start at 1 */
};

struct id_index {
    struct hash_leaves hash_leaves; /* of id_slots. Its heap is set before the first */
    size_t count;
    uint64_t factor; /* odd, of this table alone: clients choose the ids */
};

void id_index_deinit(struct id_index *index);
bool id_index_find(const struct id_index *index, uint64_t id_hash, struct known_id *ret_known);
/* Prefetches what finding or setting it will touch. */
void id_index_fetch(const struct id_index *index, uint64_t id_hash);
/* Adds it, or replaces what was known. The position is below 2^56. */
void id_index_set(struct id_index *index, uint64_t id_hash, struct known_id known);
/* All slots in use, by hash; free() the array. */
struct id_slot *id_index_sorted(const struct id_index *index);
struct known_id id_slot_known(const struct id_slot *slot);
