/* Begins a replay from a generation's tables. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Chooses the generation: fills start and tables. */
int replay_find_start(struct replay *replay, struct error *ret_error);
/* Its states, lists, and the thresholds that were in force there. */
int replay_load_start(struct replay *replay, struct replay_states *states, struct error *ret_error);
