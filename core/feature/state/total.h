/* Totals: what a collapsed tile keeps of its entries, one total for each of the plan's. state.c
 * documents the bytes. Internal to core/feature. */
#pragma once

#include "run.h"
#include "wide.h"

/* A column's value, whatever its type. */
struct cell {
    int64_t integer;
    struct text text;
};

/* The oldest or the newest entry. Of equal times and ids, the cell decides. */
struct edge {
    int64_t time_us;
    uint64_t id_hash;
    struct cell cell;
};

/* All sums wrap around, so that even absurd bytes add up the same in any order. */
struct tallied {
    int64_t count; /* sum of weights */
    int128 sum;    /* of weight × value */
    uint64_t squares_low;
    int128 squares_high; /* sum of weight × value² = squares_high × 2^64 + squares_low */
    int64_t min, max;    /* these and the edges mean something when count is not 0 */
    struct edge first, last;
};

static inline int128 wrapping_sum(int128 a, int128 b) {
    return (int128)((uint128)a + (uint128)b);
}

/* Adds weight × value². */
static inline void add_square(uint64_t *low, int128 *high, int64_t value, int64_t weight) {
    if (__builtin_expect(value == (int32_t)value, 1)) {
        int128 all = (int128)*low + (int128)weight * (value * value);
        *low = (uint64_t)all;
        *high = wrapping_sum(*high, all >> 64);
        return;
    }
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint128 square = (uint128)magnitude * magnitude;
    int128 sum = (int128)*low + (int128)weight * (uint64_t)square;
    *low = (uint64_t)sum;
    *high = wrapping_sum(*high, (sum >> 64) + (int128)weight * (uint64_t)(square >> 64));
}

/* How often an entry counts for a total or a gathering of this filter. */
static inline int64_t entry_weight(const struct run_entry *entry, int filter) {
    return filter < 0 ? (int64_t)entry->transactions : run_weight(entry, (size_t)filter);
}

static inline bool has_column(uint32_t present, int column) {
    return column < 0 || (present >> column & 1);
}

/* Adds the entry, or the total of another tile. Texts are not copied. */
void tallied_add_entry(struct tallied *tallied, const struct entity_plan *entity,
                       const struct total *total, const struct run_entry *entry);
void tallied_add(struct tallied *tallied, const struct total *total, const struct tallied *other);

/* The times of the tile's oldest and newest entry frame those of the edges. */
void tallied_encode(const struct tallied *tallied, const struct entity_plan *entity,
                    const struct total *total, int64_t oldest_us, int64_t newest_us,
                    struct buffer *bytes);
/* Fails (cursor->failed) on what tallied_encode() would not have written. */
void tallied_decode(struct cursor *cursor, const struct entity_plan *entity,
                    const struct total *total, int64_t oldest_us, int64_t newest_us,
                    struct tallied *ret_tallied);
