/* Sorts the values that a night reads into files (sample_file.h). In memory up to a limit; beyond
 * it, sorted runs go to scratch files, which are merged when they become many. Private to batch/.
 */
#pragma once

#include "sample_file.h"

#include "core/policy/load/snapshot.h"

struct sample_sort;

struct sample_sort_options {
    const struct snapshot *snapshot; /* must outlive it */
    size_t memory_bytes;
    int64_t newest_us; /* where runs are merged, values that are too old are left out */
    /* Creates an empty file and returns its descriptor. < 0 with *ret_error filled. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct sample_sort *sample_sort_new(const struct sample_sort_options *options);
void sample_sort_free(struct sample_sort *sort); /* NULL is allowed */

/* Any thread; takes a lock. */
int sample_sort_put(struct sample_sort *sort, const struct threshold_value *values, size_t count,
                    struct error *ret_error);
/* After the last value: the files that together have all of them. They are the sort's. */
int sample_sort_end(struct sample_sort *sort, struct sample_file *const **ret_files,
                    size_t *ret_count, struct error *ret_error);

/* Written for lack of memory. */
uint64_t sample_sort_file_bytes(const struct sample_sort *sort);
