#include "run_queue.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

void run_queue_start(struct run_queue *queue, size_t places, void *(*work)(void *user),
                     void *user) {
    *queue = (struct run_queue){.places = places};
    queue->waiting_end = &queue->waiting;
    lock_init(&queue->lock, LOCK_RUN_QUEUE);
    pthread_cond_init(&queue->wanted, NULL);
    check(pthread_create(&queue->thread, NULL, work, user) == 0);
}

void run_queue_stop(struct run_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_signal(&queue->wanted);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL); /* the queue is emptied first */
    pthread_cond_destroy(&queue->wanted);
    pthread_mutex_destroy(&queue->lock);
}

bool run_queue_admit(struct run_queue *queue, struct run *run) {
    pthread_mutex_lock(&queue->lock);
    bool is_free = queue->taken < queue->places && !queue->stopping;
    queue->taken += is_free;
    pthread_mutex_unlock(&queue->lock);
    run->queue = is_free ? queue : NULL;
    return is_free;
}

bool run_queue_park(struct run *run) {
    struct run_queue *queue = run->queue;
    if (!queue)
        return false;
    pthread_mutex_lock(&queue->lock);
    run->next = NULL;
    *queue->waiting_end = run;
    queue->waiting_end = &run->next;
    pthread_cond_signal(&queue->wanted);
    pthread_mutex_unlock(&queue->lock);
    return true;
}

struct run *run_queue_take(struct run_queue *queue, const struct timespec *until,
                           bool *ret_stopping) {
    int r = 0;
    pthread_mutex_lock(&queue->lock);
    while (!queue->waiting && !queue->stopping && r == 0)
        r = until ? pthread_cond_timedwait(&queue->wanted, &queue->lock, until)
                  : pthread_cond_wait(&queue->wanted, &queue->lock);
    struct run *run = queue->waiting;
    if (run)
        queue->waiting = run->next;
    if (!queue->waiting)
        queue->waiting_end = &queue->waiting;
    *ret_stopping = !run && queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return run;
}

void run_queue_leave(struct run_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->taken--;
    pthread_mutex_unlock(&queue->lock);
}
