/* A task that has all values of some groups: their quantiles. What comes out:
 *
 *   stream of a threshold     its groups for the record: varint length, key, value (8 bytes)
 *   the stream behind them    groups that thresholds keep in the tables, in ascending order of hash
 *                             and key: hash (8 bytes), varint length, key, value (8 bytes)
 *   the stream behind that    the last row: how many values came of each threshold (varints)
 *
 * Private to batch/. */
#pragma once

#include "value_blocks.h"

struct threshold_groups;

/* The queue must outlive it. */
struct threshold_groups *threshold_groups_new(const struct threshold_task *task,
                                              struct block_queue *queue);
void threshold_groups_free(struct threshold_groups *groups); /* NULL is allowed */
/* The next rows of the share, in any order. ERROR_DAMAGED, ERROR_INVALID, ERROR_SYSTEM: the scratch
 * file. */
int threshold_groups_take(struct threshold_groups *groups, const struct arrow_rows *rows,
                          struct error *ret_error);
/* After the last row: puts the results into the queue. */
int threshold_groups_end(struct threshold_groups *groups, struct error *ret_error);
