/* Thresholds from the values in files (sample_file.h), each file read once for the groups and a few
 * times for the values over all groups. Statistics are those of threshold_sample.h. Memory is
 * bounded: a group with more values than a part of it has room for is read in several passes.
 * Private to batch/. */
#pragma once

#include "sample_file.h"

#include "core/base/arena.h"
#include "core/policy/load/snapshot.h"

struct sample_values {
    const struct snapshot *snapshot;
    int64_t newest_us; /* where the periods end */
    struct sample_file *const *files;
    size_t file_count;
    size_t memory_bytes;
};

/* The values of all thresholds as threshold_sample_compute() has them, except that groups which
 * thresholds keep in the tables are left out. Reads all bytes of the files. ERROR_TOO_LARGE: the
 * groups take more than a quarter of the memory. */
int sample_compute(const struct sample_values *sample, struct arena *arena,
                   struct threshold_values **ret_values, struct error *ret_error);
/* Calls take() for each group of one threshold, kept wherever, with at least the threshold's
 * minimum of values. */
int sample_compute_groups(const struct sample_values *sample, size_t threshold,
                          int (*take)(void *user, size_t threshold, struct text key, double value,
                                      struct error *ret_error),
                          void *user, struct error *ret_error);
/* Calls take() for each group that thresholds keep in the tables, with at least the threshold's
 * minimum of values, in ascending order of hash and key. */
int sample_compute_baselines(const struct sample_values *sample,
                             int (*take)(void *user, uint64_t hash, struct text key, double value,
                                         struct error *ret_error),
                             void *user, struct error *ret_error);
