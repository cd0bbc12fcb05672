/* harrier-parquet, a program beside harrier that writes Parquet with pyarrow, started as a child
 * and fed through a pipe: no maintained C library for Parquet is in the distributions.
 *
 *   to it, its standard input      a line of JSON: columns with their types, and metadata;
 *                                  batches: rows (u32, 0: the end), columns (u32), bytes (u64) and
 *                                  so many bytes, as column_batch.h lays them out;
 *                                  behind the last one the number of all rows (u64)
 *   from it, both of its outputs   "ready" when it has all that it needs, "done" and the number of
 *                                  rows when the file is written; else, in a line, what is wrong
 *
 * It is looked for beside the program that runs, then in PATH. One thread. */
#pragma once

#include "clients/cli/io/draft_file.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/base/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parquet_pipe;

struct parquet_column {
    struct text name;     /* used during opening only */
    enum value_type type; /* BOOL, INT, DOUBLE, TEXT, TIMESTAMP or DURATION */
    bool is_amount; /* an INT in units of 10^-PARQUET_AMOUNT_DIGITS: an exact decimal in the file */
};

/* No currency has more; amounts are below 10¹³ minor units, so an int holds them at this scale. */
#define PARQUET_AMOUNT_DIGITS 4

/* Does the name of the file end in ".parquet"? */
bool parquet_is_name(const char *path);

/* It writes the draft, which is open; messages name the final file. metadata: an object of JSON,
 * which the file keeps. ERROR_SYSTEM: it cannot be started, has no pyarrow or cannot write there.
 */
int parquet_pipe_open(const struct draft_file *draft, const struct parquet_column *columns,
                      size_t column_count, struct text metadata, struct parquet_pipe **ret_pipe,
                      struct error *ret_error);
/* A packed row. ERROR_SYSTEM: the child has ended, and why. */
int parquet_pipe_add(struct parquet_pipe *pipe, struct text row, struct error *ret_error);
/* Writes the rest and waits until the file is whole. Frees the pipe, also on failure. */
int parquet_pipe_close(struct parquet_pipe *pipe, struct error *ret_error);
/* Ends the child and frees the pipe. NULL is allowed. */
void parquet_pipe_abort(struct parquet_pipe *pipe);
