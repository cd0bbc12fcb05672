/* The packed form of an entry on its way from the entries stage to its shard: only the columns that
 * the entity has, and weights as bits (they are −1, 0 or 1). A full struct entry has room for the
 * largest plan and would be several times as large. Private to batch/.
 *
 *   struct packed_entry · for each column of the plan, in its order: int64 or struct text
 *
 * Everything is aligned, so that it is written and read in place. Texts point into the chunk's
 * payloads or the part's memory.
 */
#pragma once

#include "core/feature/state/state.h"

#include <string.h>

struct packed_entry {
    int64_t time_us;
    uint64_t id_hash;
    uint32_t present;
    bool transaction;
    bool is_taken_out;
    bool is_read;         /* a transaction that is decided: its features are needed */
    uint32_t read;        /* bit i: the weight of filter i when reading, 0 or 1 */
    uint32_t plus, minus; /* bit i: its weight when applying is 1, is −1 */
};

#define PACKED_ALIGNMENT 8

_Static_assert(PLAN_FILTERS_MAX <= 32, "weights are bits");
_Static_assert(sizeof(struct packed_entry) % PACKED_ALIGNMENT == 0, "columns follow");
_Static_assert(sizeof(struct text) % PACKED_ALIGNMENT == 0, "so do texts");

static inline size_t replay_entry_aligned(size_t at) {
    return (at + PACKED_ALIGNMENT - 1) & ~(size_t)(PACKED_ALIGNMENT - 1);
}

static inline size_t replay_entry_size_max(size_t columns) {
    return sizeof(struct packed_entry) + columns * sizeof(struct text);
}

static inline void replay_entry_unpack(const struct packed_entry *head,
                                       const struct entity_plan *plan, struct entry *ret_entry) {
    const uint8_t *packed = (const uint8_t *)(head + 1);
    ret_entry->time_us = head->time_us;
    ret_entry->id_hash = head->id_hash;
    ret_entry->present = head->present;
    ret_entry->transaction = head->transaction;
    ret_entry->is_taken_out = head->is_taken_out;
    for (size_t i = 0; i < plan->column_count; i++) {
        if (plan->columns[i].type == COLUMN_TEXT) {
            memcpy(&ret_entry->texts[i], packed, sizeof(struct text));
            packed += sizeof(struct text);
        } else {
            memcpy(&ret_entry->integers[i], packed, sizeof(int64_t));
            packed += sizeof(int64_t);
        }
    }
}

/* Reading and applying differ in their weights only: a transaction reads as if it had no verdict
 * yet, and is applied with the verdict it was given. */
static inline void replay_entry_weigh_reading(const struct packed_entry *head, size_t filters,
                                              struct entry *entry) {
    for (size_t i = 0; i < filters; i++)
        entry->weights[i] = (int32_t)(head->read >> i & 1);
}

static inline void replay_entry_weigh_applying(const struct packed_entry *head, size_t filters,
                                               struct entry *entry) {
    for (size_t i = 0; i < filters; i++)
        entry->weights[i] = (int32_t)(head->plus >> i & 1) - (int32_t)(head->minus >> i & 1);
}
