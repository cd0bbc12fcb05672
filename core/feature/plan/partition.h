/* A partition: how the time behind an entity's newest entry is cut into tiles. state.c says why.
 *
 * A tile of level k is 2^k microseconds wide and begins at a multiple of that. Which tile an
 * instant lies in depends on nothing but the instant, the newest time and the plan: it is the
 * widest of the levels that are far enough back, and as the newest time grows, tiles only ever
 * become wider. Internal to core/feature. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct partition {
    unsigned least, most;  /* levels */
    uint64_t begin_us[64]; /* [level]: so far behind the newest time its last instant must lie */
};

/* A window and what is aggregated over it: [first, first + count). Ages count back from the time of
 * the read; the window holds delay_us <= age < end_us. */
struct span {
    uint64_t delay_us, end_us;
    uint16_t first, count;
    uint16_t opens, closes; /* the borders where it begins and ends */
};

/* The instants of one tile: first … last. */
struct tile_extent {
    int64_t first_us, last_us;
};

/* No tile is wider than 1/fraction of any of the spans that can still read it. count > 0. */
struct partition partition_of(const struct span *spans, size_t count, uint64_t fraction,
                              uint64_t lateness_us);

/* The tile of the level that holds the instant. */
static inline struct tile_extent tile_extent_of(int64_t time_us, unsigned level) {
    uint64_t within = (UINT64_C(1) << level) - 1;
    return (struct tile_extent){.first_us = (int64_t)((uint64_t)time_us & ~within),
                                .last_us = (int64_t)((uint64_t)time_us | within)};
}

/* The narrowest tile of any level that holds both instants; there must be one. */
struct tile_extent tile_extent_common(int64_t a_us, int64_t b_us);

/* The tile that holds the instant when this is the newest time. */
struct tile_extent partition_tile(const struct partition *partition, int64_t time_us,
                                  int64_t newest_us);

/* The least newest time at which one tile holds both instants; INT64_MAX if there is none. */
int64_t partition_meeting(const struct partition *partition, int64_t a_us, int64_t b_us);

/* Is `last_us` at least so far behind? And the least newest time at which it is; INT64_MAX: none.
 */
static inline bool is_behind(int64_t last_us, int64_t newest_us, uint64_t distance_us) {
    return newest_us >= last_us && (uint64_t)newest_us - (uint64_t)last_us >= distance_us;
}
static inline int64_t time_plus(int64_t last_us, uint64_t distance_us) {
    uint64_t left = (uint64_t)INT64_MAX - (uint64_t)last_us;
    return distance_us > left ? INT64_MAX : (int64_t)((uint64_t)last_us + distance_us);
}
/* time − distance, and no further than there are times. */
int64_t time_before(int64_t time_us, uint64_t distance_us);
