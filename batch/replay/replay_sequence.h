/* Runs all records one by one, where verdicts feed back. Private to batch/replay. */
#pragma once

#include "replay_emit.h"

/* All records one by one, what is applied being what was decided: replay_sequence.c. */
int replay_run_sequence(struct replay_output *output, struct error *ret_error);
