/* How fast requests are served, and so how long one would wait: whether to take it.
 *
 * Measured is the cost served in a time in which there was always more to do. A request is taken if
 * what is ahead of it leaves it enough of its deadline. Bursts may use all of that. A queue that
 * has not been empty for PACE_STANDING_US is no burst: it only makes everybody late, and an empty
 * one would serve as many. Then a request may wait for a part of its deadline only, the patience,
 * until nothing has been refused for as long: a queue kept so short is empty now and then. (The
 * same distinction as in CoDel, Nichols and Jacobson, ACM Queue 2012, and as its use for requests
 * by Maurer, "Fail at Scale", ACM Queue 2015; but the refusal comes before the wait, not after it.)
 *
 * Pure: time is a parameter, monotonic. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_STANDING_US INT64_C(100000)

struct pace {
    /* Set by the caller: */
    int64_t default_deadline_us; /* of requests without one; 0: they may wait for ever */
    unsigned patience_percent;   /* 1…100 */
    /* The rest starts as 0: */
    double cost_per_us;  /* 0: nothing has been measured */
    double answer_us;    /* from the handler's return to the answer, as of late */
    int64_t empty_us;    /* when the queue was empty last, with nothing refused */
    int64_t refused_us;  /* when something was refused last */
    int64_t observed_us; /* when the last turn ended */
    bool is_standing;    /* as of the last pace_observe() */
};

/* A turn of the loop has served this cost from began_us to ended_us. was_backlogged: there was
 * something to do ever since began_us. is_empty: now there is nothing left. has_refused: some
 * requests were not taken. */
void pace_observe(struct pace *pace, size_t cost, int64_t began_us, int64_t ended_us,
                  bool was_backlogged, bool is_empty, bool has_refused);
/* An answer came so long after the handler had returned; 0: before. */
void pace_observe_answer(struct pace *pace, int64_t late_us);

/* Will a request be answered in time, if this cost, its own included, is served first? is_only:
 * nothing else waits. is_standing: of the client's own queue, not of all: who asks for less than
 * its share must not be refused because of others. */
bool pace_admits(const struct pace *pace, size_t ahead, uint64_t deadline_us, bool is_only,
                 bool is_standing);
/* Has it waited for longer than its deadline? */
bool pace_is_late(const struct pace *pace, int64_t waited_us, uint64_t deadline_us);
