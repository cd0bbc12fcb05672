/* An ordered queue: several threads make things, each source in order, and one thread takes them,
 * source after source. Makers that are ahead wait when too much is waiting to be taken, but never
 * the one whose turn it is: so it cannot come to a standstill as long as sources are begun in
 * order. */
#pragma once

#include "thread_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ordered_queue;

struct ordered_queue *ordered_queue_new(size_t sources, size_t limit_bytes);
void ordered_queue_free(struct ordered_queue *ordered_queue);

/* A maker's side, one per thread at work on one source. */
struct ordered_queue_block {
    struct ordered_queue_block *next;
    size_t length, capacity;
    uint8_t bytes[];
};
struct ordered_queue_maker {
    struct ordered_queue *ordered_queue;
    const struct thread_pool *thread_pool;
    size_t source;
    struct ordered_queue_block *block; /* being filled; NULL: none */
};
void ordered_queue_begin(struct ordered_queue_maker *maker, struct ordered_queue *ordered_queue,
                         const struct thread_pool *thread_pool, size_t source);
/* Room for an item of this size, all of which is used. NULL: the thread pool was stopped. */
uint8_t *ordered_queue_room(struct ordered_queue_maker *maker, size_t size);
/* The source is complete. Frees what a stopped thread pool leaves, too. */
void ordered_queue_end(struct ordered_queue_maker *maker);

/* The taker's side. Waits a tenth of a second at most. 1: *ret_block is the next one of the source;
 * 0: the source is complete; -1: not yet. */
int ordered_queue_take(struct ordered_queue *ordered_queue, size_t source,
                       struct ordered_queue_block **ret_block);
/* The taker is done with it. */
void ordered_queue_give_back(struct ordered_queue *ordered_queue,
                             struct ordered_queue_block *block);
