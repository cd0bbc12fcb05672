/* Asking for memory before it is needed. Any address may be asked for: it is a hint.
 *
 * The L1 cache has about twenty requests in flight, and one more stalls the processor until one is
 * done. The L2 cache takes about three times as many, and a hit there costs a few nanoseconds. So
 * what is asked for by the dozen goes to L2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64

/* One of a few, needed soon: into L1. */
static inline void prefetch(const void *at) {
    __builtin_prefetch(at, 0, 3);
}

/* One of many: into L2. */
static inline void prefetch_far(const void *at) {
    __builtin_prefetch(at, 0, 2);
}

static inline const uint8_t *prefetch_lines(const uint8_t *next, const void *at, const void *end,
                                            bool is_near) {
    const uint8_t *line = (const uint8_t *)at - (uintptr_t)at % CACHE_LINE;
    if ((uintptr_t)line < (uintptr_t)next)
        line = next;
    for (; (uintptr_t)line < (uintptr_t)end; line += CACHE_LINE)
        if (is_near)
            prefetch(line);
        else
            prefetch_far(line);
    return line;
}

/* Every cache line that [at, end) touches, but none before `next`. Returns where the line after
 * them starts. A line should not be asked for again while it is in flight: on some processors that
 * costs more than waiting for it. So, for ranges in rising order, each call continues where the one
 * before ended:
 *
 *     next = prefetch_far_from(NULL, first, first_end);
 *     next = prefetch_far_from(next, second, second_end); */
static inline const uint8_t *prefetch_far_from(const uint8_t *next, const void *at,
                                               const void *end) {
    return prefetch_lines(next, at, end, false);
}
/* The same, into L1. */
static inline const uint8_t *prefetch_near_from(const uint8_t *next, const void *at,
                                                const void *end) {
    return prefetch_lines(next, at, end, true);
}

static inline void prefetch_far_all(const void *at, size_t size) {
    prefetch_far_from(NULL, at, (const uint8_t *)at + size);
}
