/* The sequential run of a replay, for counterfactual replays. Private to batch/replay. */
#pragma once

#include "replay_emit.h"

/* Decides and applies all records one by one, each transaction with the verdict just decided. */
int replay_run_sequence(struct replay_output *output, struct error *ret_error);
