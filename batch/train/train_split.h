/* The training range in three consecutive parts: what the model is fitted to, what says when to
 * stop, and what its probabilities are calibrated on. Each part is later than the one before it:
 * transactions of the same event time are in one part. Pure. */
#pragma once

#include "train_rows.h"

enum train_slice { TRAIN_FIT, TRAIN_VALIDATION, TRAIN_CALIBRATION, TRAIN_SLICES };

struct train_split {
    size_t first[TRAIN_SLICES + 1]; /* rows [first[s], first[s + 1]) are of slice s */
    uint64_t positives[TRAIN_SLICES];
};

/* All rows are for the fit: of an algorithm that looks at no labels. */
static inline struct train_split train_split_none(const struct train_rows *rows) {
    return (struct train_split){.first = {0, rows->count, rows->count, rows->count}};
}

static inline size_t train_split_count(const struct train_split *split, enum train_slice slice) {
    return split->first[slice + 1] - split->first[slice];
}

#define TRAIN_FRAUDS_MIN 10 /* in each slice that is used */

/* The last calibration_share of the rows is for the calibration, validation_share of them before
 * that for the validation; 0: that part is not wanted. ERROR_NOT_FOUND: a part that is wanted has
 * too few frauds, or nothing but frauds. */
int train_split(const struct train_rows *rows, double validation_share, double calibration_share,
                struct train_split *ret_split, struct error *ret_error);
