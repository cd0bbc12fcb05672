/* What the steps of computing thresholds share. rebuild_thresholds.c has the order of them,
 * threshold_read.c reads the values, threshold_guard.c compares with the thresholds in force,
 * threshold_scores.c reads the scores, threshold_cutoff.c finds the cut-offs. Private to batch/. */
#pragma once

#include "batch/replay/replay.h"
#include "batch/thresholds/threshold_sample.h"
#include "rebuild_internal.h"

#include "core/policy/eval/threshold.h"

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

/* Puts the values of all thresholds into the sample: those that need neither features nor lists
 * that have changed from the records, all segments in parallel; the others from a replay. */
int threshold_read(struct threshold_job *job, struct threshold_sample *sample,
                   struct error *ret_error);

/* So many groups that an archive record could not hold them: those of the thresholds with the most
 * go, and too_large[] says of which. */
void threshold_limit(struct threshold_values *values, bool *too_large, size_t count);

/* Compares with what is in force; what changed too much is put back. Fills the report's lines. */
void threshold_guard(struct threshold_job *job, struct threshold_values *values,
                     const bool *too_large);

/* The scores of a budget's period. */
#define THRESHOLD_SCORES (DECISION_SCORE_MAX + 1)
struct score_counts {
    uint64_t all;
    uint64_t by_score[THRESHOLD_SCORES];
    uint64_t fraud[THRESHOLD_SCORES], legit[THRESHOLD_SCORES]; /* outcomes known by now */
};

static inline void score_counts_add(struct score_counts *counts, uint32_t score, enum label label) {
    counts->all++;
    counts->by_score[score]++;
    counts->fraud[score] += label == LABEL_FRAUD || label == LABEL_CHARGEBACK;
    counts->legit[score] += label == LABEL_LEGIT;
}

/* Cut-offs from these, which are parallel to the snapshot's budgets: those for a generation, with
 * room for as many; of all verdicts; and the report's lines. */
void threshold_cutoffs(const struct threshold_job *job, const struct score_counts *counts,
                       struct threshold_cutoff *cutoffs, size_t *ret_count,
                       uint32_t all[VERDICT_COUNT]);

/* Reads the scores, finds the cut-offs, and what the change means for the decisions of the last
 * day. values: those that scores depend on. */
int threshold_scores(struct threshold_job *job, const struct threshold_set *values,
                     struct arena *arena, const struct threshold_cutoff **ret_cutoffs,
                     size_t *ret_count, struct error *ret_error);

/* Replays the archive up to the rebuild's target. */
int threshold_replay(struct threshold_job *job, struct replay_options *options,
                     const struct replay_listener *listener, struct error *ret_error);

double threshold_seconds(void); /* of a clock that goes on steadily */
