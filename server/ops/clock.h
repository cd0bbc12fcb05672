/* The only way the server asks what time it is, so that a test can say it instead. */
#pragma once

#include <stdint.h>

struct clock {
    int64_t (*wall_us)(const struct clock *self);      /* since 1970-01-01 UTC; may jump */
    int64_t (*monotonic_us)(const struct clock *self); /* for deadlines and durations */
};

/* The machine's. */
extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *clock) {
    return clock->wall_us(clock);
}
static inline int64_t clock_monotonic_us(const struct clock *clock) {
    return clock->monotonic_us(clock);
}
