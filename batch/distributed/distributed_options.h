/* What runs the tasks of a distributed rebuild, and how the work is divided. Private to batch/. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

struct distributed_rebuild;

enum distributed_stage {
    DISTRIBUTED_FOLD, /* scan, shuffle and fold: rebuild_task_open() */
    /* The others are described for threshold_task_open(). Values are kept by the engine until the
     * end of the run, in any order, for the two stages behind them. */
    DISTRIBUTED_RECORD_VALUES,   /* threshold_records.h of each part */
    DISTRIBUTED_FEATURE_VALUES,  /* batch/tasks/feature_task.h, rows by threshold_rows.h */
    DISTRIBUTED_GROUPS,          /* values with a share to it; threshold_groups.h of each */
    DISTRIBUTED_COUNTS,          /* threshold_counts.h of any pieces of the values */
    DISTRIBUTED_RECORDED_SCORES, /* feature_outcomes() of each part, rows by threshold_rows.h */
    DISTRIBUTED_DERIVED_SCORES,  /* as feature values */
};

/* Runs a stage as the description says, and hands over what comes out, but for values, with
 * distributed_rebuild_take(). < 0: it failed, and *ret_error is filled. */
typedef int distributed_run(void *user, struct distributed_rebuild *rebuild,
                            enum distributed_stage stage, struct text description,
                            struct error *ret_error);

struct distributed_options {
    size_t shares;        /* partitions of the shuffle */
    uint64_t range_bytes; /* wanted size of a stream, of which a task folds one at a time; 0:
                             DISTRIBUTED_RANGE_BYTES */
    distributed_run *run;
    void *user;
};

#define DISTRIBUTED_RANGE_BYTES (UINT64_C(32) << 20)
#define DISTRIBUTED_STREAMS_MAX 4096
