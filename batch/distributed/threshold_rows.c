/* A row of scores: u8 whether recorded scores will not do; of each budget, the number of scores,
 * then of each score how many there were, of frauds and of legitimate ones (varints). */
#include "threshold_rows.h"

#include "batch/thresholds/threshold_collector.h"
#include "core/base/check.h"

#include <stdlib.h>

struct threshold_rows {
    const struct threshold_task *task;
    enum threshold_rows_kind kind;
    struct feature_listener listener;
    struct feature_rows *rows;
    struct block_queue *queue;
    bool has_share;
    int32_t share;
    /* Values: made with the first row, whose share they are numbered by. */
    struct threshold_collector collector;
    struct value_blocks *blocks;
    /* Scores. */
    struct score_counts *counts;
    uint64_t generation_id; /* of the last row */
    bool is_known_generation, is_same, is_other;
};

/* ---- rows ---- */

/* Its blocks take whatever comes. */
static void take_values(struct threshold_rows *rows, const struct record *record) {
    struct error error;
    int r =
        threshold_collector_frame(&rows->collector, record->transaction.transaction.event_time_us,
                                  feature_rows_frame(rows->rows), &error);
    check(r == 0);
}

static void note_origin(struct threshold_rows *rows, const struct decision *decision) {
    const struct threshold_task *task = rows->task;
    if (!rows->is_known_generation || rows->generation_id != decision->generation_id) {
        rows->is_known_generation = true;
        rows->generation_id = decision->generation_id;
        rows->is_same = threshold_same_scored(
            task->job.snapshot, feature_rows_thresholds(rows->rows), task->thresholds);
    }
    if (decision->snapshot_id != task->job.snapshot->id || !rows->is_same)
        rows->is_other = true;
}

static void take_score(struct threshold_rows *rows, const struct record *record,
                       const struct decision *decision, enum label label) {
    const struct threshold_task *task = rows->task;
    int64_t event_time_us = record->transaction.transaction.event_time_us;
    if (event_time_us <= task->job.newest_us - task->longest_us)
        return;
    if (rows->kind == THRESHOLD_ROWS_RECORDED)
        note_origin(rows, decision);
    if (!record->transaction.is_backfilled)
        threshold_count_score(&task->job, event_time_us, decision->score, label, rows->counts);
}

static void take_row(void *user, const struct record *record, const struct decision *decision,
                     enum label outcome) {
    struct threshold_rows *rows = user;
    if (rows->kind == THRESHOLD_ROWS_VALUES)
        take_values(rows, record);
    else
        take_score(rows, record, decision, outcome);
}

/* ---- the task ---- */

struct threshold_rows *threshold_rows_new(const struct threshold_task *task,
                                          enum threshold_rows_kind kind, struct text rare,
                                          const char *folder, struct block_queue *queue) {
    struct threshold_rows *rows = check_calloc(1, sizeof *rows);
    rows->task = task;
    rows->kind = kind;
    rows->queue = queue;
    rows->listener = (struct feature_listener){.row = take_row, .user = rows};
    rows->rows = feature_rows_new(task->features, rare, folder, &rows->listener);
    rows->counts = check_calloc(task->job.snapshot->budget_count + 1, sizeof *rows->counts);
    check(kind == THRESHOLD_ROWS_VALUES || task->thresholds);
    if (kind == THRESHOLD_ROWS_DERIVED)
        feature_rows_use_thresholds(rows->rows, task->thresholds);
    if (kind == THRESHOLD_ROWS_RECORDED)
        feature_rows_use_recorded(rows->rows);
    return rows;
}

void threshold_rows_free(struct threshold_rows *rows) {
    if (!rows)
        return;
    if (rows->blocks) {
        threshold_collector_deinit(&rows->collector);
        value_blocks_free(rows->blocks);
    }
    feature_rows_free(rows->rows);
    free(rows->counts);
    free(rows);
}

static void begin(struct threshold_rows *rows, int32_t share) {
    rows->has_share = true;
    rows->share = share;
    if (rows->kind != THRESHOLD_ROWS_VALUES)
        return;
    rows->blocks = value_blocks_new(rows->task, (uint64_t)(uint32_t)share << 32, rows->queue);
    threshold_collector_init(&rows->collector, &rows->task->job, false, value_blocks_put,
                             rows->blocks);
}

int threshold_rows_take(struct threshold_rows *rows, const struct arrow_rows *batch,
                        struct error *ret_error) {
    if (batch->count > 0 && !rows->has_share)
        begin(rows, arrow_rows_at(batch, 0).share);
    return feature_rows_take(rows->rows, batch, ret_error);
}

static void put_counts(const struct threshold_rows *rows) {
    struct buffer block;
    buffer_init(&block);
    buffer_append_u8(&block, rows->is_other);
    for (size_t i = 0; i < rows->task->job.snapshot->budget_count; i++) {
        const struct score_counts *counts = &rows->counts[i];
        buffer_append_varint(&block, counts->all);
        for (size_t score = 0; score < THRESHOLD_SCORES; score++) {
            buffer_append_varint(&block, counts->by_score[score]);
            buffer_append_varint(&block, counts->fraud[score]);
            buffer_append_varint(&block, counts->legit[score]);
        }
    }
    const struct arrow_row row = {.share = rows->share, .block = buffer_text(&block)};
    block_queue_add(rows->queue, &row);
    buffer_deinit(&block);
}

int threshold_rows_end(struct threshold_rows *rows, struct error *ret_error) {
    int r = feature_rows_end(rows->rows, ret_error);
    if (r < 0 || !rows->has_share)
        return r;
    if (rows->kind != THRESHOLD_ROWS_VALUES) {
        put_counts(rows);
        return 0;
    }
    r = threshold_collector_flush(&rows->collector, ret_error);
    value_blocks_end(rows->blocks, false);
    return r;
}

int threshold_scores_add(const struct threshold_job *job, struct text block,
                         struct score_counts *counts, struct error *ret_error) {
    struct cursor cursor = cursor_of(block.data, block.length);
    bool is_other = cursor_u8(&cursor);
    for (size_t i = 0; i < job->snapshot->budget_count; i++) {
        counts[i].all += cursor_varint(&cursor);
        for (size_t score = 0; score < THRESHOLD_SCORES; score++) {
            counts[i].by_score[score] += cursor_varint(&cursor);
            counts[i].fraud[score] += cursor_varint(&cursor);
            counts[i].legit[score] += cursor_varint(&cursor);
        }
    }
    if (cursor.failed || cursor_left(&cursor) > 0)
        return error_set(ret_error, ERROR_INVALID, "a row of scores is damaged");
    return is_other;
}
