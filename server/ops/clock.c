/* The system's clocks, in microseconds. Tests put a struct of their own in their place. */
#include "clock.h"

#include <time.h>

static int64_t read_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t wall_us(const struct clock *self) {
    (void)self;
    return read_us(CLOCK_REALTIME);
}

static int64_t monotonic_us(const struct clock *self) {
    (void)self;
    return read_us(CLOCK_MONOTONIC);
}

const struct clock clock_system = {.wall_us = wall_us, .monotonic_us = monotonic_us};
