/* The parallel run of a replay. Private to batch/replay. */
#pragma once

#include "replay_emit.h"

/* Starts the workers, runs all chunks through all stages, joins the workers. The calling thread is
 * worker 0 and emits. Ends early when output->is_stopping is set, or with the first error in the
 * order of rows. */
int replay_run_chunks(struct replay_output *output, struct error *ret_error);
