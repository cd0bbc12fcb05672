/* Rows of decisions as Arrow batches with the columns of a training set
 * (clients/cli/replay/training_columns.h). */
#pragma once

#include "batch/tasks/arrow_abi.h"
#include "core/base/buffer.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/record/record.h"

#include <stdbool.h>

struct feature_batches;

/* The policy must outlive it. */
struct feature_batches *feature_batches_new(const struct snapshot *policy);
void feature_batches_free(struct feature_batches *batches); /* NULL is allowed */

/* A feature_listener's row(); user is the struct feature_batches. */
void feature_batches_row(void *user, const struct record *record, const struct decision *decision,
                         enum label outcome);
/* The next full batch, or with `all` also the last one. false: there is none. */
bool feature_batches_next(struct feature_batches *batches, bool all, struct ArrowSchema *ret_schema,
                          struct ArrowArray *ret_array);
/* Appends a line for each column: its type ("bool", "int", "double", "string", "timestamp",
 * "duration"), a space, its name. */
void feature_batches_columns(const struct snapshot *policy, struct buffer *ret_lines);
/* Appends what the features mean, as an object of JSON. */
void feature_batches_describe(const struct snapshot *policy, struct buffer *ret_json);
