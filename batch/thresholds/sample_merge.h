/* One pass over the values of a threshold in several files (sample_file.h), group by group: the
 * values of a group come in ascending order, from whichever files have some. Memory does not depend
 * on the number of values. Private to batch/. */
#pragma once

#include "sample_file.h"

#include "core/policy/load/snapshot.h"

struct sample_merge;

/* The files must outlive it. What is too old for the threshold is left out where all of a file is;
 * otherwise it is up to the caller. */
struct sample_merge *sample_merge_new(struct sample_file *const *files, size_t count,
                                      const struct snapshot *snapshot, size_t threshold,
                                      int64_t newest_us);
void sample_merge_free(struct sample_merge *merge); /* NULL is allowed */

/* 1: the next group; what is left of the one before is skipped. 0: the end. The key is valid until
 * the next values are read: sample_merge_key() has it after that. */
int sample_merge_group(struct sample_merge *merge, uint64_t *ret_hash, struct text *ret_key,
                       struct error *ret_error);
/* 1: more values of the group, at least one and ascending, valid until the next call; 0: its end.
 */
int sample_merge_values(struct sample_merge *merge, const double **ret_values,
                        const int64_t **ret_times_us, size_t *ret_count, struct error *ret_error);

struct text sample_merge_key(const struct sample_merge *merge);
/* At most so many values are left of the group at hand, right after sample_merge_group(): for
 * groups that are too small to be read. UINT64_MAX: it is not known. */
uint64_t sample_merge_most(const struct sample_merge *merge);

/* Where the group at hand begins: in these files and sections, in the blocks at these bytes. Valid
 * until the next group. */
struct sample_start {
    const struct sample_file *file;
    const struct sample_section *section;
    uint64_t block_at;
};
const struct sample_start *sample_merge_starts(struct sample_merge *merge, size_t *ret_count);

/* Writes all values that are still in their thresholds' periods, without ending the writer. */
int sample_merge_into(struct sample_file *const *files, size_t count,
                      const struct snapshot *snapshot, int64_t newest_us,
                      struct sample_writer *writer, struct error *ret_error);
