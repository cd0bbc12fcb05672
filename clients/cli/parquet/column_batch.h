/* Rows turned into columns, laid out in memory as Apache Arrow has them: what Parquet's library
 * takes without looking at a single value.
 *
 * A packed row is made in any thread: a bit for each column that has a value, then those values, in
 * the columns' order: a byte for a bool, eight for a number or a time, the length (four) and the
 * bytes of a text; all little-endian.
 *
 * A batch gathers packed rows. Of each column it has, each padded to eight bytes:
 *
 *   presence   a bit for each row, the lowest first
 *   values     bool: a bit each; number or time: eight bytes each, zeros where there is none;
 *              text: where each begins in `texts` (four bytes), and where the last one ends
 *   texts      only of texts, one behind the other */
#pragma once

#include "core/base/buffer.h"
#include "core/base/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COLUMN_BATCH_ROWS  100000u
#define COLUMN_BATCH_TEXTS (64u << 20) /* bytes of all columns' texts after which it is full */

/* A row in the making, at the end of a buffer. */
struct packed_row {
    struct buffer *buffer;
    size_t presence; /* where its bits begin */
    size_t column;   /* the next one */
};

struct packed_row packed_row_begin(struct buffer *buffer, size_t column_count);
/* The next column's value: of its type, or absent. */
void packed_row_add(struct packed_row *row, struct value value);
/* The same for a text that was appended to the buffer behind packed_row_begin_text(). */
size_t packed_row_begin_text(struct packed_row *row);
void packed_row_end_text(struct packed_row *row, size_t begin);

struct column_batch {
    struct column_of_batch *columns;
    size_t column_count;
    uint32_t rows;
    size_t text_bytes; /* of all columns */
    bool is_full;
};

struct column_of_batch {
    enum value_type type; /* BOOL, INT, DOUBLE, TEXT, TIMESTAMP or DURATION */
    uint8_t *presence, *values;
    struct buffer texts;
};

void column_batch_init(struct column_batch *batch, const enum value_type *types, size_t count);
void column_batch_deinit(struct column_batch *batch);
/* Not to a full one. The row was packed for these columns. */
void column_batch_add(struct column_batch *batch, struct text row);
void column_batch_clear(struct column_batch *batch);

/* A run of bytes as the batch is sent, padded. */
struct column_part {
    const uint8_t *bytes;
    size_t length;
};
/* The parts of one column; returns how many. */
#define COLUMN_PARTS_MAX 3
size_t column_batch_parts(struct column_batch *batch, size_t column,
                          struct column_part ret_parts[COLUMN_PARTS_MAX]);
