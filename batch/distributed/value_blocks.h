/* Values of thresholds in rows: the stream is the threshold's number, the share that of its group
 * (threshold_task.h), or -1 where the threshold has no groups: tasks of groups need no such rows,
 * nor the last rows below. A block:
 *
 *   u32 count, then the values (8 bytes each), their event times (8 bytes each), and the keys of
 *   their groups (varint length, bytes)
 *
 * Each task's last row, in the stream behind the thresholds, tells how many values it made: u8
 * whether of records, then of each threshold (varints). So rows that an engine loses are noticed.
 *
 * Private to batch/. */
#pragma once

#include "batch/tasks/block_queue.h"
#include "threshold_task.h"

struct value_blocks;

/* sequence: of the first row; at most 2^32 rows follow. */
struct value_blocks *value_blocks_new(const struct threshold_task *task, uint64_t sequence,
                                      struct block_queue *queue);
void value_blocks_free(struct value_blocks *blocks); /* NULL is allowed */
/* A threshold_take; user is the struct value_blocks. Hands on what is full. */
int value_blocks_put(void *user, const struct threshold_value *values, size_t count,
                     struct error *ret_error);
/* Hands on the rest, and the row that counts all. */
void value_blocks_end(struct value_blocks *blocks, bool of_records);

/* One that came: pointers into it, unaligned. ERROR_DAMAGED */
struct value_block {
    size_t count;
    const char *values, *times_us;
    struct cursor keys;
};
int value_block_open(struct text block, struct value_block *ret_block, struct error *ret_error);
double value_block_value(const struct value_block *block, size_t index);
/* Calls in the order of the values, from the first one on. ERROR_DAMAGED */
int value_block_get(struct value_block *block, size_t index, struct threshold_value *ret_value,
                    struct error *ret_error);
