/* Holds computed thresholds against those in force. */
#pragma once

#include "threshold_job.h"

/* So many groups that an archive record could not hold them: those of the thresholds with the most
 * go, and too_large[] says of which. */
void threshold_limit(struct threshold_values *values, bool *too_large, size_t count);
/* Compares with what is in force; what changed too much is put back. Fills the report's lines. */
void threshold_guard(struct threshold_job *job, struct threshold_values *values,
                     const bool *too_large);
