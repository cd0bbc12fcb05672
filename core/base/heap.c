/*   extent   the heap's address, up to HEAP_HEAD_SIZE; blocks; an end, which looks like the head of
 *            a block in use
 *   block    head; bytes, at a whole multiple of 16
 *
 * A free block is in the bin of its size: one bin for each size up to EXACT_MAX, above that four
 * for each power of two. */
#include "heap.h"

#include "check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define UNIT      16
#define SIZE_MIN  (2 * UNIT) /* a free block: head and two addresses */
#define EXACT_MAX 2032
#define EXACT     (EXACT_MAX / UNIT + 1) /* number of exact bins */
#define TRIES     8

struct head {
    uint32_t size;   /* with the head */
    uint32_t before; /* size of the block before this one if that is free, else 0; | IS_FREE */
};
#define IS_FREE 1u

_Static_assert(sizeof(struct head) == 8, "blocks are 16 n + 8");

static struct head *head_of(void *block) {
    return (struct head *)block - 1;
}
static void *block_of(struct head *head) {
    return head + 1;
}
static struct head *head_at(void *at) {
    return at;
}
static struct head *behind(struct head *head) {
    return head_at((uint8_t *)head + head->size);
}

static size_t size_for(size_t bytes) {
    size_t size = (bytes + sizeof(struct head) + UNIT - 1) & ~(size_t)(UNIT - 1);
    return size < SIZE_MIN ? SIZE_MIN : size;
}

/* ---- bins ---- */

static size_t bin_of(size_t size) {
    if (size <= EXACT_MAX)
        return size / UNIT;
    size_t power = 63 - (size_t)__builtin_clzll(size), quarter = size >> (power - 2) & 3;
    size_t bin = EXACT + (power - 10) * 4 + quarter;
    return bin < HEAP_BINS ? bin : HEAP_BINS - 1;
}

static void put(struct heap *heap, struct head *head) {
    struct heap_free *block = block_of(head);
    size_t bin = bin_of(head->size);
    head->before |= IS_FREE;
    behind(head)->before = head->size | (behind(head)->before & IS_FREE);
    *block = (struct heap_free){.next = heap->bins[bin]};
    if (block->next)
        block->next->before = block;
    heap->bins[bin] = block;
    heap->filled[bin / 64] |= UINT64_C(1) << bin % 64;
}

static void take_out(struct heap *heap, struct head *head) {
    struct heap_free *block = block_of(head);
    size_t bin = bin_of(head->size);
    if (block->next)
        block->next->before = block->before;
    if (block->before)
        block->before->next = block->next;
    else if (!(heap->bins[bin] = block->next))
        heap->filled[bin / 64] &= ~(UINT64_C(1) << bin % 64);
    head->before &= ~IS_FREE;
    behind(head)->before &= IS_FREE;
}

/* The first bin from this one on that is not empty; HEAP_BINS: none. */
static size_t filled_bin(const struct heap *heap, size_t bin) {
    for (size_t word = bin / 64; word < HEAP_BINS / 64; word++) {
        uint64_t bits = heap->filled[word];
        if (word == bin / 64)
            bits &= ~UINT64_C(0) << bin % 64;
        if (bits)
            return word * 64 + (size_t)__builtin_ctzll(bits);
    }
    return HEAP_BINS;
}

/* A free block of at least this size, still in its bin. In a bin of several sizes a long one may be
 * behind shorter ones: a few are tried. */
static struct head *find(const struct heap *heap, size_t size) {
    size_t bin = bin_of(size);
    struct heap_free *block = heap->bins[bin];
    for (int tries = 0; block && tries < TRIES; block = block->next, tries++)
        if (head_of(block)->size >= size)
            return head_of(block);
    bin = filled_bin(heap, bin + 1);
    return bin < HEAP_BINS ? head_of(heap->bins[bin]) : NULL;
}

/* ---- extents ---- */

void heap_init(struct heap *heap, struct heap_source *source) {
    *heap = (struct heap){.source = source};
}

void *heap_bare_extent(struct heap *heap) {
    void *extent = heap->source->extent(heap->source);
    check(((uintptr_t)extent & (HEAP_EXTENT_SIZE - 1)) == 0);
    return extent;
}

void *heap_extent(struct heap *heap) {
    struct heap **extent = heap_bare_extent(heap);
    *extent = heap;
    return extent;
}

/* Frees the rest of the newest extent, like any block. */
static void retire_top(struct heap *heap) {
    size_t left = (size_t)(heap->end - heap->top);
    if (left < SIZE_MIN)
        return;
    struct head *head = head_at(heap->top);
    head->size = (uint32_t)left;
    put(heap, head);
}

static void add_extent(struct heap *heap) {
    if (heap->top)
        retire_top(heap);
    uint8_t *extent = heap_extent(heap);
    heap->top = extent + HEAP_HEAD_SIZE + sizeof(struct head);
    heap->end = extent + HEAP_EXTENT_SIZE - sizeof(struct head);
    *head_at(heap->top) = (struct head){0};
    *head_at(heap->end) = (struct head){0};
}

/* ---- blocks ---- */

/* Splits off what the block does not need. */
static void cut(struct heap *heap, struct head *head, size_t size) {
    size_t left = head->size - size;
    if (left < SIZE_MIN)
        return;
    head->size = (uint32_t)size;
    struct head *rest = behind(head);
    *rest = (struct head){.size = (uint32_t)left};
    put(heap, rest);
}

/* Takes a block from the top. The head at the top is written already, for the neighbour's sake. */
static struct head *carve(struct heap *heap, size_t size) {
    if (!heap->top || (size_t)(heap->end - heap->top) < size)
        add_extent(heap);
    struct head *head = head_at(heap->top);
    head->size = (uint32_t)size;
    heap->top += size;
    if (heap->top < heap->end)
        *head_at(heap->top) = (struct head){0};
    return head;
}

void *heap_alloc(struct heap *heap, size_t bytes) {
    if (bytes > HEAP_BLOCK_MAX) {
        heap->large += bytes;
        return check_malloc(bytes);
    }
    size_t size = size_for(bytes);
    struct head *head = find(heap, size);
    if (!head)
        return block_of(carve(heap, size));
    take_out(heap, head);
    cut(heap, head, size);
    return block_of(head);
}

static bool is_top(const struct heap *heap, const struct head *head) {
    return (const uint8_t *)head == heap->top;
}

void heap_free(struct heap *heap, void *block, size_t bytes) {
    if (block && bytes > HEAP_BLOCK_MAX)
        heap->large -= bytes;
    if (!block || bytes > HEAP_BLOCK_MAX) {
        free(block);
        return;
    }
    struct head *head = head_of(block), *next = behind(head);
    if (head->before) {
        struct head *before = head_at((uint8_t *)head - head->before);
        take_out(heap, before);
        before->size += head->size;
        head = before;
    }
    if (is_top(heap, next)) {
        heap->top = (uint8_t *)head;
        *head = (struct head){0};
        return;
    }
    if (next->before & IS_FREE) {
        take_out(heap, next);
        head->size += next->size;
    }
    put(heap, head);
}

/* Grows the block into the free space after it; false: there is not enough. */
static bool extend(struct heap *heap, struct head *head, size_t size) {
    struct head *next = behind(head);
    if (is_top(heap, next)) {
        size_t more = size - head->size;
        if ((size_t)(heap->end - heap->top) < more)
            return false;
        carve(heap, more);
        head->size = (uint32_t)size;
        return true;
    }
    if (!(next->before & IS_FREE) || head->size + next->size < size)
        return false;
    take_out(heap, next);
    head->size += next->size;
    cut(heap, head, size);
    return true;
}

/* Resizes the block in place; false: it cannot. */
static bool fit(struct heap *heap, struct head *head, size_t size) {
    if (size > head->size)
        return extend(heap, head, size);
    size_t left = head->size - size;
    if (left >= SIZE_MIN) { /* as if a second block were freed */
        head->size = (uint32_t)size;
        struct head *rest = behind(head);
        *rest = (struct head){.size = (uint32_t)left};
        heap_free(heap, block_of(rest), 0);
    }
    return true;
}

void *heap_resize(struct heap *heap, void *block, size_t bytes, size_t wanted) {
    if (!block)
        return heap_alloc(heap, wanted);
    if (bytes > HEAP_BLOCK_MAX && wanted > HEAP_BLOCK_MAX) {
        heap->large += wanted - bytes;
        return check_realloc(block, wanted);
    }
    if (bytes <= HEAP_BLOCK_MAX && wanted <= HEAP_BLOCK_MAX &&
        fit(heap, head_of(block), size_for(wanted)))
        return block;
    void *moved = heap_alloc(heap, wanted);
    memcpy(moved, block, bytes < wanted ? bytes : wanted);
    heap_free(heap, block, bytes);
    return moved;
}
