/* A private heap for very many small blocks, such as the states of a replay. One thread at a time;
 * nothing is locked.
 *
 * Its memory comes in extents, aligned to their size, which (except for bare ones) start with the
 * address of the heap: any block leads to its heap without a pointer of its own. The caller
 * supplies the extents: in huge pages a block needs one TLB entry less, which is most of the cost
 * of a first touch among a million entities.
 *
 * A block has a header of 8 bytes, as malloc()'s have, and free neighbours are merged. The caller
 * of heap_free() must know the size that it asked for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HEAP_EXTENT_SIZE ((size_t)256 << 10)
#define HEAP_HEAD_SIZE   64 /* of an extent */
/* Larger blocks come from malloc(). */
#define HEAP_BLOCK_MAX ((size_t)32 << 10)
#define HEAP_BINS      192

struct heap_source {
    /* Memory for one extent, aligned to its size. The heap never gives it back. */
    void *(*extent)(struct heap_source *self);
};

struct heap_free {
    struct heap_free *next, *before;
};

struct heap {
    struct heap_source *source;
    uint8_t *top, *end; /* what is left of the newest extent; NULL: none yet */
    uint64_t filled[HEAP_BINS / 64];
    struct heap_free *bins[HEAP_BINS];
    size_t large; /* bytes of blocks from malloc() */
};

void heap_init(struct heap *heap, struct heap_source *source);

/* An extent for the caller's own use, except for its head. */
void *heap_extent(struct heap *heap);
/* The whole of an extent for the caller's own use: heap_of() does not work for what is in it. */
void *heap_bare_extent(struct heap *heap);
/* The heap of an address in one of its extents. */
static inline struct heap *heap_of(const void *inside) {
    return *(struct heap **)((uintptr_t)inside & ~(HEAP_EXTENT_SIZE - 1));
}

/* Aligned to 16 bytes. Sizes of 16 n + 8 leave no padding. */
void *heap_alloc(struct heap *heap, size_t size);
/* size: the one that was asked for. NULL is allowed. */
void heap_free(struct heap *heap, void *block, size_t size);
/* As realloc(); block may be NULL. */
void *heap_resize(struct heap *heap, void *block, size_t size, size_t wanted);
