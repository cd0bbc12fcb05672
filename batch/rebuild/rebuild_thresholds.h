/* The thresholds phase. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* After the fold: computes the policy's thresholds and cut-offs into rebuild->thresholds, and
 * reports how the change affects the last day's decisions. */
int rebuild_thresholds(struct rebuild *rebuild, struct error *ret_error);
