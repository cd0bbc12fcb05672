/* Statistics computed from exact counts: shares with confidence intervals, and how well a score
 * separates positives from negatives. Scores are whole numbers from 0 to 1000, so a histogram with
 * one bin per score loses nothing and no figure is an approximation. Pure: the same counts give the
 * same doubles, bit for bit. */
#pragma once

#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 97.5 % quantile of the normal distribution, for intervals of 95 %. */
#define REPORT_Z 1.959963984540054

struct report_share {
    bool is_known; /* false: the total is 0, and so is the rest */
    double value, low, high;
};

/* count of total, with Wilson's score interval (E. B. Wilson, "Probable Inference, the Law of
 * Succession, and Statistical Inference", JASA 22, 1927): it stays within 0…1 and is near its level
 * for shares near 0, where fraud lives (Brown, Cai, DasGupta, Statistical Science 16, 2001). */
struct report_share report_share(uint64_t count, uint64_t total);

/* b − a, with the interval that Wilson's intervals of both give (R. G. Newcombe, "Interval
 * Estimation for the Difference Between Independent Proportions: Comparison of Eleven Methods",
 * Statistics in Medicine 17, 1998, method 10). Known if both are. */
struct report_share report_difference(struct report_share a, struct report_share b);

#define REPORT_SCORES (DECISION_SCORE_MAX + 1)

struct report_scores {
    uint64_t positive[REPORT_SCORES], negative[REPORT_SCORES];
};

/* Area under the ROC curve: the probability that a random positive has a greater score than a
 * random negative, ties counting half (the Mann-Whitney U statistic over the number of pairs).
 * false: there are no positives or no negatives. */
bool report_auc(const struct report_scores *scores, double *ret_auc);

/* Average precision: the sum over scores, from the greatest down, of the increase in recall times
 * the precision at that score, Σ (R_n − R_n−1) P_n. false: no positives. */
bool report_average_precision(const struct report_scores *scores, double *ret_precision);

struct report_point {
    uint32_t score;              /* alerts from this score on */
    uint64_t positive, negative; /* with at least this score */
};

/* The points of the ROC and precision-recall curves, from the greatest score down, one for each
 * score that occurs. Returns their number. */
size_t report_points(const struct report_scores *scores,
                     struct report_point ret_points[REPORT_SCORES]);
