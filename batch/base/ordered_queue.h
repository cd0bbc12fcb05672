/* A bounded queue from several producer threads to one consumer that keeps an order: each producer
 * works on one numbered source at a time, and the consumer takes source 0 completely, then source
 * 1, and so on.
 *
 * Producers wait while more than the limit is queued. The producer of the source being consumed is
 * held to its own share of the limit only, so it never waits for others: the queue cannot deadlock
 * as long as sources are started in ascending order. */
#pragma once

#include "thread_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ordered_queue;

/* limit_bytes: of queued blocks, of all sources together, and again of the current source.
 * Producers exceed it by one block each. */
struct ordered_queue *ordered_queue_new(size_t sources, size_t limit_bytes);
void ordered_queue_free(struct ordered_queue *ordered_queue);

/* The producer's side: one per thread and source. A block holds whole items. */
struct ordered_queue_block {
    struct ordered_queue_block *next;
    size_t length, capacity;
    uint8_t bytes[];
};
struct ordered_queue_producer {
    struct ordered_queue *ordered_queue;
    const struct thread_pool *thread_pool;
    size_t source;
    struct ordered_queue_block *block; /* being filled; NULL: none */
};
void ordered_queue_begin(struct ordered_queue_producer *producer,
                         struct ordered_queue *ordered_queue, const struct thread_pool *thread_pool,
                         size_t source);
/* Space for one item of exactly this size, valid until the next call. May block while the queue is
 * full. NULL: the thread pool was stopped. */
uint8_t *ordered_queue_reserve(struct ordered_queue_producer *producer, size_t size);
/* Marks the source as complete and queues its last block. Call it after an error, too: the block
 * would leak otherwise. */
void ordered_queue_end(struct ordered_queue_producer *producer);

/* The consumer's side. Waits at most a tenth of a second, so that the consumer can report progress.
 * 1: *ret_block is the source's next block; 0: the source is complete; -1: nothing yet. */
int ordered_queue_take(struct ordered_queue *ordered_queue, size_t source,
                       struct ordered_queue_block **ret_block);
/* Returns a block that was consumed; its memory is used again. */
void ordered_queue_release(struct ordered_queue *ordered_queue, struct ordered_queue_block *block);
