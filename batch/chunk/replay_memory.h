/* Memory for the states of a replay: that of core/base/pages.h, any thread may ask for an extent.
 * Private to batch/. */
#pragma once

#include "core/base/heap.h"

struct replay_memory;

struct replay_memory *replay_memory_new(void);
/* With all extents that it gave. */
void replay_memory_free(struct replay_memory *memory);
struct heap_source *replay_memory_source(struct replay_memory *memory);
