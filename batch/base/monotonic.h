/* The monotonic clock in seconds, for measuring durations only: its zero is arbitrary, and it never
 * jumps when the wall clock is set. Wall-clock time reaches a job as a parameter (`now_us`). */
#pragma once

#include <time.h>

static inline double monotonic_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
