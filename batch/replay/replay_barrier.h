/* What changes between two chunks: policies, tables, thresholds. Private to batch/replay. */
#pragma once

#include "replay_job.h"

int replay_begin(struct replay *replay, struct error *ret_error);
/* The last record of a chunk that is_barrier: everything before it is told and applied. */
int replay_barrier(struct replay *replay, const struct replay_chunk *chunk,
                   struct error *ret_error);
/* Behind a chunk that is_night. */
int replay_night(struct replay *replay, struct error *ret_error);
/* Does this record end its chunk? */
bool replay_is_barrier(const struct replay *replay, enum record_type type, uint64_t position);
void replay_end(struct replay *replay);
