/* Memory for the states of a replay: core/base/pages.h behind a lock, since each shard's heap may
 * ask for an extent in any thread. Private to batch/. */
#pragma once

#include "core/base/heap.h"

struct replay_memory;

struct replay_memory *replay_memory_new(void);
/* Frees all extents it gave; no heap on them may be used any more. */
void replay_memory_free(struct replay_memory *memory);
struct heap_source *replay_memory_source(struct replay_memory *memory);
