/* Rows on their way between tasks, in a test. */
#pragma once

#include "batch/tasks/arrow_blocks.h"

struct task_rows {
    struct arrow_row *rows; /* blocks are copies */
    size_t count, capacity;
};

/* Moves a batch through the C data interface and adds its rows. */
void task_rows_take(struct arrow_blocks *blocks, struct task_rows *rows);
/* By share, stream and sequence: what an engine's shuffle does. */
void task_rows_sort(struct task_rows *rows);
void task_rows_free(struct task_rows *rows);
