/* CSV with a header: rows of as many fields as the header has. The columns of a file of refused
 * rows (reject_column.h) are not among them: a row that such a file holds as `harrier.raw` is read
 * from there, where one mended text may well be several rows. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/wire/types/reject_column.h"
#include "csv.h"
#include "row_original.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text as the source of another reader. */
struct raw_source {
    struct byte_source bytes;
    struct text left;
};

struct csv_table {
    struct csv_reader file;
    struct csv_reader raw; /* of the last row's harrier.raw */
    struct raw_source raw_source;
    bool in_raw;          /* rows come from there */
    size_t raw_columns;   /* of the header that it was under */
    struct text *columns; /* without those of refused rows */
    size_t column_count;
    size_t *fields;                    /* parallel: which of the file's */
    size_t *raw_fields;                /* parallel: which of the raw text's */
    size_t file_columns;               /* of the header, with those of refused rows */
    size_t rejects[REJECT_RAW_BASE64]; /* which of the file's; SIZE_MAX: it has none */
    bool keeps_originals;
    struct buffer header; /* as in the file, without the columns of refused rows */
    struct buffer bytes;  /* of the last row, likewise */
    struct row_original original;
};

/* Reads the header. ERROR_INVALID: there is none, or it has a name twice. Close it after a failure,
 * too. */
int csv_table_open(struct csv_table *table, struct byte_source *source, struct error *ret_error);
void csv_table_close(struct csv_table *table);

/* False: there is no such column. */
bool csv_table_find(const struct csv_table *table, struct text name, size_t *ret_column);

/* An enum csv_result, or the source's failure. The row and table->original, of which without
 * keeps_originals only the line is filled, are valid until the next call. */
int csv_table_next(struct csv_table *table, struct error *ret_error);
struct text csv_table_field(const struct csv_table *table, size_t column);
