#include "clients/c/base/timers.h"

#include "core/base/check.h"

#include <stdlib.h>

/* Both sift functions move a hole and write `timer` once, where the hole ends up. */

static void put(struct timers *timers, size_t place, struct timer *timer) {
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct timers *timers, size_t place, struct timer *timer) {
    while (place > 1 && timers->heap[place / 2]->at_us > timer->at_us) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct timers *timers, size_t place, struct timer *timer) {
    for (size_t child = place * 2; child <= timers->count; child = place * 2) {
        if (child < timers->count && timers->heap[child + 1]->at_us < timers->heap[child]->at_us)
            child++;
        if (timers->heap[child]->at_us >= timer->at_us)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

void timers_deinit(struct timers *timers) {
    free(timers->heap);
}

void timers_set(struct timers *timers, struct timer *timer, int64_t at_us) {
    timers_clear(timers, timer);
    if (timers->count + 1 >= timers->capacity) {
        timers->capacity = timers->capacity ? timers->capacity * 2 : 16;
        timers->heap = check_reallocarray(timers->heap, timers->capacity, sizeof(struct timer *));
    }
    timer->at_us = at_us;
    sift_up(timers, ++timers->count, timer);
}

void timers_clear(struct timers *timers, struct timer *timer) {
    size_t place = timer->place;
    if (place == 0)
        return;
    /* The last timer fills the hole. It comes from another branch, so it may belong further up as
     * well as further down. */
    struct timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last == timer)
        return;
    if (place > 1 && timers->heap[place / 2]->at_us > last->at_us)
        sift_up(timers, place, last);
    else
        sift_down(timers, place, last);
}

struct timer *timers_first(const struct timers *timers) {
    return timers->count > 0 ? timers->heap[1] : NULL;
}
