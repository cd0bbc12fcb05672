/* Decodes a chunk's records into entries of entities. Private to batch/replay. */
#pragma once

#include "replay_job.h"

void replay_entries(const struct replay *replay, struct replay_chunk *chunk, size_t part,
                    size_t worker);
