/* Blocks double in size, newest first in the list. Memory is taken from the newest block only: what
 * is left of an older one is lost until the reset, at most half of everything. After a reset only
 * the newest block is kept, so an arena that is reused settles at the size of its largest use and
 * calls malloc() no more. */
#include "arena.h"

#include "check.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGNMENT 16u
#define ARENA_BLOCK_MIN 4096u

struct arena_block {
    struct arena_block *next;
    size_t capacity; /* bytes after the header */
    size_t used;
    alignas(ARENA_ALIGNMENT) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t limit) {
    *arena = (struct arena){.limit = limit};
}

static void free_blocks(struct arena_block *block) {
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_deinit(struct arena *arena) {
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
}

void arena_reset(struct arena *arena) {
    arena->used = 0;
    if (!arena->blocks)
        return;
    /* Blocks grow, so the newest is (nearly always) the largest. */
    free_blocks(arena->blocks->next);
    arena->blocks->next = NULL;
    arena->blocks->used = 0;
}

size_t arena_held(const struct arena *arena) {
    size_t held = 0;
    for (const struct arena_block *block = arena->blocks; block; block = block->next)
        held += block->capacity;
    return held;
}

struct arena_mark arena_mark(const struct arena *arena) {
    return (struct arena_mark){.block = arena->blocks,
                               .block_used = arena->blocks ? arena->blocks->used : 0,
                               .used = arena->used};
}

/* Keeps the newest block, empty: the caller will need it again. */
void arena_rewind(struct arena *arena, struct arena_mark mark) {
    struct arena_block *newest = arena->blocks;
    arena->used = mark.used;
    if (newest == mark.block) {
        if (newest)
            newest->used = mark.block_used;
        return;
    }
    while (newest->next != mark.block) {
        struct arena_block *between = newest->next;
        newest->next = between->next;
        free(between);
    }
    newest->used = 0;
}

static struct arena_block *add_block(struct arena *arena, size_t size) {
    size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : ARENA_BLOCK_MIN;
    if (capacity > arena->limit)
        capacity = arena->limit;
    if (capacity < size)
        capacity = size;
    struct arena_block *block = check_malloc(sizeof *block + capacity);
    *block = (struct arena_block){.next = arena->blocks, .capacity = capacity};
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (size > arena->limit) /* before rounding up, which could overflow */
        return NULL;
    size = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    if (size > arena->limit - arena->used)
        return NULL;
    struct arena_block *block = arena->blocks;
    if (!block || size > block->capacity - block->used)
        block = add_block(arena, size);
    void *memory = block->bytes + block->used;
    block->used += size;
    arena->used += size;
    return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *memory = arena_alloc(arena, total);
    if (memory)
        memset(memory, 0, total);
    return memory;
}

struct text arena_text(struct arena *arena, struct text t) {
    char *copy = arena_alloc(arena, t.length + 1);
    if (!copy)
        return (struct text){0};
    if (t.length)
        memcpy(copy, t.data, t.length);
    copy[t.length] = '\0';
    return (struct text){.data = copy, .length = t.length};
}

struct text arena_printf(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    check(length >= 0);
    char *string = arena_alloc(arena, (size_t)length + 1);
    if (!string)
        return (struct text){0};
    va_start(arguments, format);
    vsnprintf(string, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return (struct text){.data = string, .length = (size_t)length};
}
