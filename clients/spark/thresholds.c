/* The library's functions for thresholds: library.h. */
#include "batch/distributed/threshold_counts.h"
#include "batch/distributed/threshold_groups.h"
#include "batch/distributed/threshold_records.h"
#include "batch/distributed/threshold_rows.h"
#include "batch/tasks/feature_entries.h"
#include "core/base/check.h"
#include "library.h"
#include "library_error.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)HARRIER_SPARK_VALUE_ROWS == (int)THRESHOLD_ROWS_VALUES &&
                   (int)HARRIER_SPARK_RECORDED_ROWS == (int)THRESHOLD_ROWS_RECORDED &&
                   (int)HARRIER_SPARK_DERIVED_ROWS == (int)THRESHOLD_ROWS_DERIVED,
               "kinds of rows are those of batch/distributed");

struct harrier_spark_thresholds {
    struct threshold_task *task;
    struct block_queue queue;
    struct threshold_records *records;
    struct threshold_rows *rows;
    struct threshold_groups *groups;
    struct threshold_counts *counts;
    struct buffer rare;
};

int harrier_spark_thresholds_open(const uint8_t *description, size_t length, const char *scratch,
                                  uint64_t memory, struct harrier_spark_thresholds **ret_thresholds,
                                  char *error) {
    struct error e;
    struct threshold_task *task;
    const struct text text = {.data = (const char *)description, .length = length};
    int r = threshold_task_open(text, scratch, memory, &task, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    struct harrier_spark_thresholds *thresholds = check_calloc(1, sizeof *thresholds);
    thresholds->task = task;
    buffer_init(&thresholds->rare);
    *ret_thresholds = thresholds;
    return 0;
}

void harrier_spark_thresholds_close(struct harrier_spark_thresholds *thresholds) {
    if (!thresholds)
        return;
    threshold_records_close(thresholds->records);
    threshold_rows_free(thresholds->rows);
    threshold_groups_free(thresholds->groups);
    threshold_counts_free(thresholds->counts);
    block_queue_deinit(&thresholds->queue);
    threshold_task_close(thresholds->task);
    buffer_deinit(&thresholds->rare);
    free(thresholds);
}

static int next_batch(struct harrier_spark_thresholds *thresholds, struct ArrowSchema *ret_schema,
                      struct ArrowArray *ret_array) {
    struct arrow_blocks *blocks = block_queue_take(&thresholds->queue);
    if (!blocks)
        return 0;
    arrow_blocks_export(blocks, ret_schema, ret_array);
    arrow_blocks_free(blocks);
    return 1;
}

int harrier_spark_thresholds_next(struct harrier_spark_thresholds *thresholds,
                                  struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                  char *error) {
    struct error e;
    int r = thresholds->records && block_queue_batches(&thresholds->queue) <= 1
                ? threshold_records_next(thresholds->records, &e)
                : 0;
    return r < 0 ? library_fail(&e, r, error) : next_batch(thresholds, ret_schema, ret_array);
}

int harrier_spark_thresholds_records(struct harrier_spark_thresholds *thresholds,
                                     const char *folder, uint64_t part, char *error) {
    struct error e;
    threshold_records_close(thresholds->records);
    thresholds->records = NULL;
    int r = threshold_records_open(thresholds->task, folder, (size_t)part, &thresholds->queue,
                                   &thresholds->records, &e);
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_thresholds_outcomes(struct harrier_spark_thresholds *thresholds,
                                      const char *folder, uint64_t part,
                                      struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                      char *error) {
    struct error e;
    const struct feature_task *task = thresholds->task->features;
    if (part >= task->part_count) {
        snprintf(error, HARRIER_SPARK_ERROR, "part %llu: the archive has %zu",
                 (unsigned long long)part, task->part_count);
        return -1;
    }
    struct arrow_blocks *blocks = arrow_blocks_new();
    int r = feature_outcomes(task, folder, (size_t)part, blocks, &e);
    if (r == 0)
        arrow_blocks_export(blocks, ret_schema, ret_array);
    arrow_blocks_free(blocks);
    return r < 0 ? library_fail(&e, r, error) : 1;
}

int harrier_spark_thresholds_rows(struct harrier_spark_thresholds *thresholds, uint32_t kind,
                                  const char *folder, const uint8_t *rare, size_t rare_length,
                                  const struct ArrowSchema *schema, const struct ArrowArray *array,
                                  char *error) {
    struct error e;
    struct arrow_rows rows;
    int r;
    if (kind > HARRIER_SPARK_DERIVED_ROWS ||
        (kind != HARRIER_SPARK_VALUE_ROWS && !thresholds->task->thresholds)) {
        snprintf(error, HARRIER_SPARK_ERROR, "rows of kind %u do not belong here", kind);
        return -1;
    }
    if (!thresholds->rows) {
        buffer_append(&thresholds->rare, rare, rare_length);
        thresholds->rows =
            threshold_rows_new(thresholds->task, (enum threshold_rows_kind)kind,
                               buffer_text(&thresholds->rare), folder, &thresholds->queue);
    }
    if (schema) {
        r = arrow_rows_of(schema, array, &rows, &e);
        if (r == 0)
            r = threshold_rows_take(thresholds->rows, &rows, &e);
    } else {
        r = threshold_rows_end(thresholds->rows, &e);
    }
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_thresholds_groups(struct harrier_spark_thresholds *thresholds,
                                    const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, char *error) {
    struct error e;
    struct arrow_rows rows;
    int r;
    if (!thresholds->groups)
        thresholds->groups = threshold_groups_new(thresholds->task, &thresholds->queue);
    if (schema) {
        r = arrow_rows_of(schema, array, &rows, &e);
        if (r == 0)
            r = threshold_groups_take(thresholds->groups, &rows, &e);
    } else {
        r = threshold_groups_end(thresholds->groups, &e);
    }
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_thresholds_counts(struct harrier_spark_thresholds *thresholds,
                                    const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, char *error) {
    struct error e;
    struct arrow_rows rows;
    int r = 0;
    if (!thresholds->task->passes) {
        snprintf(error, HARRIER_SPARK_ERROR, "the description asks for no counts");
        return -1;
    }
    if (!thresholds->counts)
        thresholds->counts = threshold_counts_new(thresholds->task, &thresholds->queue);
    if (schema) {
        r = arrow_rows_of(schema, array, &rows, &e);
        if (r == 0)
            r = threshold_counts_take(thresholds->counts, &rows, &e);
    } else {
        threshold_counts_end(thresholds->counts);
    }
    return r < 0 ? library_fail(&e, r, error) : 0;
}
