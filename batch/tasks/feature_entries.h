/* A task that takes one part of the archive apart: items of its entities, and outcomes on their way
 * to their transactions. Private to batch/. */
#pragma once

#include "feature_task.h"

/* Adds all rows of a part; they stay well below the size of the segment's records in memory.
 * ERROR_DAMAGED, ERROR_SYSTEM */
int feature_entries(const struct feature_task *task, const char *folder, size_t part,
                    struct arrow_blocks *blocks, struct error *ret_error);

/* The outcomes alone, as rows for feature_rows.h: without a task of values in between. */
int feature_outcomes(const struct feature_task *task, const char *folder, size_t part,
                     struct arrow_blocks *blocks, struct error *ret_error);

/* An outcome in a block: where its transaction is, where it is, and the label (8, 8 and 1 bytes).
 * false: there are no more. */
struct feature_outcome {
    uint64_t transaction_position, position;
    enum label label;
};
bool feature_outcome_next(struct cursor *cursor, struct feature_outcome *ret_outcome);
