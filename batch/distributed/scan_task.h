/* A task that scans one part of the archive: its records into blocks of the rebuild's streams, and
 * a summary. The same part gives the same rows each time. Private to batch/. */
#pragma once

#include "batch/tasks/arrow_blocks.h"
#include "rebuild_task.h"

struct scan_task;

/* Scans part number `part`, whose file is in its place under folder. ERROR_DAMAGED, ERROR_SYSTEM */
int scan_task_open(struct rebuild_task *task, const char *folder, size_t part,
                   struct scan_task **ret_scan, struct error *ret_error);
/* Adds rows until there are some megabytes of them. 1: some were added; 0: there are no more. */
int scan_task_next(struct scan_task *scan, struct arrow_blocks *blocks, struct error *ret_error);
void scan_task_close(struct scan_task *scan); /* NULL is allowed */
