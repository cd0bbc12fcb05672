/* Reads the values that thresholds are computed from. Private to batch/rebuild. A replay that
 * computes thresholds on the way collects them itself (batch/thresholds/walk_forward.c). */
#pragma once

#include "batch/replay/replay.h"
#include "batch/thresholds/sample_sort.h"
#include "batch/thresholds/threshold_job.h"

/* Puts the values of all thresholds into the sort. Thresholds that depend only on a transaction's
 * own fields and on unchanged lists are read from the records, segments in parallel; the others
 * need a replay. Sets job->reads_records, as threshold_choose() does. */
int threshold_read(struct threshold_job *job, struct sample_sort *sort, struct error *ret_error);
/* Sets job->reads_records. */
void threshold_choose(struct threshold_job *job);
/* Replays the archive up to the rebuild's target, as a part of its thresholds phase. Fills in
 * archive, target and threads of the options. */
int threshold_replay(struct threshold_job *job, struct replay_options *options,
                     const struct replay_listener *listener, struct error *ret_error);
