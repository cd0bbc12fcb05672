/* Memory for input and output, in pieces that are reused: an idle connection has none, and a busy
 * one takes nothing from the system once it has been busy.
 *
 * Chunks are reference-counted: every holder of pointers into one holds it. The loop's thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_CLASSES 24

struct chunk {
    struct chunk *next; /* while it is idle */
    unsigned class, held;
    size_t capacity;
    _Alignas(16) uint8_t bytes[];
};

struct chunk_pool {
    size_t bytes_max;              /* limit of used_bytes */
    size_t used_bytes, idle_bytes; /* including the headers of chunks */
    struct chunk *idle[CHUNK_CLASSES];
};

void chunk_pool_init(struct chunk_pool *pool, size_t bytes_max);
/* All chunks must have been released. */
void chunk_pool_deinit(struct chunk_pool *pool);

/* With one reference. NULL: it would exceed bytes_max; the last quarter of it is for the smallest
 * chunks, so that who sends little can always do so. */
struct chunk *chunk_take(struct chunk_pool *pool, size_t capacity);
/* The same without the limit: what has been decided must be answered. */
struct chunk *chunk_take_anyway(struct chunk_pool *pool, size_t capacity);

static inline struct chunk *chunk_hold(struct chunk *chunk) {
    chunk->held++;
    return chunk;
}
/* Is half of it used? Then who has much gives way to who has little. */
static inline bool chunk_pool_is_short(const struct chunk_pool *pool) {
    return pool->used_bytes > pool->bytes_max / 2;
}
/* Is all of it used? Only chunk_take_anyway() gets there. */
static inline bool chunk_pool_is_used_up(const struct chunk_pool *pool) {
    return pool->used_bytes >= pool->bytes_max;
}
void chunk_release(struct chunk_pool *pool, struct chunk *chunk); /* NULL is allowed */
