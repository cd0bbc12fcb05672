/* Figures that need real numbers, from exact counts: shares with their intervals, and how well a
 * score tells positives from negatives. Scores are whole numbers from 0 to 1000, so a histogram
 * with one bin for each has everything that the single rows had, and nothing here is an
 * approximation. Counts in, doubles out: the same counts give the same bits. */
#pragma once

#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 97.5 % quantile of the normal distribution, for intervals of 95 %. */
#define REPORT_Z 1.959963984540054

struct report_share {
    bool is_known; /* false: of nothing, the rest is 0 */
    double value, low, high;
};

/* count of total, with Wilson's score interval (E. B. Wilson, "Probable Inference, the Law of
 * Succession, and Statistical Inference", JASA 22, 1927): it stays within 0…1 and is near its level
 * for shares near 0, where fraud lives (Brown, Cai, DasGupta, Statistical Science 16, 2001). */
struct report_share report_share(uint64_t count, uint64_t total);

#define REPORT_SCORES (DECISION_SCORE_MAX + 1)

struct report_scores {
    uint64_t positive[REPORT_SCORES], negative[REPORT_SCORES];
};

/* Area under the ROC curve: the chance that a positive has a greater score than a negative, ties
 * counting half. False: one of the two is missing. */
bool report_auc(const struct report_scores *scores, double *ret_auc);

/* Sum over the scores there are, from above, of what each adds to recall times the precision of
 * all down to it. False: no positives. */
bool report_average_precision(const struct report_scores *scores, double *ret_precision);

struct report_point {
    uint32_t score;              /* alerts from this score on */
    uint64_t positive, negative; /* with at least this score */
};

/* The points of both curves, from the greatest score down, one for each score that occurs. Returns
 * their number. */
size_t report_points(const struct report_scores *scores,
                     struct report_point ret_points[REPORT_SCORES]);
