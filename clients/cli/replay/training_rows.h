/* A row of a training set, made from a transaction and its decision: the cells of
 * training_columns.h in their order. Any thread may make rows. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"
#include "training_columns.h"

/* Appends a line of CSV, with its end. */
void training_row_csv(const struct training_columns *columns, const struct decision *decision,
                      const struct transaction *transaction, enum label outcome,
                      struct buffer *row);
/* Appends a packed row (parquet/column_batch.h). */
void training_row_packed(const struct training_columns *columns, const struct decision *decision,
                         const struct transaction *transaction, enum label outcome,
                         struct buffer *buffer);
