/* An engine for batches in one process, in place of Spark: runs a distributed rebuild's tasks one
 * after the other and moves the rows between them through Arrow batches. Parts are scanned in a
 * random order, each sometimes twice, as after the loss of a machine. */
#pragma once

#include "batch/distributed/distributed_rebuild.h"
#include "task_rows.h"

#include <stdint.h>

struct tasks_engine {
    const char *archive, *scratch;
    uint64_t memory_bytes; /* of a task */
    uint64_t random;
    size_t shares;
    unsigned runs;                         /* how often it was started */
    size_t rows;                           /* that went through the shuffle */
    struct task_rows values;               /* of thresholds; tasks_engine_deinit() frees them */
    unsigned stages;                       /* bit n: enum distributed_stage n ran */
    void (*spoil)(struct task_rows *rows); /* what comes out of the stage `spoilt`; NULL: nothing */
    enum distributed_stage spoilt;
};

void tasks_engine_deinit(struct tasks_engine *engine);
int tasks_engine_hand_over(struct distributed_rebuild *rebuild, const struct task_rows *out,
                           struct error *ret_error);

/* A distributed_run; user is the struct tasks_engine. */
int tasks_engine_run(void *user, struct distributed_rebuild *rebuild, enum distributed_stage stage,
                     struct text description, struct error *ret_error);
