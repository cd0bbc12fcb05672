/* A rebuild whose scan and fold are tasks of other processes, which some engine for batches moves
 * rows between (arrow_blocks.h):
 *
 *   scan    one task a part of the archive: rows of blocks, for the shares    scan_task.h
 *   shuffle the engine's: rows to shares, and sorted by (stream, sequence)
 *   fold    one task a share: rows of pieces of the tables                    fold_task.h
 *   write   this process: the pieces, shares in order, into a generation      here
 *
 * What is published is what `harrier rebuild` publishes, byte for byte. Only the writing, the
 * thresholds and the reading back are this process's work. */
#pragma once

#include "arrow_blocks.h"
#include "batch/rebuild/rebuild.h"

struct distributed_rebuild;

/* Runs scan, shuffle and fold as the description says (rebuild_task_open()), and hands over what
 * comes out with distributed_rebuild_take(). < 0: it failed, and *ret_error is filled. */
typedef int distributed_run(void *user, struct distributed_rebuild *rebuild,
                            struct text description, struct error *ret_error);

struct distributed_options {
    size_t shares;        /* partitions of the shuffle */
    uint64_t range_bytes; /* wanted size of a stream, of which a task folds one at a time; 0:
                             DISTRIBUTED_RANGE_BYTES */
    distributed_run *run;
    void *user;
};

#define DISTRIBUTED_RANGE_BYTES (UINT64_C(32) << 20)
#define DISTRIBUTED_STREAMS_MAX 4096

/* As rebuild_run(); the options' `elsewhere` is set here. Where the guess at the policy was wrong,
 * run() is called a second time. */
int distributed_rebuild_run(const struct rebuild_options *options,
                            const struct distributed_options *distributed,
                            struct progress *progress, struct rebuild_report *ret_report,
                            struct error *ret_error);

/* Takes rows of fold tasks, within run(): shares in order, of each first the summaries, then the
 * streams in order. ERROR_INVALID: they come in another order. */
int distributed_rebuild_take(struct distributed_rebuild *rebuild, const struct arrow_rows *rows,
                             struct error *ret_error);
