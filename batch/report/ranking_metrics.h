/* How well scores rank fraud, with confidence intervals: of one policy or model, or of two over the
 * same rows with the intervals of their differences. For scores of any kind; report_curve.h has the
 * same figures without intervals for the whole numbers of decisions.
 *
 *   AUC, average precision   as report_curve.h defines them, ties as scikit-learn's roc_auc_score
 *                            and average_precision_score treat them
 *   precision, recall        if the `reviews` rows with the greatest scores of each day are
 *                            reviewed: the share of those that is fraud, and the share of all fraud
 *                            that is among them. Of rows that tie for the last places, each takes
 *                            its part of a place: the expected figure of a random order
 *   money                    of the same rows: the share of the amount of all fraud
 *   card precision           as report_cards.h defines it, without its blocking by time
 *
 * Intervals: a bootstrap of days (B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993,
 * ch. 8 and 13). A day's rows hang together, by a wave of one fraud or a holiday, so days are drawn
 * and not rows; each draw takes as many days as there are, with replacement, and both sides'
 * figures come from the same draw. The interval is between percentiles of the draws, interpolated
 * as numpy.percentile does. Cards found on earlier days stay found in every draw.
 * Over few days the intervals are somewhat too narrow: tests/bench/accuracy/intervals.c measures by
 * how much.
 *
 * Pure: the same rows, options and seed give the same doubles on every machine. */
#pragma once

#include "ranking_row.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ranking_metric {
    RANKING_AUC,
    RANKING_AVERAGE_PRECISION,
    RANKING_PRECISION,
    RANKING_RECALL,
    RANKING_MONEY,
    RANKING_CARD_PRECISION,
    RANKING_METRIC_COUNT
};

/* "auc", "ap", "precision", "recall", "money", "cp". */
const char *ranking_metric_name(enum ranking_metric metric);
bool ranking_metric_parse(const char *name, size_t length, enum ranking_metric *ret_metric);

/* Fewer days give no intervals: draws from a handful of days come out too much alike. */
#define RANKING_DAYS_MIN  7
#define RANKING_DRAWS_MAX 100000

struct ranking_options {
    size_t sides;     /* 1 or 2 */
    uint64_t reviews; /* rows a day; at least 1 */
    uint64_t cards;   /* k of card precision; at least 1 */
    size_t draws;     /* 0: no intervals */
    uint64_t seed;
    double level; /* of the intervals, such as 0.95 */
};

struct ranking_figure {
    bool is_known; /* false: for lack of fraud, of legitimate rows, of cards or of amounts */
    double value;
    bool has_interval; /* not if more than a tenth of the draws do not know the figure */
    double low, high;
};

struct ranking_figures {
    uint64_t rows, positive, days;
    double money_minor; /* of the positive rows */
    struct ranking_figure sides[RANKING_SIDES][RANKING_METRIC_COUNT];
    struct ranking_figure difference[RANKING_METRIC_COUNT]; /* first − second */
};

/* Rows are in the order of their arrival, which decides card precision's ties; at most
 * RANKING_ROWS_MAX. Takes some 100 bytes of memory for each row while it runs. */
void ranking_metrics(const struct ranking_row *rows, size_t count,
                     const struct ranking_options *options, struct ranking_figures *ret_figures);
