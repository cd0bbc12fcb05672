/* The search: which setting of a problem's knobs catches most under the constraints?
 *
 * Changes are made one at a time, the best one first, and each has to buy something (`least_gain`)
 * in the fitted part without losing anything in the part it is checked on. That is done once for
 * each of several prices of an alert (a low price finds settings with many alerts), which also
 * gives the trade-off curve. From the best settings on the way it goes on under the constraints
 * themselves; where no change gains any more, two together may: one that catches more and one that
 * saves the alerts for it. At the end every change that buys too little is taken back. Wrong
 * declines never become more than they are.
 *
 * The result depends on the problem and the aim alone, not on the number of threads or on time. */
#pragma once

#include "core/base/progress.h"
#include "tune_aim.h"
#include "tune_problem.h"

struct tune_point {
    uint16_t *setting;
    struct tune_figures figures[TUNE_PARTS];
};

struct tune_found {
    struct tune_point present, best;
    bool is_better;   /* best is not the present one */
    bool is_feasible; /* best meets the constraints on the training range */
    bool present_is_feasible;
    struct tune_point *curve; /* by rising alerts */
    size_t curve_count;
    struct tune_totals totals[TUNE_PARTS];
    uint64_t evaluations; /* of settings */
    double least_gain;
};

struct tune_search_options {
    struct tune_aim aim;
    double days[TUNE_PARTS];
    /* A change must buy this share of what there is to catch; < 0: TUNE_LEAST_GAIN, and as much as
     * TUNE_LEAST_FRAUDS of the fitted part. */
    double least_gain;
    size_t threads;
};

#define TUNE_LEAST_GAIN   0.0005
#define TUNE_LEAST_FRAUDS 3
#define TUNE_CURVE_MAX    12

/* ERROR_INTERRUPTED */
int tune_search(const struct tune_problem *problem, const struct tune_search_options *options,
                struct progress *progress, struct tune_found *ret_found, struct error *ret_error);
void tune_found_deinit(struct tune_found *found);
