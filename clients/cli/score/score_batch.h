/* One message's worth of rows, and the queue of those that a server has answered. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/io/detection.h"
#include "clients/cli/rows/row_original.h"
#include "core/base/arena.h"
#include "row_reports.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCORE_BATCH_BYTES ((size_t)256 << 20)
/* With so much in it, a batch is full: the largest row still has room. */
#define SCORE_BATCH_FULL_BYTES ((size_t)64 << 20)

/* Arrays have room for `size` rows and are parallel; the arena holds the texts that they point
 * to. */
struct score_batch {
    struct score_batch *next; /* in the free list or in the queue */
    struct score_batch_queue *queue;
    struct arena arena;
    struct harrier_transaction *transactions;
    struct row_original *rows; /* parallel to transactions */
    struct row_reports *reports;
    enum truth *truths;
    size_t count;
    struct harrier_outcome *outcomes; /* of those that have a decision */
    struct row_original *outcome_rows;
    size_t outcome_count;
    struct harrier_amendment *amendments; /* likewise */
    struct row_original *amendment_rows;
    size_t amendment_count;
    bool sent_again;
    uint64_t sent_us, answered_us;
    struct harrier_reply *reply; /* NULL: error */
    struct harrier_error error;
};

/* Arrays are made once and used for all messages. */
void score_batch_init(struct score_batch *batch, size_t size, struct score_batch_queue *queue);
void score_batch_deinit(struct score_batch *batch);
void score_batch_reset(struct score_batch *batch);
/* Copies what all arrays have of a row; to comes before from, or is the same. */
void score_batch_move(struct score_batch *batch, size_t from, size_t to);

/* Answered batches, oldest first. Thread-safe. */
struct score_batch_queue {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    struct score_batch *first, *last;
};

void score_batch_queue_init(struct score_batch_queue *queue);
void score_batch_queue_deinit(struct score_batch_queue *queue);
/* A callback of libharrier; user: the batch, which it puts into its queue. */
void score_batch_answered(struct harrier_reply *reply, const struct harrier_error *error,
                          void *user);
/* NULL after wait_us without one. */
struct score_batch *score_batch_queue_take(struct score_batch_queue *queue, uint64_t wait_us);
