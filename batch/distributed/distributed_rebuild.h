/* A rebuild whose scan and fold are tasks of other processes, which some engine for batches moves
 * rows between (arrow_blocks.h):
 *
 *   scan    one task a part of the archive: rows of blocks, for the shares    scan_task.h
 *   shuffle the engine's: rows to shares, and sorted by (stream, sequence)
 *   fold    one task a share: rows of pieces of the tables                    fold_task.h
 *   write   this process: the pieces, shares in order, into a generation      here
 *
 * Thresholds and cut-offs come out of further stages, in which tasks read the archive again
 * (threshold_task.h). What is published is what `harrier rebuild` publishes, byte for byte. Only
 * the writing, the guards of thresholds and the reading back are this process's work; the archive's
 * segments need not be where it is. */
#pragma once

#include "batch/rebuild/rebuild.h"
#include "batch/tasks/arrow_blocks.h"
#include "distributed_options.h"

/* As rebuild_run(); the options' `elsewhere` is set here. Where the guess at the policy was wrong,
 * the fold runs a second time. */
int distributed_rebuild_run(const struct rebuild_options *options,
                            const struct distributed_options *distributed,
                            struct progress *progress, struct rebuild_report *ret_report,
                            struct error *ret_error);

/* Takes rows of the stage's last tasks, within run(): shares in order. Of fold tasks, first the
 * summaries of each, then the streams in order. ERROR_INVALID: they come in another order. */
int distributed_rebuild_take(struct distributed_rebuild *rebuild, const struct arrow_rows *rows,
                             struct error *ret_error);
