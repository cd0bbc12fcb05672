#include "task_rows.h"

#include "batch/tasks/feature_entries.h"
#include "core/base/check.h"
#include "tests/split_mix.h"
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

size_t task_rows_end_of_share(const struct task_rows *rows, size_t first) {
    size_t end = first;
    while (end < rows->count && rows->rows[end].share == rows->rows[first].share)
        end++;
    return end;
}

void task_rows_lend(const struct task_rows *rows, size_t *first, size_t end, size_t most,
                    uint64_t *random, struct lent *ret_lent) {
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct error error;
    size_t until = *first + 1 + (size_t)(split_mix(random) % most);
    for (; *first < end && *first < until; ++*first)
        arrow_blocks_add(blocks, &rows->rows[*first]);
    arrow_blocks_export(blocks, &ret_lent->schema, &ret_lent->array);
    assert_int_equal(arrow_rows_of(&ret_lent->schema, &ret_lent->array, &ret_lent->rows, &error),
                     0);
    arrow_blocks_free(blocks);
}

void task_rows_give_back(struct lent *lent) {
    lent->schema.release(&lent->schema);
    lent->array.release(&lent->array);
}

void task_rows_rare(const struct feature_task *task, const char *archive, struct buffer *ret_rare) {
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct task_rows rows = {0};
    struct error error;
    for (size_t part = task->part_count; part-- > 0;)
        assert_int_equal(feature_rare(task, archive, part, blocks, &error), 0);
    task_rows_take(blocks, &rows);
    task_rows_sort(&rows);
    for (size_t i = 0; i < rows.count; i++)
        buffer_append(ret_rare, rows.rows[i].block.data, rows.rows[i].block.length);
    task_rows_free(&rows);
    arrow_blocks_free(blocks);
}
