/* Memory for input and output, in pieces that are reused: an idle connection has none, and a busy
 * one takes nothing from the system once it has been busy.
 *
 * Chunks are reference-counted: every holder of pointers into one holds it. The loop's thread only.
 */
#pragma once

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

/* With one reference. NULL: it would exceed bytes_max. */
struct chunk *chunk_take(struct chunk_pool *pool, size_t capacity);
/* The same without the limit: what has been decided must be answered. */
struct chunk *chunk_take_anyway(struct chunk_pool *pool, size_t capacity);

static inline struct chunk *chunk_hold(struct chunk *chunk) {
    chunk->held++;
    return chunk;
}
void chunk_release(struct chunk_pool *pool, struct chunk *chunk); /* NULL is allowed */
