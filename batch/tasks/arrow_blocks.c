#include "arrow_blocks.h"

#include "arrow_export.h"
#include "core/base/buffer.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_SHARE, COLUMN_STREAM, COLUMN_SEQUENCE, COLUMN_BLOCK, COLUMN_COUNT };

static const struct {
    const char *name, *format;
} columns[COLUMN_COUNT] = {
    [COLUMN_SHARE] = {"share", "i"},
    [COLUMN_STREAM] = {"stream", "i"},
    [COLUMN_SEQUENCE] = {"sequence", "l"},
    [COLUMN_BLOCK] = {"block", "z"},
};

/* The memory of a column is that of its buffer, so that exporting moves it. */
struct arrow_blocks {
    struct buffer shares, streams, sequences, offsets, bytes;
    size_t count;
};

static void begin(struct arrow_blocks *blocks) {
    buffer_init(&blocks->shares);
    buffer_init(&blocks->streams);
    buffer_init(&blocks->sequences);
    buffer_init(&blocks->offsets);
    buffer_init(&blocks->bytes);
    blocks->count = 0;
}

struct arrow_blocks *arrow_blocks_new(void) {
    struct arrow_blocks *blocks = check_calloc(1, sizeof *blocks);
    begin(blocks);
    return blocks;
}

void arrow_blocks_free(struct arrow_blocks *blocks) {
    if (!blocks)
        return;
    buffer_deinit(&blocks->shares);
    buffer_deinit(&blocks->streams);
    buffer_deinit(&blocks->sequences);
    buffer_deinit(&blocks->offsets);
    buffer_deinit(&blocks->bytes);
    free(blocks);
}

size_t arrow_blocks_bytes(const struct arrow_blocks *blocks) {
    return blocks->bytes.length;
}

size_t arrow_blocks_count(const struct arrow_blocks *blocks) {
    return blocks->count;
}

void arrow_blocks_add(struct arrow_blocks *blocks, const struct arrow_row *row) {
    check(blocks->bytes.length + row->block.length <= INT32_MAX);
    if (blocks->count == 0)
        buffer_append_u32(&blocks->offsets, 0);
    buffer_append_u32(&blocks->shares, (uint32_t)row->share);
    buffer_append_u32(&blocks->streams, (uint32_t)row->stream);
    buffer_append_u64(&blocks->sequences, (uint64_t)row->sequence);
    buffer_append(&blocks->bytes, row->block.data, row->block.length);
    buffer_append_u32(&blocks->offsets, (uint32_t)blocks->bytes.length);
    blocks->count++;
}

/* ---------------------------------------------------------------------------------------------
 * Out */

/* Takes the memory out of the buffer. Arrow wants an address even where there are no bytes. */
static void *take_memory(struct buffer *buffer) {
    void *bytes = buffer->bytes ? buffer->bytes : check_malloc(1);
    buffer_init(buffer);
    return bytes;
}

void arrow_blocks_export(struct arrow_blocks *blocks, struct ArrowSchema *ret_schema,
                         struct ArrowArray *ret_array) {
    if (blocks->count == 0)
        buffer_append_u32(&blocks->offsets, 0);
    arrow_export_begin(COLUMN_COUNT, blocks->count, ret_schema, ret_array);
    struct buffer *values[COLUMN_COUNT] = {&blocks->shares, &blocks->streams, &blocks->sequences,
                                           &blocks->offsets};
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct arrow_column column = {.name = columns[i].name,
                                            .format = columns[i].format,
                                            .values = take_memory(values[i]),
                                            .bytes = i == COLUMN_BLOCK ? take_memory(&blocks->bytes)
                                                                       : NULL};
        arrow_export_column(i, &column, ret_schema, ret_array);
    }
    begin(blocks);
}

/* ---------------------------------------------------------------------------------------------
 * In */

/* The count may be left open (-1). */
static bool has_nulls(const struct ArrowArray *array) {
    const uint8_t *presence = array->buffers[0];
    if (array->null_count >= 0 || !presence)
        return array->null_count > 0;
    for (int64_t i = array->offset; i < array->offset + array->length; i++)
        if (!(presence[i / 8] >> i % 8 & 1))
            return true;
    return false;
}

static int check_column(const struct ArrowSchema *schema, const struct ArrowArray *array,
                        size_t column, const char *format, struct error *ret_error) {
    if (!schema->format || strcmp(schema->format, format) != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "column %s: its Arrow format is \"%s\", but \"%s\" is expected",
                         columns[column].name, schema->format ? schema->format : "", format);
    if (has_nulls(array))
        return error_set(ret_error, ERROR_INVALID, "column %s: it has nulls", columns[column].name);
    return 0;
}

/* The values of a column, from the first row of the batch on: both the batch and the column may
 * begin at an offset. */
static const void *values_of(const struct ArrowArray *batch, size_t column, size_t size) {
    const struct ArrowArray *array = batch->children[column];
    const char *values = array->buffers[1];
    return values ? values + (size_t)(batch->offset + array->offset) * size : NULL;
}

int arrow_rows_of(const struct ArrowSchema *schema, const struct ArrowArray *array,
                  struct arrow_rows *ret_rows, struct error *ret_error) {
    if (!schema->format || strcmp(schema->format, "+s") != 0 ||
        schema->n_children != COLUMN_COUNT || array->n_children != COLUMN_COUNT)
        return error_set(ret_error, ERROR_INVALID,
                         "a batch of the columns share, stream, sequence and block is expected");
    const struct ArrowSchema *block = schema->children[COLUMN_BLOCK];
    bool is_large = block->format && strcmp(block->format, "Z") == 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const char *format = i == COLUMN_BLOCK && is_large ? "Z" : columns[i].format;
        int r = check_column(schema->children[i], array->children[i], i, format, ret_error);
        if (r < 0)
            return r;
    }
    *ret_rows = (struct arrow_rows){
        .shares = values_of(array, COLUMN_SHARE, sizeof(int32_t)),
        .streams = values_of(array, COLUMN_STREAM, sizeof(int32_t)),
        .sequences = values_of(array, COLUMN_SEQUENCE, sizeof(int64_t)),
        .offsets = values_of(array, COLUMN_BLOCK, is_large ? sizeof(int64_t) : sizeof(int32_t)),
        .bytes = array->children[COLUMN_BLOCK]->buffers[2],
        .is_large = is_large,
        .count = (size_t)array->length,
    };
    return 0;
}

static uint64_t offset_at(const struct arrow_rows *rows, size_t index) {
    return rows->is_large ? (uint64_t)((const int64_t *)rows->offsets)[index]
                          : (uint64_t)((const int32_t *)rows->offsets)[index];
}

struct arrow_row arrow_rows_at(const struct arrow_rows *rows, size_t index) {
    check(index < rows->count);
    uint64_t begin = offset_at(rows, index), end = offset_at(rows, index + 1);
    check(end >= begin);
    return (struct arrow_row){
        .share = rows->shares[index],
        .stream = rows->streams[index],
        .sequence = rows->sequences[index],
        .block = {.data = rows->bytes + begin, .length = (size_t)(end - begin)},
    };
}

int arrow_order_next(struct arrow_order *order, const struct arrow_row *row,
                     struct error *ret_error) {
    bool is_new = !order->has_row || row->stream != order->stream;
    if (order->has_row &&
        (row->stream < order->stream || (!is_new && row->sequence <= order->sequence)))
        return error_set(ret_error, ERROR_INVALID,
                         "row %" PRId64 " of stream %" PRId32 " of share %" PRId32
                         " is out of order",
                         row->sequence, row->stream, row->share);
    *order =
        (struct arrow_order){.has_row = true, .stream = row->stream, .sequence = row->sequence};
    return is_new;
}
