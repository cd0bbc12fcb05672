/* A task that reads one part of the archive for those thresholds whose values records alone give.
 * Private to batch/. */
#pragma once

#include "value_blocks.h"

struct threshold_records;

/* ERROR_DAMAGED, ERROR_SYSTEM. The queue must outlive it. */
int threshold_records_open(const struct threshold_task *task, const char *folder, size_t part,
                           struct block_queue *queue, struct threshold_records **ret_records,
                           struct error *ret_error);
/* Adds rows until there is a whole batch of them: 1; 0: the end was reached,
 * then and from then on. */
int threshold_records_next(struct threshold_records *records, struct error *ret_error);
void threshold_records_close(struct threshold_records *records); /* NULL is allowed */
