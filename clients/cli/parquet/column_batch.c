/* Packing and gathering. Rows are packed in many threads and gathered by one, so packing needs no
 * lock and no knowledge of the batch. The bytes of a batch are handed to the pipe as they lie
 * here: no value is copied once more. */
#include "column_batch.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define PAD 8u

/* Arrow wants every buffer to begin at a multiple of eight. */
static size_t padded(size_t length) {
    return (length + PAD - 1) / PAD * PAD;
}

/* Bytes for so many bits. */
static size_t bits_size(size_t count) {
    return (count + 7) / 8;
}

/* ---- packed rows ---- */

struct packed_row packed_row_begin(struct buffer *buffer, size_t column_count) {
    struct packed_row row = {.buffer = buffer, .presence = buffer->length};
    size_t size = bits_size(column_count);
    memset(buffer_reserve(buffer, size), 0, size);
    buffer->length += size;
    return row;
}

/* Of the column that comes next. */
static void mark_present(struct packed_row *row) {
    row->buffer->bytes[row->presence + row->column / 8] |= (uint8_t)(1u << row->column % 8);
}

size_t packed_row_begin_text(struct packed_row *row) {
    size_t begin = row->buffer->length;
    buffer_append_u32(row->buffer, 0);
    return begin;
}

void packed_row_end_text(struct packed_row *row, size_t begin) {
    size_t length = row->buffer->length - begin - 4;
    check(length <= UINT32_MAX);
    store_u32(row->buffer->bytes + begin, (uint32_t)length);
    mark_present(row);
    row->column++;
}

/* For texts that exist already; longer ones are made in place between begin and end. */
static void add_text(struct packed_row *row, struct text text) {
    size_t begin = packed_row_begin_text(row);
    buffer_append(row->buffer, text.data, text.length);
    packed_row_end_text(row, begin);
}

/* The column's type decides how many bytes follow; the reader knows it and finds no tag. */
void packed_row_add(struct packed_row *row, struct value value) {
    uint64_t bits = 0;
    switch (value.type) {
    case VALUE_ABSENT:
        row->column++;
        return;
    case VALUE_TEXT:
        add_text(row, value.text);
        return;
    case VALUE_BOOL:
        buffer_append_u8(row->buffer, value.boolean);
        mark_present(row);
        row->column++;
        return;
    case VALUE_DOUBLE:
        memcpy(&bits, &value.number, sizeof bits);
        break;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        bits = (uint64_t)value.integer;
        break;
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
        check(!"no column has values of this type");
    }
    buffer_append_u64(row->buffer, bits);
    mark_present(row);
    row->column++;
}

/* ---- batches ---- */

/* Texts have one offset more than rows: where the last one ends. */
static size_t values_size(enum value_type type, size_t rows) {
    if (type == VALUE_BOOL)
        return bits_size(rows);
    return type == VALUE_TEXT ? (rows + 1) * 4 : rows * 8;
}

/* Room for a full batch from the start: a batch is filled and emptied many times. */
void column_batch_init(struct column_batch *batch, const enum value_type *types, size_t count) {
    *batch = (struct column_batch){.column_count = count};
    batch->columns = check_calloc(count, sizeof *batch->columns);
    for (size_t i = 0; i < count; i++) {
        struct column_of_batch *column = &batch->columns[i];
        column->type = types[i];
        column->presence = check_calloc(padded(bits_size(COLUMN_BATCH_ROWS)), 1);
        column->values = check_calloc(padded(values_size(types[i], COLUMN_BATCH_ROWS)), 1);
    }
}

void column_batch_deinit(struct column_batch *batch) {
    for (size_t i = 0; i < batch->column_count; i++) {
        free(batch->columns[i].presence);
        free(batch->columns[i].values);
        buffer_deinit(&batch->columns[i].texts);
    }
    free(batch->columns);
}

/* Only the rows that were used are zeroed. */
void column_batch_clear(struct column_batch *batch) {
    for (size_t i = 0; i < batch->column_count; i++) {
        struct column_of_batch *column = &batch->columns[i];
        memset(column->presence, 0, bits_size(batch->rows));
        memset(column->values, 0, values_size(column->type, batch->rows));
        buffer_clear(&column->texts);
    }
    batch->rows = 0;
    batch->text_bytes = 0;
    batch->is_full = false;
}

/* The bit must be zero before. */
static void set_bit(uint8_t *bits, size_t at, bool value) {
    bits[at / 8] |= (uint8_t)(value << at % 8);
}

/* Takes the column's value off the cursor. An absent number stays zero, which Arrow does not look
 * at. */
static void add_value(struct column_batch *batch, struct column_of_batch *column,
                      struct cursor *cursor) {
    uint32_t row = batch->rows;
    switch (column->type) {
    case VALUE_BOOL:
        set_bit(column->values, row, cursor_u8(cursor));
        return;
    case VALUE_TEXT: {
        struct text length = cursor_text(cursor, 4);
        struct text text = cursor_text(cursor, load_u32((const uint8_t *)length.data));
        buffer_append(&column->texts, text.data, text.length);
        batch->text_bytes += text.length;
        return;
    }
    default:
        store_u64(column->values + (size_t)row * 8, cursor_u64(cursor));
    }
}

/* A row that does not end where its columns end was packed for other columns: a defect of ours. */
void column_batch_add(struct column_batch *batch, struct text row) {
    check(!batch->is_full);
    struct cursor cursor = cursor_of(row.data, row.length);
    struct text presence = cursor_text(&cursor, bits_size(batch->column_count));
    for (size_t i = 0; i < batch->column_count; i++) {
        struct column_of_batch *column = &batch->columns[i];
        bool is_there = (uint8_t)presence.data[i / 8] >> i % 8 & 1;
        set_bit(column->presence, batch->rows, is_there);
        if (is_there)
            add_value(batch, column, &cursor);
        if (column->type == VALUE_TEXT)
            store_u32(column->values + ((size_t)batch->rows + 1) * 4,
                      (uint32_t)column->texts.length);
    }
    check(!cursor.failed && cursor.at == cursor.end);
    batch->rows++;
    batch->is_full = batch->rows == COLUMN_BATCH_ROWS || batch->text_bytes >= COLUMN_BATCH_TEXTS;
}

/* The texts are padded with bytes behind their end, without changing their length. */
size_t column_batch_parts(struct column_batch *batch, size_t column,
                          struct column_part ret_parts[COLUMN_PARTS_MAX]) {
    struct column_of_batch *it = &batch->columns[column];
    ret_parts[0] = (struct column_part){it->presence, padded(bits_size(batch->rows))};
    ret_parts[1] = (struct column_part){it->values, padded(values_size(it->type, batch->rows))};
    if (it->type != VALUE_TEXT)
        return 2;
    size_t length = it->texts.length;
    memset(buffer_reserve(&it->texts, PAD), 0, PAD);
    ret_parts[2] = (struct column_part){it->texts.bytes, padded(length)};
    return 3;
}
