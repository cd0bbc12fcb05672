/* Asking for memory before it is needed. Any address may be asked for: it is a hint.
 *
 * The nearest cache has some twenty requests on their way at a time, and who makes one more stands
 * still until it is taken. The second cache takes about three times as many; what it has then is a
 * few nanoseconds away. So what is asked for by the dozen goes there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64

/* One of a few, needed soon: into the nearest cache. */
static inline void prefetch(const void *at) {
    __builtin_prefetch(at, 0, 3);
}

/* One of many: into the second cache. */
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

/* Every line that any of [at, end) is on, but none before `next`. Returns where the one behind them
 * begins. A line should not be asked for again while it is on its way: on some processors that
 * costs more than it would have to wait for it. So of places in their order, each goes on where the
 * one before has ended:
 *
 *     next = prefetch_far_from(NULL, first, first_end);
 *     next = prefetch_far_from(next, second, second_end); */
static inline const uint8_t *prefetch_far_from(const uint8_t *next, const void *at,
                                               const void *end) {
    return prefetch_lines(next, at, end, false);
}
/* The same, into the nearest cache. */
static inline const uint8_t *prefetch_near_from(const uint8_t *next, const void *at,
                                                const void *end) {
    return prefetch_lines(next, at, end, true);
}

static inline void prefetch_far_all(const void *at, size_t size) {
    prefetch_far_from(NULL, at, (const uint8_t *)at + size);
}
