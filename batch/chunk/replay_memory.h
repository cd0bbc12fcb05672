/* Memory for the states of a replay: core/base/pages.h behind a lock, since each shard's heap may
 * ask for an extent in any thread. Private to batch/. */
#pragma once

#include "core/base/heap.h"

struct replay_memory;

struct replay_memory *replay_memory_new(void);
/* Frees all extents it gave; no heap on them may be used any more. */
void replay_memory_free(struct replay_memory *memory);

/* The extents of one heap, which may begin anew with them. One thread at a time. */
struct replay_extents {
    struct heap_source source; /* first */
    struct replay_memory *memory;
    void **list; /* owned; the extents are the memory's */
    size_t count, used;
};

void replay_extents_init(struct replay_extents *extents, struct replay_memory *memory);
void replay_extents_deinit(struct replay_extents *extents);
/* Nothing of the heap is used any more: all extents are there for another. */
void replay_extents_reset(struct replay_extents *extents);
