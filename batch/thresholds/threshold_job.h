/* What the steps of computing thresholds share. Two callers run them: the rebuild
 * (batch/rebuild/rebuild_thresholds.c, which reads values and scores from the archive) and a replay
 * (walk_forward.c, which collects them on the way). threshold_sample.c computes the values,
 * threshold_guard.c compares them with those in force, threshold_cutoff.c computes the cut-offs.
 * Private to batch/. */
#pragma once

#include "batch/thresholds/threshold_sample.h"
#include "threshold_report.h"

#include "core/policy/eval/threshold.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive_place.h"

struct rebuild; /* batch/rebuild/rebuild_job.h */

struct threshold_job {
    struct rebuild *rebuild; /* NULL: a replay computes them (walk_forward.c) */
    const struct snapshot *snapshot;
    int64_t newest_us;                 /* event time of the archive's newest transaction */
    const struct thresholds *in_force; /* of the generation adopted last; NULL: none */
    struct threshold_report *report;
    bool accepts_changes; /* guards are off */
    const struct threshold_accepted *accepted; /* for these they are; NULL: for none */
    /* Parallel to the thresholds, set by threshold_read(): the values follow from each
     * transaction's own fields. false where they read features, or lists that were changed at run
     * time, whose content depends on the records before. */
    bool *reads_records;
    /* Earlier nights have read the values of transactions up to here. Zeros: of none. */
    struct archive_place known;
};

/* Does the event time lie in (newest − over, newest]? */
static inline bool threshold_in_period(const struct threshold_job *job, int64_t event_time_us,
                                       int64_t over_us) {
    return event_time_us > job->newest_us - over_us && event_time_us <= job->newest_us;
}
