/* What the steps of computing thresholds share. rebuild_thresholds.c has the order of them,
 * threshold_read.c reads the values, threshold_guard.c compares with the thresholds in force,
 * threshold_scores.c reads the scores, threshold_cutoff.c finds the cut-offs. Private to batch/. */
#pragma once

#include "batch/thresholds/threshold_sample.h"
#include "threshold_report.h"

#include "core/policy/eval/threshold.h"
#include "core/policy/load/snapshot.h"

struct rebuild; /* batch/rebuild/rebuild_job.h */

#define THRESHOLD_DAY_US (INT64_C(86400) * 1000000)

struct threshold_job {
    struct rebuild *rebuild; /* NULL: a replay computes them (walk_forward.c) */
    const struct snapshot *snapshot;
    int64_t newest_us;                 /* event time of the archive's newest transaction */
    const struct thresholds *in_force; /* of the generation adopted last; NULL: none */
    struct threshold_report *report;
    bool accepts_changes; /* however great: no guard */
    /* Parallel to the thresholds: their values need nothing but each transaction's own fields. Not
     * so when they read lists that were changed at run time: what was in them then is a matter of
     * the records before. */
    bool *reads_records;
};

/* Does the event time lie in (newest − over, newest]? */
static inline bool threshold_in_period(const struct threshold_job *job, int64_t event_time_us,
                                       int64_t over_us) {
    return event_time_us > job->newest_us - over_us && event_time_us <= job->newest_us;
}
