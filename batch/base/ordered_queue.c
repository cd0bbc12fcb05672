/* One mutex and one condition for everything: blocks are large (256 KiB), so the lock is taken
 * rarely compared with the work on a block. */
#include "ordered_queue.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define BLOCK_BYTES ((size_t)256 << 10)
#define WAIT_NS     100000000

struct ordered_queue {
    size_t limit_bytes;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t current;       /* the source that the consumer takes from */
    size_t waiting_bytes; /* of all sources */
    /* Consumed blocks of the usual size. Their pages are mapped already: new memory would fault. */
    struct ordered_queue_block *spare;
    struct source {
        struct ordered_queue_block *first, *last;
        size_t waiting_bytes;
        bool ended;
    } *sources;
    size_t source_count;
};

struct ordered_queue *ordered_queue_new(size_t sources, size_t limit_bytes) {
    struct ordered_queue *ordered_queue = check_calloc(1, sizeof *ordered_queue);
    ordered_queue->limit_bytes = limit_bytes;
    ordered_queue->sources = check_calloc(sources, sizeof *ordered_queue->sources);
    ordered_queue->source_count = sources;
    pthread_condattr_t clock;
    check(pthread_condattr_init(&clock) == 0);
    check(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
    lock_init(&ordered_queue->lock, LOCK_ORDERED_QUEUE);
    check(pthread_cond_init(&ordered_queue->changed, &clock) == 0);
    pthread_condattr_destroy(&clock);
    return ordered_queue;
}

static void free_blocks(struct ordered_queue_block *block) {
    while (block) {
        struct ordered_queue_block *next = block->next;
        free(block);
        block = next;
    }
}

void ordered_queue_free(struct ordered_queue *ordered_queue) {
    if (!ordered_queue)
        return;
    for (size_t i = 0; i < ordered_queue->source_count; i++)
        free_blocks(ordered_queue->sources[i].first);
    free_blocks(ordered_queue->spare);
    pthread_cond_destroy(&ordered_queue->changed);
    pthread_mutex_destroy(&ordered_queue->lock);
    free(ordered_queue->sources);
    free(ordered_queue);
}

/* Waits for a change, at most a tenth of a second: a pool that is stopped does not signal the
 * condition, so waiters look at its flag from time to time. Under the lock. */
static void wait_a_little(struct ordered_queue *ordered_queue) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&ordered_queue->changed, &ordered_queue->lock, &until);
}

void ordered_queue_begin(struct ordered_queue_producer *producer,
                         struct ordered_queue *ordered_queue, const struct thread_pool *thread_pool,
                         size_t source) {
    *producer = (struct ordered_queue_producer){
        .ordered_queue = ordered_queue, .thread_pool = thread_pool, .source = source};
}

/* The current source counts only its own blocks: whatever others have queued can only be consumed
 * after it, and waiting for that would be a deadlock. */
static bool has_room(const struct ordered_queue *ordered_queue, size_t source) {
    size_t waiting = source == ordered_queue->current ? ordered_queue->sources[source].waiting_bytes
                                                      : ordered_queue->waiting_bytes;
    return waiting < ordered_queue->limit_bytes;
}

/* Queues the producer's block; waits while there is no room. false: the thread pool was stopped. */
static bool push(struct ordered_queue_producer *producer) {
    struct ordered_queue *ordered_queue = producer->ordered_queue;
    struct ordered_queue_block *block = producer->block;
    producer->block = NULL;
    if (!block)
        return true;
    pthread_mutex_lock(&ordered_queue->lock);
    while (!has_room(ordered_queue, producer->source) &&
           !thread_pool_is_stopped(producer->thread_pool))
        wait_a_little(ordered_queue);
    struct source *source = &ordered_queue->sources[producer->source];
    if (source->last)
        source->last->next = block;
    else
        source->first = block;
    source->last = block;
    source->waiting_bytes += block->capacity;
    ordered_queue->waiting_bytes += block->capacity;
    pthread_cond_broadcast(&ordered_queue->changed);
    pthread_mutex_unlock(&ordered_queue->lock);
    return !thread_pool_is_stopped(producer->thread_pool);
}

static struct ordered_queue_block *new_block(struct ordered_queue *ordered_queue, size_t size) {
    size_t capacity = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct ordered_queue_block *block = NULL;
    pthread_mutex_lock(&ordered_queue->lock);
    if (capacity == BLOCK_BYTES && ordered_queue->spare) {
        block = ordered_queue->spare;
        ordered_queue->spare = block->next;
    }
    pthread_mutex_unlock(&ordered_queue->lock);
    if (!block)
        block = check_malloc(sizeof *block + capacity);
    *block = (struct ordered_queue_block){.capacity = capacity};
    return block;
}

uint8_t *ordered_queue_reserve(struct ordered_queue_producer *producer, size_t size) {
    struct ordered_queue_block *block = producer->block;
    if (block && size > block->capacity - block->length) {
        if (!push(producer))
            return NULL;
        block = NULL;
    }
    if (!block)
        block = producer->block = new_block(producer->ordered_queue, size);
    uint8_t *room = block->bytes + block->length;
    block->length += size;
    return room;
}

void ordered_queue_end(struct ordered_queue_producer *producer) {
    push(producer);
    struct ordered_queue *ordered_queue = producer->ordered_queue;
    pthread_mutex_lock(&ordered_queue->lock);
    ordered_queue->sources[producer->source].ended = true;
    pthread_cond_broadcast(&ordered_queue->changed);
    pthread_mutex_unlock(&ordered_queue->lock);
}

int ordered_queue_take(struct ordered_queue *ordered_queue, size_t source,
                       struct ordered_queue_block **ret_block) {
    pthread_mutex_lock(&ordered_queue->lock);
    struct source *from = &ordered_queue->sources[source];
    if (ordered_queue->current != source) {
        ordered_queue->current = source;
        pthread_cond_broadcast(&ordered_queue->changed);
    }
    if (!from->first && !from->ended)
        wait_a_little(ordered_queue);
    int r = from->ended ? 0 : -1;
    struct ordered_queue_block *block = from->first;
    if (block) {
        from->first = block->next;
        if (!from->first)
            from->last = NULL;
        from->waiting_bytes -= block->capacity;
        ordered_queue->waiting_bytes -= block->capacity;
        pthread_cond_broadcast(&ordered_queue->changed);
        *ret_block = block;
        r = 1;
    }
    pthread_mutex_unlock(&ordered_queue->lock);
    return r;
}

void ordered_queue_release(struct ordered_queue *ordered_queue, struct ordered_queue_block *block) {
    if (block->capacity != BLOCK_BYTES) {
        free(block);
        return;
    }
    pthread_mutex_lock(&ordered_queue->lock);
    block->next = ordered_queue->spare;
    ordered_queue->spare = block;
    pthread_mutex_unlock(&ordered_queue->lock);
}
