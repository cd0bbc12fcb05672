/* What earlier nights read for thresholds. Private to batch/rebuild. */
#pragma once

#include "batch/thresholds/sample_sort.h"
#include "batch/thresholds/threshold_job.h"

/* Does a threshold need a replay, whatever is known already? */
bool threshold_reads_features(const struct snapshot *snapshot);
/* Opens the values of earlier nights, if there are any and the rebuild continues from their end:
 * sets job->known and rebuild->samples. Otherwise the report says why there are none. */
void threshold_recall(struct threshold_job *job);
/* Adds the new values to rebuild->samples, in a file for later nights. ERROR_DAMAGED: a file of
 * an earlier night. */
int threshold_remember(struct threshold_job *job, struct sample_sort *sort,
                       struct error *ret_error);
/* After ERROR_DAMAGED: removes the files of earlier nights, so that the archive is read again. */
void threshold_forget(struct threshold_job *job, const struct error *error);
