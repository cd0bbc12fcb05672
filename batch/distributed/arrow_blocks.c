#include "arrow_blocks.h"

#include "core/base/buffer.h"
#include "core/base/check.h"

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

static void release_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct ArrowSchema *child = schema->children[i];
        if (child->release) /* else the consumer has moved it elsewhere */
            child->release(child);
        free(child);
    }
    free(schema->children);
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++) {
        struct ArrowArray *child = array->children[i];
        if (child->release)
            child->release(child);
        free(child);
    }
    for (int64_t i = 0; i < array->n_buffers; i++)
        free((void *)(uintptr_t)array->buffers[i]);
    free(array->children);
    free(array->buffers);
    array->release = NULL;
}

static void export_schema(struct ArrowSchema *schema) {
    *schema = (struct ArrowSchema){
        .format = "+s", .name = "", .n_children = COLUMN_COUNT, .release = release_schema};
    schema->children = check_calloc(COLUMN_COUNT, sizeof *schema->children);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        schema->children[i] = check_calloc(1, sizeof *schema->children[i]);
        *schema->children[i] = (struct ArrowSchema){
            .format = columns[i].format, .name = columns[i].name, .release = release_schema};
    }
}

/* Takes the memory out of the buffer. Arrow wants an address even where there are no bytes. */
static void *take_memory(struct buffer *buffer) {
    void *bytes = buffer->bytes ? buffer->bytes : check_malloc(1);
    buffer_init(buffer);
    return bytes;
}

static struct ArrowArray *export_column(struct buffer *values, struct buffer *bytes, size_t count) {
    struct ArrowArray *array = check_calloc(1, sizeof *array);
    *array = (struct ArrowArray){
        .length = (int64_t)count, .n_buffers = bytes ? 3 : 2, .release = release_array};
    array->buffers = check_calloc((size_t)array->n_buffers, sizeof *array->buffers);
    array->buffers[1] = take_memory(values);
    if (bytes)
        array->buffers[2] = take_memory(bytes);
    return array;
}

void arrow_blocks_export(struct arrow_blocks *blocks, struct ArrowSchema *ret_schema,
                         struct ArrowArray *ret_array) {
    size_t count = blocks->count;
    if (count == 0)
        buffer_append_u32(&blocks->offsets, 0);
    export_schema(ret_schema);
    *ret_array = (struct ArrowArray){.length = (int64_t)count,
                                     .n_buffers = 1,
                                     .n_children = COLUMN_COUNT,
                                     .release = release_array};
    ret_array->buffers = check_calloc(1, sizeof *ret_array->buffers);
    ret_array->children = check_calloc(COLUMN_COUNT, sizeof *ret_array->children);
    ret_array->children[COLUMN_SHARE] = export_column(&blocks->shares, NULL, count);
    ret_array->children[COLUMN_STREAM] = export_column(&blocks->streams, NULL, count);
    ret_array->children[COLUMN_SEQUENCE] = export_column(&blocks->sequences, NULL, count);
    ret_array->children[COLUMN_BLOCK] = export_column(&blocks->offsets, &blocks->bytes, count);
    begin(blocks);
}

/* ---------------------------------------------------------------------------------------------
 * In */

static int check_column(const struct ArrowSchema *schema, const struct ArrowArray *array,
                        size_t column, const char *format, struct error *ret_error) {
    if (!schema->format || strcmp(schema->format, format) != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "column %s: its Arrow format is \"%s\", but \"%s\" is expected",
                         columns[column].name, schema->format ? schema->format : "", format);
    if (array->null_count > 0)
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
