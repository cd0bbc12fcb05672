/* Starts a replay from a generation's tables. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Chooses the generation: fills replay->start and replay->tables. ERROR_NOT_FOUND: none is
 * suitable. */
int replay_find_start(struct replay *replay, struct error *ret_error);
/* Makes the states continue from it, and takes its lists and the thresholds that were in force at
 * its position. */
int replay_load_start(struct replay *replay, struct replay_states *states, struct error *ret_error);

/* In a pruned archive: states of the features that tables of its beginning have start from there;
 * those of other features start empty. */
int replay_load_base(struct replay *replay, struct error *ret_error);
int replay_start_at_base(struct replay *replay, struct replay_states *states,
                         struct error *ret_error);
bool replay_has_base(const struct replay *replay, const struct plan *plan);
/* A span has begun, with a record received at this time: does it lack what is gone? */
void replay_note_history(struct replay *replay, int64_t now_us);
