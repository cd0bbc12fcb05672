/* Two clocks: one that never jumps, for durations, and the wall clock, for times that are stored or
 * compared with event times. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Microseconds since 1970-01-01T00:00:00Z. */
static inline int64_t realtime_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
