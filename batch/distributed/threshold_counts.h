/* A task that has some of the values of all groups: one step towards the value with a rank among
 * all of them (struct threshold_pass). What comes out, in the stream of its threshold: digits and
 * how often each was counted (2 and 8 bytes), or orders of values that are kept (8 bytes each). In
 * the stream behind them: how many tasks have told what they made of features and of records (8
 * bytes each), and that of each threshold (8 bytes).
 * Private to batch/. */
#pragma once

#include "value_blocks.h"

struct threshold_counts;

/* The task has passes; the queue must outlive it. */
struct threshold_counts *threshold_counts_new(const struct threshold_task *task,
                                              struct block_queue *queue);
void threshold_counts_free(struct threshold_counts *counts); /* NULL is allowed */
/* Rows of any share, in any order. ERROR_DAMAGED, ERROR_INVALID */
int threshold_counts_take(struct threshold_counts *counts, const struct arrow_rows *rows,
                          struct error *ret_error);
/* After the last row. */
void threshold_counts_end(struct threshold_counts *counts);
