/* Memory for bytes that come in and go out, in pieces that are used again: an idle connection has
 * none, and a busy one takes nothing from the system once it has been busy.
 *
 * A chunk is counted: whoever keeps pointers into it holds it. One thread, the front's. */
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
    size_t bytes_max;              /* in use at the same time */
    size_t used_bytes, idle_bytes; /* of chunks, their heads included */
    struct chunk *idle[CHUNK_CLASSES];
};

void chunk_pool_init(struct chunk_pool *pool, size_t bytes_max);
/* All chunks must have been released. */
void chunk_pool_deinit(struct chunk_pool *pool);

/* Held once. NULL: with it there would be more than bytes_max in use. */
struct chunk *chunk_take(struct chunk_pool *pool, size_t capacity);
/* The same whatever is in use: what has been decided must be answered. */
struct chunk *chunk_take_anyway(struct chunk_pool *pool, size_t capacity);

static inline struct chunk *chunk_hold(struct chunk *chunk) {
    chunk->held++;
    return chunk;
}
void chunk_release(struct chunk_pool *pool, struct chunk *chunk); /* NULL is allowed */
