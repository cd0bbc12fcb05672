/* The features stage: reads and applies a chunk's entries of one shard of a lane. The only stage
 * that changes states; the caller makes sure that a shard's chunks come in order, one at a time.
 * Private to batch/replay. */
#pragma once

#include "replay_job.h"

void replay_features(const struct replay *replay, struct replay_chunk *chunk, size_t lane,
                     size_t shard, size_t worker);
