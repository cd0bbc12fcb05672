/* A heap of one's own, for very many small blocks, such as the states of a replay. One thread at a
 * time; nothing is locked.
 *
 * Its memory comes in extents, which lie at whole multiples of their size and, but for bare
 * ones, begin with the heap's address: so what lies in one knows its heap without a word for it.
 * Where they come from is the caller's: in huge pages, a block costs one entry of the processor's
 * table of pages less, which is most of what a first touch costs among a million entities.
 *
 * A block has 8 bytes in front, as malloc()'s have, and free neighbours are united. Who frees a
 * block has to know how long it was asked to be. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HEAP_EXTENT_SIZE ((size_t)256 << 10)
#define HEAP_HEAD_SIZE   64 /* of an extent */
/* Blocks with more are malloc()'s. */
#define HEAP_BLOCK_MAX ((size_t)32 << 10)
#define HEAP_BINS      192

struct heap_source {
    /* Memory for one extent, at a whole multiple of its size. Never given back to it. */
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
};

void heap_init(struct heap *heap, struct heap_source *source);

/* An extent for something else, of which the heap takes no part but its head. */
void *heap_extent(struct heap *heap);
/* One of which it takes no part at all: heap_of() knows nothing of what lies in it. */
void *heap_bare_extent(struct heap *heap);
/* Of what lies in one of its extents. */
static inline struct heap *heap_of(const void *inside) {
    return *(struct heap **)((uintptr_t)inside & ~(HEAP_EXTENT_SIZE - 1));
}

/* Aligned to 16 bytes; 16 n + 8 bytes waste nothing. */
void *heap_alloc(struct heap *heap, size_t size);
/* size: as it was asked for. NULL is allowed. */
void heap_free(struct heap *heap, void *block, size_t size);
/* As realloc(); block may be NULL. */
void *heap_resize(struct heap *heap, void *block, size_t size, size_t wanted);
