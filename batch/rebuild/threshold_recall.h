/* What earlier nights read for thresholds. Private to batch/rebuild. */
#pragma once

#include "batch/thresholds/threshold_job.h"

/* Puts the values of earlier nights into the sample, if there are any and the rebuild continues
 * from their end, and opens the writer that keeps this night's. Sets job->known and job->writer.
 * ERROR_DAMAGED: a file is damaged, and a part of it may be in the sample; the files are removed.
 */
int threshold_recall(struct threshold_job *job, struct threshold_sample *sample,
                     struct error *ret_error);
/* Makes the file of this night, which the rebuild keeps once its tables are published. */
int threshold_remember(struct threshold_job *job, struct error *ret_error);
