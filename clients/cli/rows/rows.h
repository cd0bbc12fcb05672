/* Rows of named cells, whatever the file's format: CSV with a header, or JSON lines (one object a
 * line; names of nested members are joined with a point, as in "location.latitude").
 *
 * The caller names the wanted columns once; each row then has one cell per wanted column.
 *
 * A file of refused rows (io/rejects.h) is read as the file was that they come from: its own
 * columns (reject_column.h) are left out, and what it holds in harrier.raw is read from there. */
#pragma once

#include "cell.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "input.h"
#include "row_original.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row {
    uint64_t line;            /* on which it begins, from 1 */
    const struct cell *cells; /* parallel to the wanted columns */
    /* JSON lines only: the members of the object that rows_want_members() named. */
    const struct named_cell *members;
    size_t member_count;
    struct row_original original; /* valid until the next row; of a bad one, too */
};

enum row_format { ROW_FORMAT_GUESS, ROW_FORMAT_CSV, ROW_FORMAT_JSONL };

struct rows;

/* Reads CSV's header. GUESS: JSON lines when the first byte that is no space is {. The source must
 * outlive the rows. ERROR_INVALID: no header, a column name twice. */
int rows_open(struct byte_source *source, enum row_format format, struct rows **ret_rows,
              struct error *ret_error);
void rows_close(struct rows *rows); /* NULL is allowed */

enum row_format rows_format(const struct rows *rows); /* never GUESS */
/* CSV: the header's names. JSON lines: count 0. They live as long as the rows. */
const struct text *rows_columns(const struct rows *rows, size_t *ret_count);
/* CSV: the header as it is in the file, and whether a byte order mark comes before it. */
struct text rows_header_bytes(const struct rows *rows, bool *ret_has_mark);

/* From here on each row comes with its bytes. One of more than 16 MiB ends the reading with
 * ERROR_TOO_LARGE. */
void rows_keep_originals(struct rows *rows);

/* JSON lines: rows are what a file of refused rows has as raw bytes, whatever they are: it is in
 * row.original.raw, and there are no cells. */
void rows_take_raw(struct rows *rows);

/* Names are copied. ERROR_NOT_FOUND: CSV lacks one of them; the text has it and what there is. */
int rows_want(struct rows *rows, const struct text *columns, size_t count, struct error *ret_error);
/* JSON lines: also give all members of the nested object of this name ("attributes"). */
void rows_want_members(struct rows *rows, struct text object);

enum rows_result {
    ROWS_END = 0,
    ROWS_ROW = 1,
    ROWS_BAD_ROW = 2, /* ret_error says what is wrong; ret_row has its line and its original */
};

/* An enum rows_result, or the source's failure. The row is valid until the next call. */
int rows_next(struct rows *rows, struct row *ret_row, struct error *ret_error);

/* JSON objects that come one by one instead of from a source: rows_want() as ever, then
 * rows_take_object() for each. The bytes may have line feeds; the row is valid until the next one,
 * and its line is 0. */
void rows_open_objects(struct rows **ret_rows);
int rows_take_object(struct rows *rows, struct text bytes, struct row *ret_row,
                     struct error *ret_error);

/* CSV: the header's names, joined with ", " into a heap string: free() it. NULL for JSON lines. */
char *rows_header(const struct rows *rows);

/* Names at the top level of the first JSON line, or CSV columns, that are not wanted. Joined
 * with ", " into a heap string, NULL when there are none. free() it. Call it after the first row.
 */
char *rows_unused(const struct rows *rows);
