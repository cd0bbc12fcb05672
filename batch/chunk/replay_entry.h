/* An entry on its way from the entity entries to the shard: only the columns that its entity has,
 * and bits for weights. Private to batch/.
 *
 *   struct packed_entry · int64 of each column · struct text of each text column
 *
 * All of it aligned, so that it is written and read in place.
 */
#pragma once

#include "core/feature/state/state.h"

#include <string.h>

struct packed_entry {
    int64_t time_us;
    uint64_t id_hash;
    uint32_t present;
    bool transaction;
    bool is_read;         /* it is a transaction that is decided */
    uint32_t read;        /* bit i: the weight of filter i to read with, 0 or 1 */
    uint32_t plus, minus; /* to apply with: 1, −1 */
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
