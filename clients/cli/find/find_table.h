/* Rows as a table for people: a header, and columns as wide as their widest cell. */
#pragma once

#include "clients/cli/export/export_columns.h"
#include "find_rows.h"

/* What the table shows unless other columns are asked for. */
#define FIND_TABLE_COLUMNS "event_time,id,amount,currency,card,verdict,score,rules,outcome"

/* Appends the table. */
int find_table_format(const struct find_rows *rows, const struct export_columns *columns,
                      struct buffer *out, struct error *ret_error);
