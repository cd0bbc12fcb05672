/* Sizes are powers of two; each has a list of idle chunks. */
#include "front_sp_chunk.h"

#include "core/base/check.h"

#include <stdlib.h>

/* The smallest size. Some eighty messages fit, and to a busy connection a page more or less is
 * nothing. */
#define LEAST_BYTES ((size_t)16 << 10)
/* Kept for reuse; more is given back to the system. */
#define IDLE_BYTES_MAX ((size_t)16 << 20)

void chunk_pool_init(struct chunk_pool *pool, size_t bytes_max) {
    *pool = (struct chunk_pool){.bytes_max = bytes_max};
}

void chunk_pool_deinit(struct chunk_pool *pool) {
    check(pool->used_bytes == 0);
    for (unsigned class = 0; class < CHUNK_CLASSES; class ++)
        for (struct chunk *chunk = pool->idle[class], *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
}

static size_t bytes_of(unsigned class) {
    return LEAST_BYTES << class;
}

static unsigned class_of(size_t capacity) {
    unsigned class = 0;
    while (bytes_of(class) - sizeof(struct chunk) < capacity)
        class ++;
    check(class < CHUNK_CLASSES); /* message sizes are limited by the callers */
    return class;
}

static struct chunk *take(struct chunk_pool *pool, unsigned class) {
    struct chunk *chunk = pool->idle[class];
    if (chunk) {
        pool->idle[class] = chunk->next;
        pool->idle_bytes -= bytes_of(class);
    } else {
        chunk = check_malloc(bytes_of(class));
        chunk->class = class;
        chunk->capacity = bytes_of(class) - sizeof *chunk;
    }
    pool->used_bytes += bytes_of(class);
    chunk->next = NULL;
    chunk->held = 1;
    return chunk;
}

struct chunk *chunk_take(struct chunk_pool *pool, size_t capacity) {
    unsigned class = class_of(capacity);
    size_t limit = class == 0 ? pool->bytes_max : pool->bytes_max / 4 * 3;
    return pool->used_bytes + bytes_of(class) > limit ? NULL : take(pool, class);
}

struct chunk *chunk_take_anyway(struct chunk_pool *pool, size_t capacity) {
    return take(pool, class_of(capacity));
}

void chunk_release(struct chunk_pool *pool, struct chunk *chunk) {
    if (!chunk || --chunk->held > 0)
        return;
    size_t bytes = bytes_of(chunk->class);
    pool->used_bytes -= bytes;
    if (pool->idle_bytes + bytes > IDLE_BYTES_MAX) {
        free(chunk);
        return;
    }
    pool->idle_bytes += bytes;
    chunk->next = pool->idle[chunk->class];
    pool->idle[chunk->class] = chunk;
}
