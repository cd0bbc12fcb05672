/* Computes cut-offs on the score from budgets. Pure: counts in, cut-offs out. */
#pragma once

#include "threshold_job.h"

/* Histogram of the scores in a budget's period. */
#define THRESHOLD_SCORES (DECISION_SCORE_MAX + 1)
struct score_counts {
    uint64_t all;
    uint64_t by_score[THRESHOLD_SCORES];
    uint64_t fraud[THRESHOLD_SCORES], legit[THRESHOLD_SCORES]; /* by outcome known so far */
};

static inline void score_counts_add(struct score_counts *counts, uint32_t score, enum label label) {
    counts->all++;
    counts->by_score[score]++;
    counts->fraud[score] += label == LABEL_FRAUD || label == LABEL_CHARGEBACK;
    counts->legit[score] += label == LABEL_LEGIT;
}

/* counts: one per budget of the policy. Fills `cutoffs` (room for one per budget) with the computed
 * ones, which go into the generation; `all` with the cut-offs in effect for every verdict, the
 * policy's own included; and the report's lines. */
void threshold_cutoffs(const struct threshold_job *job, const struct score_counts *counts,
                       struct threshold_cutoff *cutoffs, size_t *ret_count,
                       uint32_t all[VERDICT_COUNT]);

/* Counts a score for each budget whose period has the event time. */
void threshold_count_score(const struct threshold_job *job, int64_t event_time_us, uint32_t score,
                           enum label label, struct score_counts *counts);

/* Are all thresholds that scores depend on equal in both? Bit for bit: a tiny difference can move a
 * score. */
bool threshold_same_scored(const struct snapshot *snapshot, const struct thresholds *a,
                           const struct thresholds *b);
