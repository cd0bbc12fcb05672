#include "library.h"

#include "library_error.h"

#include "batch/distributed/distributed_rebuild.h"
#include "batch/distributed/fold_task.h"
#include "batch/distributed/scan_task.h"
#include "core/base/check.h"
#include "core/store/archive/archive_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(HARRIER_SPARK_ERROR >= sizeof((struct error *)0)->text, "errors fit");

const char *harrier_spark_version(void) {
    return HARRIER_VERSION;
}

/* ---------------------------------------------------------------------------------------------
 * Tasks */

struct harrier_spark_task {
    struct rebuild_task *task;
    struct scan_task *scan;
    struct fold_task *fold;
    struct arrow_blocks *blocks; /* of the scan */
};

int harrier_spark_task_open(const uint8_t *description, size_t length, const char *scratch,
                            uint64_t memory, struct harrier_spark_task **ret_task, char *error) {
    struct error e;
    struct rebuild_task *opened;
    const struct text text = {.data = (const char *)description, .length = length};
    int r = rebuild_task_open(text, scratch, memory, &opened, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    struct harrier_spark_task *task = check_calloc(1, sizeof *task);
    task->task = opened;
    *ret_task = task;
    return 0;
}

void harrier_spark_task_close(struct harrier_spark_task *task) {
    if (!task)
        return;
    scan_task_close(task->scan);
    fold_task_free(task->fold);
    arrow_blocks_free(task->blocks);
    rebuild_task_close(task->task);
    free(task);
}

uint64_t harrier_spark_task_parts(const struct harrier_spark_task *task) {
    return task->task->part_count;
}

int harrier_spark_scan(struct harrier_spark_task *task, const char *folder, uint64_t part,
                       char *error) {
    struct error e;
    scan_task_close(task->scan);
    task->scan = NULL;
    if (!task->blocks)
        task->blocks = arrow_blocks_new();
    int r = scan_task_open(task->task, folder, (size_t)part, &task->scan, &e);
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_scan_next(struct harrier_spark_task *task, struct ArrowSchema *ret_schema,
                            struct ArrowArray *ret_array, char *error) {
    struct error e;
    int r = scan_task_next(task->scan, task->blocks, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    if (r > 0)
        arrow_blocks_export(task->blocks, ret_schema, ret_array);
    return r;
}

int harrier_spark_fold_take(struct harrier_spark_task *task, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, char *error) {
    struct error e;
    struct arrow_rows rows;
    if (!task->fold)
        task->fold = fold_task_new(task->task);
    int r = arrow_rows_of(schema, array, &rows, &e);
    if (r == 0)
        r = fold_task_take(task->fold, &rows, &e);
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_fold_end(struct harrier_spark_task *task, char *error) {
    struct error e;
    int r = task->fold ? fold_task_end(task->fold, &e) : 0;
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_fold_next(struct harrier_spark_task *task, struct ArrowSchema *ret_schema,
                            struct ArrowArray *ret_array) {
    struct arrow_blocks *blocks = task->fold ? fold_task_out(task->fold) : NULL;
    if (!blocks)
        return 0;
    arrow_blocks_export(blocks, ret_schema, ret_array);
    arrow_blocks_free(blocks);
    return 1;
}

/* ---------------------------------------------------------------------------------------------
 * The rebuild */

struct harrier_spark_rebuild {
    const struct harrier_spark_options *options;
    struct distributed_rebuild *distributed;
};

static int run_tasks(void *user, struct distributed_rebuild *distributed,
                     enum distributed_stage stage, struct text description,
                     struct error *ret_error) {
    struct harrier_spark_rebuild *rebuild = user;
    const struct harrier_spark_options *options = rebuild->options;
    char error[HARRIER_SPARK_ERROR] = "";
    rebuild->distributed = distributed;
    int r = options->run(options->user, rebuild, stage, (const uint8_t *)description.data,
                         description.length, error);
    rebuild->distributed = NULL;
    return r < 0 ? error_set(ret_error, ERROR_UNAVAILABLE, "%s", error) : 0;
}

static void fill_report(struct rebuild_report *from, struct harrier_spark_report *ret_report) {
    const struct generation_manifest *manifest = &from->manifest;
    *ret_report = (struct harrier_spark_report){
        .generation = manifest->id,
        .position = manifest->place.position,
        .records = from->records,
        .states = manifest->states,
        .ids = manifest->ids,
        .content_hash = manifest->content_hash,
        .policy = manifest->snapshot_id,
        .transactions = from->tally.transactions,
        .outcomes = from->tally.outcomes,
        .thresholds = from->thresholds.threshold_count + from->thresholds.cutoff_count,
        .thresholds_seconds = from->seconds[REBUILD_THRESHOLDS],
        .verify_seconds = from->seconds[REBUILD_VERIFY],
        .up_to_date = from->up_to_date,
    };
    for (int i = 0; i < REBUILD_PHASE_COUNT; i++)
        ret_report->seconds += from->seconds[i];
    snprintf(ret_report->warning, sizeof ret_report->warning, "%s", from->warning);
}

int harrier_spark_run(const struct harrier_spark_options *options,
                      struct harrier_spark_report *ret_report, char *error) {
    struct error e;
    struct rebuild_report report = {0};
    struct harrier_spark_rebuild rebuild = {.options = options};
    const struct rebuild_options local = {
        .archive = options->archive,
        .generations = options->generations,
        .policy = options->policy,
        .force = options->force,
        .version = HARRIER_VERSION,
        .now_us = options->now_us,
        .memory_bytes = options->memory,
        .keep = options->keep,
        .keep_thresholds = options->keep_thresholds,
        .accept_changes = options->accept_changes,
    };
    const struct distributed_options distributed = {.shares = (size_t)options->shares,
                                                    .range_bytes = options->range_bytes,
                                                    .run = run_tasks,
                                                    .user = &rebuild};
    int r = distributed_rebuild_run(&local, &distributed, NULL, &report, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    fill_report(&report, ret_report);
    rebuild_report_deinit(&report);
    return 0;
}

int harrier_spark_take(struct harrier_spark_rebuild *rebuild, const struct ArrowSchema *schema,
                       const struct ArrowArray *array, char *error) {
    struct error e;
    struct arrow_rows rows;
    int r = arrow_rows_of(schema, array, &rows, &e);
    if (r == 0)
        r = distributed_rebuild_take(rebuild->distributed, &rows, &e);
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_parts(const char *archive, char **ret_names, char *error) {
    struct error e;
    struct archive_parts *parts;
    struct buffer names;
    int r = archive_parts_open(archive, &parts, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    buffer_init(&names);
    for (size_t i = 0; i < archive_parts_count(parts); i++)
        if (!archive_parts_part(parts, i).is_head) /* no segment */
            buffer_printf(&names, "%s\n", archive_parts_part(parts, i).file);
    buffer_append_u8(&names, 0);
    archive_parts_close(parts);
    *ret_names = (char *)names.bytes;
    return 0;
}

void harrier_spark_free(void *memory) {
    free(memory);
}
