/* Rows of a file as what an import takes, read and converted by a thread of its own while the
 * caller works on those before them. */
#pragma once

#include "batch/import/import.h"
#include "core/base/error.h"
#include "mapped_file.h"

#include <stdbool.h>
#include <stdint.h>

struct prefetched_row {
    struct row_original original;
    const struct error *error; /* NULL: the row is good */
    struct import_row row;     /* only then */
    struct text field;         /* of a bad one: at fault; may be empty */
};

struct rows_prefetch;

/* The file is the thread's until rows_prefetch_stop(). quiet: as for mapped_file_next(). */
struct rows_prefetch *rows_prefetch_start(struct mapped_file *file, bool quiet);

/* 1: the next row, valid until the next call; 0: there are no more; < 0: reading failed behind the
 * rows that were given. Rows are not held back: what has been read is given while the file has no
 * more to read. stop: looked at now and then; ERROR_INTERRUPTED when it is set. */
int rows_prefetch_next(struct rows_prefetch *ahead, const volatile int *stop,
                       const struct prefetched_row **ret_row, struct error *ret_error);

/* How far the file was read when the last row given was, as input_extent() has it. */
void rows_prefetch_extent(const struct rows_prefetch *ahead, uint64_t *ret_done,
                          uint64_t *ret_total);

/* Ends the thread, within a moment even where it waits for the writer of a pipe. The file cannot
 * be read any more. NULL is allowed. */
void rows_prefetch_stop(struct rows_prefetch *ahead);
