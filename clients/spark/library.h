/* The C interface of libharrier-spark, which harrier_spark/library.py calls through ctypes.
 *
 * Functions that can fail return a negative number and put one sentence into error, which has
 * HARRIER_SPARK_ERROR bytes. A handle belongs to one thread at a time. Batches go through the Arrow
 * C data interface: those that come out belong to the caller, who releases them; those that go in
 * stay the caller's. Their columns: batch/tasks/arrow_blocks.h. */
#pragma once

#include "batch/tasks/arrow_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HARRIER_SPARK_ERROR 1024

const char *harrier_spark_version(void);

/* ---- tasks ---- */

struct harrier_spark_task;
/* scratch: a folder for what exceeds memory (bytes). */
int harrier_spark_task_open(const uint8_t *description, size_t length, const char *scratch,
                            uint64_t memory, struct harrier_spark_task **ret_task, char *error);
void harrier_spark_task_close(struct harrier_spark_task *task);
/* Parts of the archive that the description knows. */
uint64_t harrier_spark_task_parts(const struct harrier_spark_task *task);

/* Scans a part whose file lies under folder as it does under the archive. Then next(): 1, a batch;
 * 0: the end. */
int harrier_spark_scan(struct harrier_spark_task *task, const char *folder, uint64_t part,
                       char *error);
int harrier_spark_scan_next(struct harrier_spark_task *task, struct ArrowSchema *ret_schema,
                            struct ArrowArray *ret_array, char *error);

/* Folds a share: batches in, then the end; next() in between and afterwards until it returns 0. */
int harrier_spark_fold_take(struct harrier_spark_task *task, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, char *error);
int harrier_spark_fold_end(struct harrier_spark_task *task, char *error);
int harrier_spark_fold_next(struct harrier_spark_task *task, struct ArrowSchema *ret_schema,
                            struct ArrowArray *ret_array);

/* ---- the rebuild ---- */

struct harrier_spark_rebuild;

struct harrier_spark_options {
    const char *archive, *generations;
    const char *policy; /* NULL: the archive's last one */
    int64_t now_us;
    uint64_t memory;      /* bytes; 0: a quarter of the machine's */
    uint64_t shares;      /* partitions of the shuffle */
    uint64_t range_bytes; /* 0: the default */
    uint32_t keep;        /* generations; 0: the default */
    bool force, keep_thresholds, accept_changes;
    /* Runs a stage (enum distributed_stage); rows of its last tasks go to harrier_spark_take().
     * Negative: it failed, and the reason is in error. */
    int (*run)(void *user, struct harrier_spark_rebuild *rebuild, uint32_t stage,
               const uint8_t *description, size_t length, char *error);
    void *user;
};

struct harrier_spark_report {
    uint64_t generation, position, records, states, ids, content_hash, policy;
    uint64_t transactions, outcomes, thresholds;
    double seconds, thresholds_seconds, verify_seconds;
    uint32_t up_to_date;
    char warning[512];
};

int harrier_spark_run(const struct harrier_spark_options *options,
                      struct harrier_spark_report *ret_report, char *error);
int harrier_spark_take(struct harrier_spark_rebuild *rebuild, const struct ArrowSchema *schema,
                       const struct ArrowArray *array, char *error);

/* ---- features ---- */

/* What feature tasks are told: the archive's parts, or those of an earlier description; and the
 * policy: a folder, or the payload of its record, or neither for tasks that look for rare records.
 * ret_columns: a line for each column of the rows, type and name; ret_meaning: what the features
 * mean, JSON. The caller frees the three with harrier_spark_free(). */
int harrier_spark_features_describe(const char *archive, const char *policy, const uint8_t *payload,
                                    size_t payload_length, uint64_t shares, uint64_t outputs,
                                    const uint8_t *earlier, size_t earlier_length,
                                    uint64_t *ret_parts, uint8_t **ret_description,
                                    size_t *ret_length, char **ret_columns, char **ret_meaning,
                                    char *error);

struct harrier_spark_features;
int harrier_spark_features_open(const uint8_t *description, size_t length,
                                struct harrier_spark_features **ret_features, char *error);
void harrier_spark_features_close(struct harrier_spark_features *features);

/* Each returns 1 with a batch, or 0 without. part: rare records of a part, or its entries. values:
 * a batch of a share in, values out; schema NULL: the end. */
int harrier_spark_features_part(struct harrier_spark_features *features, const char *folder,
                                uint64_t part, bool rare, struct ArrowSchema *ret_schema,
                                struct ArrowArray *ret_array, char *error);
int harrier_spark_features_values(struct harrier_spark_features *features,
                                  const struct ArrowSchema *schema, const struct ArrowArray *array,
                                  struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                  char *error);
/* A batch of values in; schema NULL: the end. Then next() until it returns 0, with `all` after the
 * end. folder and rare as in batch/tasks/feature_rows.h; they count in the first call. */
int harrier_spark_features_rows(struct harrier_spark_features *features, const char *folder,
                                const uint8_t *rare, size_t rare_length,
                                const struct ArrowSchema *schema, const struct ArrowArray *array,
                                char *error);
int harrier_spark_features_next(struct harrier_spark_features *features, bool all,
                                struct ArrowSchema *ret_schema, struct ArrowArray *ret_array);

/* ---- thresholds, of a rebuild ---- */

struct harrier_spark_thresholds;
/* The description of a stage begins with that of its features, behind the length of that (8 bytes,
 * little-endian). scratch, memory: as of harrier_spark_task_open(). */
int harrier_spark_thresholds_open(const uint8_t *description, size_t length, const char *scratch,
                                  uint64_t memory, struct harrier_spark_thresholds **ret_thresholds,
                                  char *error);
void harrier_spark_thresholds_close(struct harrier_spark_thresholds *thresholds);
/* 1: a batch of what the functions below have made so far; 0: none, and of records the end. */
int harrier_spark_thresholds_next(struct harrier_spark_thresholds *thresholds,
                                  struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                  char *error);

/* Begins to read values out of a part. */
int harrier_spark_thresholds_records(struct harrier_spark_thresholds *thresholds,
                                     const char *folder, uint64_t part, char *error);
/* 1: the batch of a part's outcomes, on their way to rows. */
int harrier_spark_thresholds_outcomes(struct harrier_spark_thresholds *thresholds,
                                      const char *folder, uint64_t part,
                                      struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                      char *error);
/* As harrier_spark_features_rows(), with values of thresholds or scores as the result. */
enum {
    HARRIER_SPARK_VALUE_ROWS,
    HARRIER_SPARK_RECORDED_ROWS,
    HARRIER_SPARK_DERIVED_ROWS,
};
int harrier_spark_thresholds_rows(struct harrier_spark_thresholds *thresholds, uint32_t kind,
                                  const char *folder, const uint8_t *rare, size_t rare_length,
                                  const struct ArrowSchema *schema, const struct ArrowArray *array,
                                  char *error);
/* Batches of values in, in any order; schema NULL: the end, after which there are results. */
int harrier_spark_thresholds_groups(struct harrier_spark_thresholds *thresholds,
                                    const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, char *error);
int harrier_spark_thresholds_counts(struct harrier_spark_thresholds *thresholds,
                                    const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, char *error);

/* ---- both ---- */

/* Names of the archive's files, in the order of the parts, each ended by a newline. The caller
 * frees *ret_names with harrier_spark_free(). */
int harrier_spark_parts(const char *archive, char **ret_names, char *error);
void harrier_spark_free(void *memory);
