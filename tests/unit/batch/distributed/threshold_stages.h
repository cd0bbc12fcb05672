/* The stages of thresholds in one process: what an engine for batches does with their tasks. */
#pragma once

#include "tasks_engine.h"

/* Runs a stage other than DISTRIBUTED_FOLD; engine->values keeps what the stages of values make. */
int threshold_stages_run(struct tasks_engine *engine, struct distributed_rebuild *rebuild,
                         enum distributed_stage stage, struct text description,
                         struct error *ret_error);
