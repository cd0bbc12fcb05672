/* Reads the scores that cut-offs are derived from. Private to batch/rebuild. */
#pragma once

#include "batch/thresholds/threshold_job.h"

/* Reads the scores, computes the cut-offs, and reports how the last day's verdicts would change.
 * values: the new thresholds. Results live in the arena; none if the policy has no budget. */
int threshold_scores(struct threshold_job *job, const struct threshold_set *values,
                     struct arena *arena, const struct threshold_cutoff **ret_cutoffs,
                     size_t *ret_count, struct error *ret_error);
/* Of a rebuild that keeps the thresholds in force, `values`: if an earlier night kept its scores,
 * adds those of the new records, so that the next night need not begin anew. */
int threshold_scores_continue(struct threshold_job *job, const struct threshold_set *values,
                              struct error *ret_error);
