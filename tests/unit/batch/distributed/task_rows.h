/* Rows on their way between tasks, in a test. */
#pragma once

#include "batch/tasks/arrow_blocks.h"
#include "batch/tasks/feature_task.h"

struct task_rows {
    struct arrow_row *rows; /* blocks are copies */
    size_t count, capacity;
};

/* Moves a batch through the C data interface and adds its rows. */
void task_rows_take(struct arrow_blocks *blocks, struct task_rows *rows);
/* By share, stream and sequence: what an engine's shuffle does. */
void task_rows_sort(struct task_rows *rows);
void task_rows_free(struct task_rows *rows);

/* The end of the rows, sorted, that have the share of the first one. */
size_t task_rows_end_of_share(const struct task_rows *rows, size_t first);

/* Rows [*first, end) as a task gets them, in batches of any size up to most, until they are given
 * back. */
struct lent {
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct arrow_rows rows;
};
void task_rows_lend(const struct task_rows *rows, size_t *first, size_t end, size_t most,
                    uint64_t *random, struct lent *ret_lent);
void task_rows_give_back(struct lent *lent);

/* All rare records of the archive, in order. */
void task_rows_rare(const struct feature_task *task, const char *archive, struct buffer *ret_rare);
