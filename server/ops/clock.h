/* The server's only source of time, so that tests can set it. Only the log's time stamps and
 * the timed waits of base/commit.c read the system's clocks themselves. */
#pragma once

#include <stdint.h>

struct clock {
    int64_t (*wall_us)(const struct clock *self); /* since 1970-01-01 UTC; may jump */
    int64_t (*monotonic_us)(
        const struct clock *self); /* never set back: for deadlines and durations */
};

/* The system's clocks. */
extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *clock) {
    return clock->wall_us(clock);
}
static inline int64_t clock_monotonic_us(const struct clock *clock) {
    return clock->monotonic_us(clock);
}
