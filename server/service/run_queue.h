/* Runs that take too long for a front's thread and wait for one of the service: a short queue, in
 * the order of arrival. A run reserves its place under the decision lock, and is parked once it has
 * left it; what has no place is refused at once. */
#pragma once

#include "server/base/run.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct run_queue {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    pthread_t thread;
    struct run *waiting, **waiting_end;
    size_t places, taken; /* taken: by those that wait, and the one at work */
    bool stopping;
};

/* Starts the thread: work(user), which takes runs until there is none any more. */
void run_queue_start(struct run_queue *queue, size_t places, void *(*work)(void *user), void *user);
/* Lets the thread empty the queue, and waits for its end. */
void run_queue_stop(struct run_queue *queue);

/* Gives the run a place: its answer is the thread's to make. false: no place is free. */
bool run_queue_admit(struct run_queue *queue, struct run *run);
/* true: the run has a place, and is the thread's from now on. */
bool run_queue_park(struct run *run);

/* For the thread. Blocks, until that time of CLOCK_REALTIME if one is given. NULL: the time has
 * come, or *ret_stopping: it stops, and no run waits any more. */
struct run *run_queue_take(struct run_queue *queue, const struct timespec *until,
                           bool *ret_stopping);
/* Gives the place of the run that was taken back, once its answer has been sent. */
void run_queue_leave(struct run_queue *queue);
