/* The search for one value among all of a threshold's, by its order. Private to batch/. */
#pragma once

#include "threshold_task.h"

struct threshold_search {
    const struct threshold *threshold;
    struct threshold_pass pass;
    uint64_t total, rank, expected; /* expected: values that have the prefix */
    uint64_t made, grouped;         /* values, as the tasks that made and grouped them tell */
    uint64_t *counts;               /* [THRESHOLD_DIGIT_COUNT], of the pass that runs */
    uint64_t *kept;
    size_t kept_count;
    double value;
};

void threshold_search_init(struct threshold_search *search, const struct threshold *threshold);
void threshold_search_deinit(struct threshold_search *search);
/* Makes room for what the pass counts or keeps. */
void threshold_search_begin_pass(struct threshold_search *search);
/* After a pass: prepares the next one; THRESHOLD_PASS_NONE: there is none. kept_max: how many
 * values may be kept. ERROR_INVALID: values were lost. */
int threshold_search_advance(struct threshold_search *search, size_t kept_max,
                             struct error *ret_error);
void threshold_search_use(const struct threshold_search *search, struct threshold_values *values);
