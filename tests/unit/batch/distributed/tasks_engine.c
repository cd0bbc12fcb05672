#include "tasks_engine.h"

#include "batch/distributed/fold_task.h"
#include "batch/distributed/scan_task.h"
#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"
#include "threshold_stages.h"

#include <stdlib.h>
#include <string.h>

static uint64_t below(struct tasks_engine *engine, uint64_t limit) {
    return split_mix(&engine->random) % limit;
}

static int scan(struct tasks_engine *engine, struct text description, size_t part,
                struct task_rows *rows, struct error *ret_error) {
    struct rebuild_task *task;
    struct scan_task *scanned;
    struct arrow_blocks *blocks = arrow_blocks_new();
    int r = rebuild_task_open(description, engine->scratch, engine->memory_bytes, &task, ret_error);
    assert_int_equal(r, 0);
    r = scan_task_open(task, engine->archive, part, &scanned, ret_error);
    if (r == 0) {
        while ((r = scan_task_next(scanned, blocks, ret_error)) > 0)
            task_rows_take(blocks, rows);
        scan_task_close(scanned);
    }
    rebuild_task_close(task);
    arrow_blocks_free(blocks);
    return r;
}

/* A task whose machine dies has no effect but that it runs again, with the same rows. */
static int scan_maybe_twice(struct tasks_engine *engine, struct text description, size_t part,
                            struct task_rows *rows, struct error *ret_error) {
    struct task_rows first = {0};
    int r = below(engine, 4) == 0 ? scan(engine, description, part, &first, ret_error) : 0;
    size_t before = rows->count;
    if (r == 0)
        r = scan(engine, description, part, rows, ret_error);
    for (size_t i = 0; i < first.count && r == 0; i++) {
        const struct arrow_row *a = &first.rows[i], *b = &rows->rows[before + i];
        assert_int_equal(a->stream, b->stream);
        assert_true(a->sequence == b->sequence && text_equal(a->block, b->block));
    }
    task_rows_free(&first);
    return r;
}

static int scan_all(struct tasks_engine *engine, struct text description, struct task_rows *rows,
                    struct error *ret_error) {
    struct rebuild_task *task;
    assert_int_equal(rebuild_task_open(description, engine->scratch, 1 << 20, &task, ret_error), 0);
    size_t count = task->part_count;
    assert_int_equal(task->shares, engine->shares);
    rebuild_task_close(task);
    size_t *order = check_calloc(count + 1, sizeof *order);
    for (size_t i = 0; i < count; i++) { /* each of the orders, by inserting at random */
        size_t at = (size_t)below(engine, i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = scan_maybe_twice(engine, description, order[i], rows, ret_error);
    free(order);
    return r;
}

/* Batches of a few rows, so that streams and summaries go on from one to the next. */
static int fold_share(struct tasks_engine *engine, struct text description,
                      const struct arrow_row *rows, size_t count, struct task_rows *out,
                      struct error *ret_error) {
    struct rebuild_task *task;
    struct arrow_blocks *blocks = arrow_blocks_new(), *made;
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct arrow_rows read;
    int r = rebuild_task_open(description, engine->scratch, engine->memory_bytes, &task, ret_error);
    assert_int_equal(r, 0);
    struct fold_task *fold = fold_task_new(task);
    for (size_t i = 0; i < count && r == 0;) {
        for (size_t n = 1 + (size_t)below(engine, 40); n > 0 && i < count; n--)
            arrow_blocks_add(blocks, &rows[i++]);
        arrow_blocks_export(blocks, &schema, &array);
        assert_int_equal(arrow_rows_of(&schema, &array, &read, ret_error), 0);
        r = fold_task_take(fold, &read, ret_error);
        schema.release(&schema);
        array.release(&array);
    }
    if (r == 0)
        r = fold_task_end(fold, ret_error);
    while (r == 0 && (made = fold_task_out(fold))) {
        task_rows_take(made, out);
        arrow_blocks_free(made);
    }
    fold_task_free(fold);
    rebuild_task_close(task);
    arrow_blocks_free(blocks);
    return r;
}

int tasks_engine_hand_over(struct distributed_rebuild *rebuild, const struct task_rows *out,
                           struct error *ret_error) {
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct arrow_rows read;
    for (size_t i = 0; i < out->count; i++)
        arrow_blocks_add(blocks, &out->rows[i]);
    arrow_blocks_export(blocks, &schema, &array);
    assert_int_equal(arrow_rows_of(&schema, &array, &read, ret_error), 0);
    int r = distributed_rebuild_take(rebuild, &read, ret_error);
    schema.release(&schema);
    array.release(&array);
    arrow_blocks_free(blocks);
    return r;
}

int tasks_engine_run(void *user, struct distributed_rebuild *rebuild, enum distributed_stage stage,
                     struct text description, struct error *ret_error) {
    struct tasks_engine *engine = user;
    if (stage != DISTRIBUTED_FOLD)
        return threshold_stages_run(engine, rebuild, stage, description, ret_error);
    struct task_rows rows = {0}, out = {0};
    engine->runs++;
    int r = scan_all(engine, description, &rows, ret_error);
    task_rows_sort(&rows);
    engine->rows += rows.count;
    for (size_t i = 0, end; i < rows.count && r == 0; i = end) {
        for (end = i; end < rows.count && rows.rows[end].share == rows.rows[i].share;)
            end++;
        r = fold_share(engine, description, rows.rows + i, end - i, &out, ret_error);
    }
    if (r == 0)
        r = tasks_engine_hand_over(rebuild, &out, ret_error);
    task_rows_free(&rows);
    task_rows_free(&out);
    return r;
}

void tasks_engine_deinit(struct tasks_engine *engine) {
    task_rows_free(&engine->values);
}
