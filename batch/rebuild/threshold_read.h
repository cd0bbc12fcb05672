/* Reads the values that thresholds are computed from. Private to batch/rebuild. */
#pragma once

#include "batch/replay/replay.h"
#include "batch/thresholds/threshold_job.h"

/* Puts the values of all thresholds into the sample: those that need neither features nor lists
 * that have changed from the records, all segments in parallel; the others from a replay. */
int threshold_read(struct threshold_job *job, struct threshold_sample *sample,
                   struct error *ret_error);
/* Replays the archive up to the rebuild's target. */
int threshold_replay(struct threshold_job *job, struct replay_options *options,
                     const struct replay_listener *listener, struct error *ret_error);
