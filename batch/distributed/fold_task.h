/* A task that folds one share of the streams: blocks in, the tables' entries out. Private to
 * batch/. */
#pragma once

#include "batch/tasks/arrow_blocks.h"
#include "rebuild_task.h"

struct fold_task;

struct fold_task *fold_task_new(struct rebuild_task *task);
void fold_task_free(struct fold_task *fold); /* NULL is allowed */

/* Takes the next rows of the share: all summaries first, then the blocks in the order of streams
 * and, within one, of sequences. ERROR_INVALID: they come in another order. ERROR_SYSTEM: the
 * scratch file. */
int fold_task_take(struct fold_task *fold, const struct arrow_rows *rows, struct error *ret_error);
/* After the last row. */
int fold_task_end(struct fold_task *fold, struct error *ret_error);

/* What came out so far, for distributed_rebuild_take(): rows whose blocks are pieces of a table in
 * the order of their sequence within a stream, and of the first share the summaries as they came.
 * NULL: nothing. The caller frees it. */
struct arrow_blocks *fold_task_out(struct fold_task *fold);
