/* A bump allocator with a limit: everything of a request is freed at once, and no request can take
 * more than its share. Not thread-safe: one for each thread or request. */
#pragma once

#include "text.h"

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out since the last reset */
    size_t limit;               /* bytes; an allocation beyond it returns NULL */
};

/* limit: the most bytes between two resets. */
void arena_init(struct arena *arena, size_t limit);
void arena_deinit(struct arena *arena);

/* Everything allocated so far becomes invalid; the largest block is kept for reuse. */
void arena_reset(struct arena *arena);

/* Bytes allocated from the system now, used or not. */
size_t arena_held(const struct arena *arena);

/* Rewinding frees what was allocated since the mark; what was before stays valid. Marks are used in
 * reverse order. */
struct arena_mark {
    struct arena_block *block;
    size_t block_used, used;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* size bytes aligned to 16, uninitialised; NULL beyond the limit (size 0 gives a valid pointer). */
void *arena_alloc(struct arena *arena, size_t size);
/* zeroed; NULL on overflow of count * size too */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A copy inside the arena with a NUL after it; .data is NULL beyond the limit. */
struct text arena_text(struct arena *arena, struct text t);
/* printf into the arena; .data is NULL beyond the limit */
struct text arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
