/* The queue is all that libharrier's threads touch; a batch that is under way is nobody's else. */
#include "score_batch.h"

#include "clients/cli/terminal/clock.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <stdlib.h>
#include <time.h>

#define SECOND_IN_NS 1000000000

void score_batch_init(struct score_batch *batch, size_t size, struct score_batch_queue *queue) {
    *batch = (struct score_batch){
        .queue = queue,
        .transactions = check_calloc(size, sizeof *batch->transactions),
        .rows = check_calloc(size, sizeof *batch->rows),
        .reports = check_calloc(size, sizeof *batch->reports),
        .truths = check_calloc(size, sizeof *batch->truths),
        .outcomes = check_calloc(size, sizeof *batch->outcomes),
        .outcome_rows = check_calloc(size, sizeof *batch->outcome_rows),
        .amendments = check_calloc(size, sizeof *batch->amendments),
        .amendment_rows = check_calloc(size, sizeof *batch->amendment_rows),
    };
    arena_init(&batch->arena, SCORE_BATCH_BYTES);
}

/* Also of a batch that was never used. */
void score_batch_deinit(struct score_batch *batch) {
    harrier_reply_free(batch->reply);
    arena_deinit(&batch->arena);
    free(batch->transactions);
    free(batch->rows);
    free(batch->reports);
    free(batch->truths);
    free(batch->outcomes);
    free(batch->outcome_rows);
    free(batch->amendments);
    free(batch->amendment_rows);
}

void score_batch_reset(struct score_batch *batch) {
    arena_reset(&batch->arena);
    batch->next = NULL;
    batch->count = batch->outcome_count = batch->amendment_count = 0;
    batch->sent_again = false;
}

void score_batch_move(struct score_batch *batch, size_t from, size_t to) {
    batch->transactions[to] = batch->transactions[from];
    batch->rows[to] = batch->rows[from];
    batch->reports[to] = batch->reports[from];
    batch->truths[to] = batch->truths[from];
}

void score_batch_queue_init(struct score_batch_queue *queue) {
    pthread_condattr_t monotonic;
    *queue = (struct score_batch_queue){0};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    lock_init(&queue->mutex, LOCK_SCORE_BATCHES);
    pthread_cond_init(&queue->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void score_batch_queue_deinit(struct score_batch_queue *queue) {
    pthread_cond_destroy(&queue->answered);
    pthread_mutex_destroy(&queue->mutex);
}

void score_batch_answered(struct harrier_reply *reply, const struct harrier_error *error,
                          void *user) {
    struct score_batch *batch = user;
    struct score_batch_queue *queue = batch->queue;
    batch->answered_us = monotonic_us();
    batch->reply = reply;
    if (error)
        batch->error = *error;
    pthread_mutex_lock(&queue->mutex);
    batch->next = NULL;
    if (queue->last)
        queue->last->next = batch;
    else
        queue->first = batch;
    queue->last = batch;
    pthread_cond_signal(&queue->answered);
    pthread_mutex_unlock(&queue->mutex);
}

struct score_batch *score_batch_queue_take(struct score_batch_queue *queue, uint64_t wait_us) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_us * 1000;
    until.tv_sec += until.tv_nsec / SECOND_IN_NS;
    until.tv_nsec %= SECOND_IN_NS;
    pthread_mutex_lock(&queue->mutex);
    while (!queue->first && pthread_cond_timedwait(&queue->answered, &queue->mutex, &until) == 0)
        ;
    struct score_batch *batch = queue->first;
    if (batch) {
        queue->first = batch->next;
        if (!queue->first)
            queue->last = NULL;
    }
    pthread_mutex_unlock(&queue->mutex);
    return batch;
}
