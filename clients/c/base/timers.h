/* Timers: a binary heap of points in time, the earliest on top.
 *
 * A timer is embedded in what it belongs to (see RING_OF) and knows its place in the heap, so that
 * setting one anew or clearing it costs O(log n) without a search. Times are monotonic_us(). The
 * caller serialises access; nothing here fires by itself: the poller asks for the first one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t at_us;
    size_t place; /* in the heap, from 1 on; 0: not set, as after zero-initialising */
};

struct timers {
    struct timer **heap; /* [0] is not used: the children of i are 2i and 2i + 1 */
    size_t count, capacity;
};

void timers_deinit(struct timers *timers); /* frees the heap only */
void timers_set(struct timers *timers, struct timer *timer, int64_t at_us); /* moves a set timer */
void timers_clear(struct timers *timers, struct timer *timer); /* does nothing if it is not set */
struct timer *timers_first(const struct timers *timers);       /* NULL: none is set */
