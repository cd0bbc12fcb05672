/* The k-th smallest of any number of values in files (sample_file.h), exactly and in fixed memory:
 * each pass counts the values by 16 bits of their order and so narrows the range, until what is
 * left fits into memory. Private to batch/. */
#pragma once

#include "sample_merge.h"

#include "core/policy/load/snapshot.h"

struct sample_selection {
    const struct sample_start *starts; /* one for each file and section that has values */
    size_t start_count;
    const struct threshold *threshold;
    bool is_group; /* only the values of one group, which begins in the blocks of `starts`; else
                      all values of the sections */
    uint64_t hash;
    struct text key;
    int64_t after_us; /* only values with a later event time */
    size_t kept_max;  /* values that may be held in memory */
};

/* The value with the threshold's rank, or its MAD. *ret_count: all values; if these are fewer than
 * the threshold's minimum, *ret_value is 0. It may be infinite. */
int sample_select(const struct sample_selection *selection, uint64_t *ret_count, double *ret_value,
                  struct error *ret_error);
/* The same of ascending values in memory, at least one. */
double sample_statistic(const struct threshold *threshold, const double *values, size_t count);
/* Moves the values with a later event time to ret_values; returns how many there are. */
size_t sample_filter(const double *values, const int64_t *times_us, size_t count, int64_t after_us,
                     double *ret_values);
