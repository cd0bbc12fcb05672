#include "train_split.h"

#include <inttypes.h>

/* The first row at or behind `at` with another event time than the row before it. */
static size_t cut_behind(const struct train_rows *rows, size_t at) {
    while (at > 0 && at < rows->count &&
           rows->rows[at].event_time_us == rows->rows[at - 1].event_time_us)
        at++;
    return at;
}

static int check_slice(const struct train_split *split, enum train_slice slice,
                       struct error *ret_error) {
    static const char *const names[TRAIN_SLICES] = {"the fit", "the validation", "the calibration"};
    size_t rows = train_split_count(split, slice);
    uint64_t positives = split->positives[slice];
    if (positives >= TRAIN_FRAUDS_MIN && positives < rows)
        return 0;
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "the training range has too few frauds: %" PRIu64 " of %zu transactions in "
                     "the part for %s; expected at least %d, and some that are none. Give a longer "
                     "range, or other shares",
                     positives, rows, names[slice], TRAIN_FRAUDS_MIN);
}

int train_split(const struct train_rows *rows, double validation_share, double calibration_share,
                struct train_split *ret_split, struct error *ret_error) {
    struct train_split split = {0};
    double fit = 1 - validation_share - calibration_share;
    split.first[TRAIN_VALIDATION] = cut_behind(rows, (size_t)((double)rows->count * fit));
    split.first[TRAIN_CALIBRATION] =
        cut_behind(rows, (size_t)((double)rows->count * (1 - calibration_share)));
    split.first[TRAIN_SLICES] = rows->count;
    if (validation_share == 0)
        split.first[TRAIN_VALIDATION] = split.first[TRAIN_CALIBRATION];
    const bool wanted[TRAIN_SLICES] = {true, validation_share > 0, calibration_share > 0};
    for (size_t s = 0; s < TRAIN_SLICES; s++)
        for (size_t i = split.first[s]; i < split.first[s + 1]; i++)
            split.positives[s] += rows->rows[i].is_positive;
    for (size_t s = 0; s < TRAIN_SLICES; s++) {
        int r = wanted[s] ? check_slice(&split, (enum train_slice)s, ret_error) : 0;
        if (r < 0)
            return r;
    }
    *ret_split = split;
    return 0;
}
