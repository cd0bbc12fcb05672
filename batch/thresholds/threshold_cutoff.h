/* Finds cut-offs on the score from budgets. */
#pragma once

#include "threshold_job.h"

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
