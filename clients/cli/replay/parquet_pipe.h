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

#include "core/base/error.h"
#include "core/base/text.h"
#include "training_columns.h"

#include <stdint.h>
#include <sys/types.h>

struct parquet_pipe;

/* It writes to `path`; messages name `name`. ERROR_SYSTEM: it cannot be started, has no pyarrow or
 * cannot write there. */
int parquet_pipe_open(const char *path, const char *name, const struct training_columns *columns,
                      struct parquet_pipe **ret_pipe, struct error *ret_error);
/* A packed row. ERROR_SYSTEM: the child has ended, and why. */
int parquet_pipe_add(struct parquet_pipe *pipe, struct text row, struct error *ret_error);
/* Writes the rest and waits until the file is whole. Frees the pipe, also on failure. */
int parquet_pipe_close(struct parquet_pipe *pipe, struct error *ret_error);
/* Ends the child and frees the pipe. NULL is allowed. */
void parquet_pipe_abort(struct parquet_pipe *pipe);
