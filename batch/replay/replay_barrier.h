/* What changes between two chunks: policies, tables, lists, thresholds. All of these functions are
 * for the thread that runs the replay, while no worker has a job. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Sets up everything that replay_run() needs, replay_end() frees it. */
int replay_begin(struct replay *replay, struct error *ret_error);
void replay_end(struct replay *replay);
/* Applies the last record of a chunk that is_barrier. Everything before it is emitted and applied.
 */
int replay_barrier(struct replay *replay, const struct replay_chunk *chunk,
                   struct error *ret_error);
/* Computes the thresholds of a night, behind a chunk that is_night. */
int replay_night(struct replay *replay, struct error *ret_error);
/* Does this record end its chunk? Callable by any worker. */
bool replay_is_barrier(const struct replay *replay, enum record_type type, uint64_t position);
