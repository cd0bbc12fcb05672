/* The system's clock plus an offset that a test moves forward: a limit of a minute then passes at
 * once, and cannot pass because the machine was busy. Put `clock` into the settings. */
#pragma once

#include "server/ops/clock.h"

#include <stdatomic.h>

struct late_clock {
    struct clock clock; /* first */
    _Atomic int64_t late_us;
};

static inline int64_t late_clock_wall_us(const struct clock *self) {
    return clock_wall_us(&clock_system) + atomic_load(&((const struct late_clock *)self)->late_us);
}

static inline int64_t late_clock_monotonic_us(const struct clock *self) {
    return clock_monotonic_us(&clock_system) +
           atomic_load(&((const struct late_clock *)self)->late_us);
}

static inline void late_clock_init(struct late_clock *clock) {
    *clock = (struct late_clock){.clock = {late_clock_wall_us, late_clock_monotonic_us}};
}

static inline void late_clock_pass(struct late_clock *clock, int64_t us) {
    atomic_fetch_add(&clock->late_us, us);
}
