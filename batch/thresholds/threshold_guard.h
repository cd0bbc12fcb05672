/* Guards against sudden changes: compares computed thresholds with those in force. */
#pragma once

#include "threshold_job.h"

/* Keeps the set small enough for an archive record: as long as it is too large, drops all groups of
 * the threshold with the most bytes and marks it in too_large[]. Its overall value stays. */
void threshold_limit(struct threshold_values *values, bool *too_large, size_t count);
/* Replaces values that changed by more than their guard allows with those in force
 * (job->in_force), in place. Fills the report's lines. */
void threshold_guard(struct threshold_job *job, struct threshold_values *values,
                     const bool *too_large);
