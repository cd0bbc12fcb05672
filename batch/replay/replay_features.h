/* Reads and applies a chunk's entries, shard by shard. Private to batch/replay. */
#pragma once

#include "replay_job.h"

void replay_features(const struct replay *replay, struct replay_chunk *chunk, size_t lane,
                     size_t shard, size_t worker);
