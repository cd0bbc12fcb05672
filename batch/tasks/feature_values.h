/* A task that has the states of one share of the entities: reads the features of each transaction,
 * then applies it. Private to batch/. */
#pragma once

#include "feature_task.h"

struct feature_values;

struct feature_values *feature_values_new(const struct feature_task *task);
void feature_values_free(struct feature_values *values); /* NULL is allowed */

/* Takes the next rows of the share, in the order of streams and, within one, of sequences, and adds
 * rows for the parts. ERROR_INVALID: they come in another order. ERROR_DAMAGED */
int feature_values_take(struct feature_values *values, const struct arrow_rows *rows,
                        struct arrow_blocks *blocks, struct error *ret_error);
/* After the last row: adds what is left. */
void feature_values_end(struct feature_values *values, struct arrow_blocks *blocks);
