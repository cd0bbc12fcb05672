/* Thresholds and cut-offs as the tasks of other processes compute them. What the one process that
 * runs the rebuild gets is small: results of groups, counts, and scores.
 *
 *   values    one task a part: what the records say               threshold_records.h
 *             rows of an export of features: what these say       threshold_rows.h
 *   groups    a shuffle by group, one task a share: quantiles     threshold_groups.h
 *   counts    over all groups, digit by digit: how many           threshold_counts.h
 *   scores    rows of an export of features, with the new values  threshold_rows.h
 *
 * The steps are those of batch/rebuild, and so are the results, bit for bit. Private to batch/. */
#pragma once

#include "batch/tasks/feature_task.h"
#include "batch/thresholds/threshold_job.h"

/* How a pass over all values of a threshold looks for one of them. */
enum threshold_pass_kind {
    THRESHOLD_PASS_NONE,
    THRESHOLD_PASS_COUNT, /* of the values with the prefix, by the digit behind it */
    THRESHOLD_PASS_KEEP,  /* the values with the prefix themselves */
};
struct threshold_pass {
    enum threshold_pass_kind kind;
    bool are_distances; /* from the center, instead of the values */
    double center;
    uint64_t prefix; /* of the value's order (batch/base/double_order.h) above `shift` + 16 bits */
    unsigned shift;
};
#define THRESHOLD_DIGIT_BITS  16u
#define THRESHOLD_DIGIT_COUNT (1u << THRESHOLD_DIGIT_BITS)

struct threshold_task {
    struct feature_task *features; /* the policy, the shares, the parts */
    struct threshold_job job;      /* snapshot, newest_us and reads_records */
    int64_t longest_us;            /* period of the scores */
    struct thresholds *thresholds; /* that give the scores; NULL: scores are not asked for */
    struct threshold_pass *passes; /* of each threshold; NULL: counts are not asked for */
    uint64_t memory_bytes;
    char *scratch;
};

/* features: a description of feature tasks, which begins the bytes, behind its length of 8 bytes.
 * set, passes: NULL: not asked for. Appends to ret_bytes. */
void threshold_task_describe(const struct threshold_job *job, struct text features,
                             int64_t longest_us, const struct threshold_set *set,
                             const struct threshold_pass *passes, struct buffer *ret_bytes);
/* scratch: a folder for what does not fit in memory_bytes. ERROR_UNSUPPORTED, ERROR_INVALID: as
 * rebuild_task_open(). */
int threshold_task_open(struct text description, const char *scratch, uint64_t memory_bytes,
                        struct threshold_task **ret_task, struct error *ret_error);
void threshold_task_close(struct threshold_task *task); /* NULL is allowed */

/* Which share has the values of a group: in the order of the groups' hashes. */
static inline size_t threshold_share(const struct threshold_task *task, uint64_t hash) {
    return (size_t)(((hash >> 32) * task->features->shares) >> 32);
}
