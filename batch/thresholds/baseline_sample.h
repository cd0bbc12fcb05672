/* The values of thresholds that keep their groups in the tables, one group for each card or
 * merchant: any number of groups.
 *
 * Values are divided by the hashes of their groups, on disk where memory is short; each part is
 * small enough to be sorted in memory, and parts follow one another in the order of the table.
 * Statistics are those of threshold_sample.h. Private to batch/. */
#pragma once

#include "threshold_value.h"

struct baseline_sample;

/* The snapshot must outlive it. memory_bytes: for values before they go to the file that make_file
 * creates; a part takes some bytes of each value more while it is computed. */
struct baseline_sample *baseline_sample_new(const struct snapshot *snapshot, size_t memory_bytes,
                                            int (*make_file)(void *user, struct error *ret_error),
                                            void *user);
void baseline_sample_free(struct baseline_sample *sample); /* NULL is allowed */

/* One thread at a time. */
int baseline_sample_put(struct baseline_sample *sample, const struct threshold_value *value,
                        struct error *ret_error);
/* After the last value. */
int baseline_sample_end(struct baseline_sample *sample, struct error *ret_error);

/* After the end, once: calls take() for each group with at least the threshold's minimum of values,
 * in ascending order of hash and key. hash: generation_baseline_hash(). */
int baseline_sample_compute(struct baseline_sample *sample,
                            int (*take)(void *user, size_t threshold, uint64_t hash,
                                        struct text key, double value, struct error *ret_error),
                            void *user, struct error *ret_error);

uint64_t baseline_sample_file_bytes(const struct baseline_sample *sample);
