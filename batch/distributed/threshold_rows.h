/* What listens to the rows of an export of features (batch/tasks/feature_rows.h): values of
 * thresholds that read features, or scores. Private to batch/. */
#pragma once

#include "batch/tasks/feature_rows.h"
#include "batch/thresholds/threshold_cutoff.h"
#include "value_blocks.h"

enum threshold_rows_kind {
    THRESHOLD_ROWS_VALUES,
    THRESHOLD_ROWS_RECORDED, /* scores as they were recorded */
    THRESHOLD_ROWS_DERIVED,  /* scores with the task's thresholds */
};

struct threshold_rows;

/* rare, folder: as feature_rows_new() has them. Scores need a task with thresholds. */
struct threshold_rows *threshold_rows_new(const struct threshold_task *task,
                                          enum threshold_rows_kind kind, struct text rare,
                                          const char *folder, struct block_queue *queue);
void threshold_rows_free(struct threshold_rows *rows); /* NULL is allowed */
/* As feature_rows_take(), of one share; values go to the queue as they come. */
int threshold_rows_take(struct threshold_rows *rows, const struct arrow_rows *batch,
                        struct error *ret_error);
/* After the last row. Scores: puts a row into the queue, for threshold_scores_add(). */
int threshold_rows_end(struct threshold_rows *rows, struct error *ret_error);

/* Adds such a row to the counts of each budget. 1: recorded scores will not do, as another policy
 * or other thresholds gave some. ERROR_INVALID */
int threshold_scores_add(const struct threshold_job *job, struct text block,
                         struct score_counts *counts, struct error *ret_error);
