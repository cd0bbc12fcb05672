#include "task_rows.h"

#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static void add_row(struct task_rows *rows, struct arrow_row row) {
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 256;
        rows->rows = check_reallocarray(rows->rows, rows->capacity, sizeof *rows->rows);
    }
    char *copy = check_malloc(row.block.length + 1);
    memcpy(copy, row.block.data, row.block.length);
    row.block.data = copy;
    rows->rows[rows->count++] = row;
}

void task_rows_free(struct task_rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        free((char *)(uintptr_t)rows->rows[i].block.data);
    free(rows->rows);
    *rows = (struct task_rows){0};
}

void task_rows_take(struct arrow_blocks *blocks, struct task_rows *rows) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct arrow_rows read;
    struct error error;
    arrow_blocks_export(blocks, &schema, &array);
    assert_int_equal(arrow_rows_of(&schema, &array, &read, &error), 0);
    for (size_t i = 0; i < read.count; i++)
        add_row(rows, arrow_rows_at(&read, i));
    schema.release(&schema);
    array.release(&array);
    assert_null(schema.release);
    assert_null(array.release);
}

static int compare_rows(const void *left, const void *right) {
    const struct arrow_row *a = left, *b = right;
    if (a->share != b->share)
        return a->share < b->share ? -1 : 1;
    if (a->stream != b->stream)
        return a->stream < b->stream ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

void task_rows_sort(struct task_rows *rows) {
    if (rows->count)
        qsort(rows->rows, rows->count, sizeof *rows->rows, compare_rows);
}
