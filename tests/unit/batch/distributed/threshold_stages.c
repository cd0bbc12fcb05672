#include "threshold_stages.h"

#include "batch/distributed/threshold_counts.h"
#include "batch/distributed/threshold_groups.h"
#include "batch/distributed/threshold_records.h"
#include "batch/distributed/threshold_rows.h"
#include "batch/tasks/feature_entries.h"
#include "batch/tasks/feature_values.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

struct stage {
    struct tasks_engine *engine;
    struct text description;
};

static struct threshold_task *open_task(const struct stage *stage) {
    struct threshold_task *task;
    struct error error;
    if (threshold_task_open(stage->description, stage->engine->scratch, stage->engine->memory_bytes,
                            &task, &error) < 0)
        fail_msg("%s", error.text);
    return task;
}

static void drain(struct block_queue *queue, struct task_rows *rows) {
    struct arrow_blocks *blocks;
    while ((blocks = block_queue_take(queue))) {
        task_rows_take(blocks, rows);
        arrow_blocks_free(blocks);
    }
}

static void lend(const struct stage *stage, const struct task_rows *rows, size_t *first, size_t end,
                 struct lent *ret_lent) {
    task_rows_lend(rows, first, end, 50, &stage->engine->random, ret_lent);
}

/* ---- values ---- */

static int read_records(const struct stage *stage, struct error *ret_error) {
    struct threshold_task *task = open_task(stage);
    struct block_queue queue = {0};
    int r = 0;
    for (size_t part = task->features->part_count; part-- > 0 && r == 0;) {
        struct threshold_records *records;
        r = threshold_records_open(task, stage->engine->archive, part, &queue, &records, ret_error);
        if (r < 0)
            break;
        while ((r = threshold_records_next(records, ret_error)) > 0)
            drain(&queue, &stage->engine->values);
        drain(&queue, &stage->engine->values);
        if (r == 0) { /* the end stays the end */
            assert_int_equal(threshold_records_next(records, ret_error), 0);
            assert_int_equal(block_queue_batches(&queue), 0);
        }
        threshold_records_close(records);
    }
    block_queue_deinit(&queue);
    threshold_task_close(task);
    return r;
}

/* ---- rows of an export of features ---- */

static void take_parts(const struct stage *stage, bool only_outcomes, struct task_rows *rows) {
    struct threshold_task *task = open_task(stage);
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct error error;
    for (size_t part = task->features->part_count; part-- > 0;) {
        int r = only_outcomes
                    ? feature_outcomes(task->features, stage->engine->archive, part, blocks, &error)
                    : feature_entries(task->features, stage->engine->archive, part, blocks, &error);
        assert_int_equal(r, 0);
        task_rows_take(blocks, rows);
    }
    task_rows_sort(rows);
    arrow_blocks_free(blocks);
    threshold_task_close(task);
}

static void read_values(const struct stage *stage, const struct task_rows *items,
                        struct task_rows *values) {
    struct error error;
    for (size_t first = 0; first < items->count;) {
        size_t end = task_rows_end_of_share(items, first);
        struct threshold_task *task = open_task(stage);
        struct feature_values *reading = feature_values_new(task->features);
        struct arrow_blocks *made = arrow_blocks_new();
        while (first < end) {
            struct lent lent;
            lend(stage, items, &first, end, &lent);
            assert_int_equal(feature_values_take(reading, &lent.rows, made, &error), 0);
            task_rows_give_back(&lent);
        }
        feature_values_end(reading, made);
        task_rows_take(made, values);
        arrow_blocks_free(made);
        feature_values_free(reading);
        threshold_task_close(task);
    }
    task_rows_sort(values);
}

static int take_rows(const struct stage *stage, enum threshold_rows_kind kind, struct text rare,
                     const struct task_rows *values, struct task_rows *out,
                     struct error *ret_error) {
    int r = 0;
    for (size_t first = 0; first < values->count && r == 0;) {
        size_t end = task_rows_end_of_share(values, first);
        struct threshold_task *task = open_task(stage);
        struct block_queue queue = {0};
        struct threshold_rows *rows =
            threshold_rows_new(task, kind, rare, stage->engine->archive, &queue);
        while (first < end && r == 0) {
            struct lent lent;
            lend(stage, values, &first, end, &lent);
            r = threshold_rows_take(rows, &lent.rows, ret_error);
            task_rows_give_back(&lent);
        }
        if (r == 0)
            r = threshold_rows_end(rows, ret_error);
        drain(&queue, out);
        threshold_rows_free(rows);
        block_queue_deinit(&queue);
        threshold_task_close(task);
    }
    return r;
}

static int run_rows(const struct stage *stage, enum threshold_rows_kind kind, struct task_rows *out,
                    struct error *ret_error) {
    struct threshold_task *task = open_task(stage);
    struct task_rows items = {0}, values = {0};
    struct buffer rare;
    buffer_init(&rare);
    task_rows_rare(task->features, stage->engine->archive, &rare);
    if (kind == THRESHOLD_ROWS_RECORDED) {
        take_parts(stage, true, &values);
    } else {
        take_parts(stage, false, &items);
        read_values(stage, &items, &values);
    }
    int r = take_rows(stage, kind, buffer_text(&rare), &values, out, ret_error);
    task_rows_free(&items);
    task_rows_free(&values);
    buffer_deinit(&rare);
    threshold_task_close(task);
    return r;
}

/* ---- out of the values ---- */

/* To their shares, and there in any order. */
static void shuffle(const struct stage *stage, struct task_rows *values) {
    task_rows_sort(values);
    for (size_t first = 0; first < values->count;) {
        size_t end = task_rows_end_of_share(values, first);
        for (; first < end; first++) {
            size_t other = first + (size_t)(split_mix(&stage->engine->random) % (end - first));
            struct arrow_row swap = values->rows[first];
            values->rows[first] = values->rows[other];
            values->rows[other] = swap;
        }
    }
}

static int find_groups(const struct stage *stage, struct task_rows *out, struct error *ret_error) {
    const struct task_rows *values = &stage->engine->values;
    size_t first = 0;
    int r = 0;
    shuffle(stage, &stage->engine->values);
    while (first < values->count && values->rows[first].share < 0)
        first++;
    while (first < values->count && r == 0) {
        size_t end = task_rows_end_of_share(values, first);
        struct threshold_task *task = open_task(stage);
        struct block_queue queue = {0};
        struct threshold_groups *groups = threshold_groups_new(task, &queue);
        while (first < end && r == 0) {
            struct lent lent;
            lend(stage, values, &first, end, &lent);
            r = threshold_groups_take(groups, &lent.rows, ret_error);
            task_rows_give_back(&lent);
        }
        if (r == 0)
            r = threshold_groups_end(groups, ret_error);
        drain(&queue, out);
        threshold_groups_free(groups);
        block_queue_deinit(&queue);
        threshold_task_close(task);
    }
    return r;
}

/* Each task has some of the rows, whatever their shares. */
static int count(const struct stage *stage, struct task_rows *out, struct error *ret_error) {
    const struct task_rows *values = &stage->engine->values;
    int r = 0;
    for (size_t first = 0; first < values->count && r == 0;) {
        struct threshold_task *task = open_task(stage);
        struct block_queue queue = {0};
        struct threshold_counts *counts = threshold_counts_new(task, &queue);
        struct lent lent;
        lend(stage, values, &first, values->count, &lent);
        r = threshold_counts_take(counts, &lent.rows, ret_error);
        task_rows_give_back(&lent);
        threshold_counts_end(counts);
        drain(&queue, out);
        threshold_counts_free(counts);
        block_queue_deinit(&queue);
        threshold_task_close(task);
    }
    return r;
}

static int run_tasks(const struct stage *stage, enum distributed_stage which, struct task_rows *out,
                     struct error *ret_error) {
    switch (which) {
    case DISTRIBUTED_RECORD_VALUES:
        return read_records(stage, ret_error);
    case DISTRIBUTED_FEATURE_VALUES:
        return run_rows(stage, THRESHOLD_ROWS_VALUES, &stage->engine->values, ret_error);
    case DISTRIBUTED_GROUPS:
        return find_groups(stage, out, ret_error);
    case DISTRIBUTED_COUNTS:
        return count(stage, out, ret_error);
    case DISTRIBUTED_RECORDED_SCORES:
        return run_rows(stage, THRESHOLD_ROWS_RECORDED, out, ret_error);
    case DISTRIBUTED_DERIVED_SCORES:
        return run_rows(stage, THRESHOLD_ROWS_DERIVED, out, ret_error);
    case DISTRIBUTED_FOLD:
        break;
    }
    fail_msg("a stage that is none");
    return -1;
}

int threshold_stages_run(struct tasks_engine *engine, struct distributed_rebuild *rebuild,
                         enum distributed_stage which, struct text description,
                         struct error *ret_error) {
    const struct stage stage = {.engine = engine, .description = description};
    struct task_rows out = {0};
    engine->stages |= 1u << which;
    int r = run_tasks(&stage, which, &out, ret_error);
    bool makes_values = which == DISTRIBUTED_RECORD_VALUES || which == DISTRIBUTED_FEATURE_VALUES;
    if (engine->spoil && which == engine->spoilt)
        engine->spoil(makes_values ? &engine->values : &out);
    if (r == 0)
        r = tasks_engine_hand_over(rebuild, &out, ret_error);
    task_rows_free(&out);
    return r;
}
