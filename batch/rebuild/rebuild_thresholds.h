/* Computes the thresholds of a generation. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* After the fold: computes the snapshot's thresholds and cut-offs, and what their change means. */
int rebuild_thresholds(struct rebuild *rebuild, struct error *ret_error);
