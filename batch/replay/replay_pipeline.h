/* Runs all chunks, by all workers. Private to batch/replay. */
#pragma once

#include "replay_emit.h"

/* All chunks, by all workers: replay_pipeline.c. */
int replay_run_chunks(struct replay_output *output, struct error *ret_error);
