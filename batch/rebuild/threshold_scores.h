/* Reads the scores that cut-offs are found among. Private to batch/rebuild. */
#pragma once

#include "batch/thresholds/threshold_job.h"

/* Reads the scores, finds the cut-offs, and what the change means for the decisions of the last
 * day. values: those that scores depend on. */
int threshold_scores(struct threshold_job *job, const struct threshold_set *values,
                     struct arena *arena, const struct threshold_cutoff **ret_cutoffs,
                     size_t *ret_count, struct error *ret_error);
