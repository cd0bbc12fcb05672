/* What happens when: a heap of points in time, the earliest on top. A timer lies in what it is
 * for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t at_us;
    size_t place; /* in the heap, from 1 on; 0: it is not set */
};

struct timers {
    struct timer **heap; /* [0] is not used */
    size_t count, capacity;
};

void timers_deinit(struct timers *timers);
void timers_set(struct timers *timers, struct timer *timer, int64_t at_us); /* or sets it anew */
void timers_clear(struct timers *timers, struct timer *timer);
struct timer *timers_first(const struct timers *timers); /* NULL: none */
