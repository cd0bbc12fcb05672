/* The values of an export's row, each under the name of its column; docs/CLI.md lists them. Where
 * `harrier score` and `harrier import` read such a column, its name and form are theirs, so that
 * they can read the file. */
#pragma once

#include "batch/export/export.h"
#include "clients/cli/output/transaction_columns.h"
#include "clients/cli/parquet/column_batch.h"
#include "clients/cli/parquet/parquet_pipe.h"
#include "core/base/buffer.h"

#include <stdbool.h>

/* In the order of a file. */
enum export_value {
    EXPORT_ID,
    EXPORT_EVENT_TIME,
    EXPORT_RECEIVED_TIME,
    EXPORT_POSITION,
    EXPORT_BACKFILLED,
    EXPORT_SOURCE,
    EXPORT_SEQUENCE,
    EXPORT_FIELDS, /* + enum transaction_column */
    EXPORT_ATTRIBUTES =
        EXPORT_FIELDS + TRANSACTION_COLUMN_COUNT, /* several columns: export_columns.h */
    EXPORT_VERDICT,
    EXPORT_SCORE,
    EXPORT_RULES,
    EXPORT_REASONS,
    EXPORT_DEGRADED,
    EXPORT_DEGRADED_REASON,
    EXPORT_RULE_ERRORS,
    EXPORT_FAILED_RULES,
    EXPORT_SNAPSHOT_ID,
    EXPORT_ARM,
    EXPORT_OUTCOME,
    EXPORT_OUTCOME_TIME,
    EXPORT_OUTCOME_KNOWN_TIME,
    EXPORT_VOIDED,
    EXPORT_CAPTURED_AMOUNT,
    EXPORT_REFUNDED_AMOUNT,
    EXPORT_AMENDMENT,
    EXPORT_AMENDMENT_AMOUNT,
    EXPORT_AMENDMENT_TIME,
    EXPORT_VALUE_COUNT
};

const char *export_value_name(enum export_value value);

/* Any but EXPORT_ATTRIBUTES. What the row does not have is an empty cell, and no member. memory:
 * for texts that are made; its content is lost. */
void export_value_csv(enum export_value value, const struct export_row *row, struct buffer *memory,
                      struct buffer *line);
void export_value_json(enum export_value value, const struct export_row *row, struct buffer *memory,
                       struct buffer *line);

/* The type of the value's column in Parquet; .name is the caller's. Not EXPORT_ATTRIBUTES. */
struct parquet_column export_value_column(enum export_value value);
/* Adds it to a packed row for such a column. */
void export_value_pack(enum export_value value, const struct export_row *row, struct buffer *memory,
                       struct packed_row *packed);
/* A row states one amendment of the transaction as it was scored. Is that not enough to say what
 * the transaction has become? Then it states none. */
bool export_is_amended_further(const struct export_row *row);
