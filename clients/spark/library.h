/* The C interface of libharrier-spark, which harrier_spark/library.py calls through ctypes.
 *
 * Functions that can fail return a negative number and put one sentence into error, which has
 * HARRIER_SPARK_ERROR bytes. A handle belongs to one thread at a time. Batches go through the Arrow
 * C data interface: those that come out belong to the caller, who releases them; those that go in
 * stay the caller's. Their columns: batch/distributed/arrow_blocks.h. */
#pragma once

#include "batch/distributed/arrow_abi.h"

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
    /* Runs the tasks; rows of the fold go to harrier_spark_take(). Negative: it failed, and the
     * reason is in error. */
    int (*run)(void *user, struct harrier_spark_rebuild *rebuild, const uint8_t *description,
               size_t length, char *error);
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

/* Names of the archive's files, in the order of the parts, each ended by a newline. The caller
 * frees *ret_names with harrier_spark_free(). */
int harrier_spark_parts(const char *archive, char **ret_names, char *error);
void harrier_spark_free(void *memory);
