/* CSV as in RFC 4180, read as a stream: quoted fields with commas, quotes and line breaks in
 * them, LF or CRLF, a UTF-8 byte order mark, blank lines skipped.
 *
 * A row that breaks the rules is reported and skipped to the next line break; those after it are
 * read as usual. Whether all rows have the same number of fields is the caller's question. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_FIELD_MAX  (64u << 10) /* bytes */
#define CSV_FIELDS_MAX 1024
/* With keeps_bytes: a longer row cannot be kept, and ends the reading. */
#define CSV_ROW_KEPT_MAX (16u << 20)

struct csv_reader {
    struct byte_source *source;
    struct text chunk; /* what is left of it */
    bool at_end;
    int held;                    /* a byte that was looked at; −1: none */
    uint64_t line;               /* of the next byte, from 1 */
    uint64_t row_line;           /* on which the last row began */
    struct buffer bytes;         /* of the row's fields, concatenated */
    size_t ends[CSV_FIELDS_MAX]; /* in bytes */
    struct text fields[CSV_FIELDS_MAX];
    size_t field_count;
    bool has_mark;              /* the file begins with a byte order mark */
    size_t field_max, kept_max; /* CSV_FIELD_MAX and CSV_ROW_KEPT_MAX, or more */
    bool keeps_bytes;           /* of each row, as the file has them; may be set at any time */
    struct buffer kept;         /* the row, and perhaps some of its line end */
    size_t kept_ends[CSV_FIELDS_MAX]; /* of the fields with their quotes, in kept */
    size_t kept_length;               /* the row without its line end */
};

void csv_reader_init(struct csv_reader *reader, struct byte_source *source);
void csv_reader_deinit(struct csv_reader *reader);

enum csv_result {
    CSV_END = 0,
    CSV_ROW = 1,     /* reader->fields[0…field_count), valid until the next call */
    CSV_BAD_ROW = 2, /* ret_error says what is wrong with the row at row_line */
};

/* An enum csv_result, or the source's failure. ERROR_TOO_LARGE: the row cannot be kept. */
int csv_next(struct csv_reader *reader, struct error *ret_error);

/* With keeps_bytes: the last row without its line end, a bad one too; and a field of a good row,
 * with its quotes. Valid until the next call. */
struct text csv_row_bytes(const struct csv_reader *reader);
struct text csv_field_bytes(const struct csv_reader *reader, size_t field);
