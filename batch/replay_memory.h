/* Memory for the states of a replay: extents of heaps (core/base/heap.h), cut from huge pages where
 * the machine has them. With a million entities nearly every state that is touched would else wait
 * for the processor to look its page up. Any thread may ask for an extent. Private to batch/. */
#pragma once

#include "core/base/heap.h"

struct replay_memory;

struct replay_memory *replay_memory_new(void);
/* With all extents that it gave. */
void replay_memory_free(struct replay_memory *memory);
struct heap_source *replay_memory_source(struct replay_memory *memory);
