/* The values that thresholds are computed from, by group, and their quantiles.
 *
 * Exact for any number of values in any order: nearest rank on the sorted values. The quantile q of
 * n values is the k-th smallest, k = ceil(q·n) in integer arithmetic (definition 1 of Hyndman and
 * Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50, 1996). The median
 * is the quantile 0.5; the MAD (median absolute deviation) is the median of |x − median|, unscaled.
 * Values that are not finite are left out.
 *
 * Memory: a quarter of the limit for the groups' keys, and a quarter for each of two sorts, the
 * second only if a MAD is asked for. Private to batch/. */
#pragma once

#include "batch/base/number_sort.h"
#include "threshold_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct threshold_sample;

/* The snapshot must outlive it. make_file: as in number_sort_options. */
struct threshold_sample *threshold_sample_new(const struct snapshot *snapshot, size_t memory_bytes,
                                              int (*make_file)(void *user, struct error *ret_error),
                                              void *user);
void threshold_sample_free(struct threshold_sample *sample); /* NULL is allowed */

/* Any thread; takes a lock. Each value is counted in its group and over all groups.
 * ERROR_TOO_LARGE: the groups' keys exceed their quarter of the memory. */
int threshold_sample_put(struct threshold_sample *sample, const struct threshold_value *values,
                         size_t count, struct error *ret_error);

/* Once, after the last value: the values of all thresholds, in the snapshot's order, keys sorted.
 * Groups and overall values with fewer values than the threshold's minimum are left out. Lives in
 * the arena, which must have no limit. */
int threshold_sample_compute(struct threshold_sample *sample, struct arena *arena,
                             struct threshold_values **ret_values, struct error *ret_error);

uint64_t threshold_sample_file_bytes(const struct threshold_sample *sample);
