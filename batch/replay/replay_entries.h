/* The entries stage: decodes one part of a chunk and sorts its entries into shards. Any worker, one
 * at a time per part; an error is left in the part. Private to batch/replay. */
#pragma once

#include "replay_job.h"

void replay_entries(const struct replay *replay, struct replay_chunk *chunk, size_t part,
                    size_t worker);
