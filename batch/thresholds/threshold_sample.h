/* The values that thresholds are computed from, by group, and the quantiles of them.
 *
 * Exact whatever the order in which values come and however many there are: nearest rank on the
 * sorted values. Of n values the quantile q is the k-th smallest, k = ceil(q·n), computed without
 * rounding; the median is the quantile 0.5; the MAD is the median of |x − median|. Values that are
 * not finite are left out.
 *
 * Memory: a quarter of the limit for the names of the groups, a quarter for each of two sorters.
 * Private to batch/. */
#pragma once

#include "batch/base/number_sort.h"

#include "core/policy/load/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One value on its way. */
struct threshold_value {
    size_t threshold; /* index in the snapshot */
    char key[THRESHOLD_KEY_MAX];
    size_t key_length;
    double value;
};

/* The value of a threshold for the transaction in a frame of the snapshot; false when the
 * transaction does not count: `where` does not hold, a part of the key or the value is missing. */
bool threshold_value_read(const struct snapshot *snapshot, size_t threshold,
                          const struct value *frame, struct arena *arena,
                          struct threshold_value *ret_value);

struct threshold_sample;

/* The snapshot must outlive it. make_file as for a number_sort. */
struct threshold_sample *threshold_sample_new(const struct snapshot *snapshot, size_t memory_bytes,
                                              int (*make_file)(void *user, struct error *ret_error),
                                              void *user);
void threshold_sample_free(struct threshold_sample *sample); /* NULL is allowed */

/* Any thread. ERROR_TOO_LARGE: the groups' names take more memory than there is. */
int threshold_sample_put(struct threshold_sample *sample, const struct threshold_value *values,
                         size_t count, struct error *ret_error);

/* Once, after the last value. The values of all thresholds in the snapshot's order; groups and
 * overall values only where the sample has the minimum. Lives in the arena, which has no limit. */
int threshold_sample_compute(struct threshold_sample *sample, struct arena *arena,
                             struct threshold_values **ret_values, struct error *ret_error);

uint64_t threshold_sample_file_bytes(const struct threshold_sample *sample);
