/* The library's functions for features: library.h. */
#include "batch/base/policy_folder.h"
#include "batch/tasks/feature_entries.h"
#include "batch/tasks/feature_rows.h"
#include "batch/tasks/feature_values.h"
#include "batch/tasks/task_bytes.h"
#include "core/base/check.h"
#include "feature_batches.h"
#include "library.h"
#include "library_error.h"

#include <stdio.h>
#include <stdlib.h>

struct harrier_spark_features {
    struct feature_task *task;
    struct arrow_blocks *blocks; /* that come out of entries and values */
    struct feature_values *values;
    struct buffer rare;
    struct feature_listener listener;
    struct feature_rows *rows;
    struct feature_batches *batches;
};

/* The memory of a buffer, ended by NUL, for the caller to free. */
static char *give(struct buffer *buffer) {
    buffer_append_u8(buffer, 0);
    return (char *)buffer->bytes;
}

static int load_policy(const char *folder, struct text payload, struct snapshot **ret_policy,
                       struct error *ret_error) {
    *ret_policy = NULL;
    if (folder)
        return policy_folder_load(folder, ret_policy, ret_error);
    if (payload.length)
        return task_bytes_load_policy(payload, ret_policy, ret_error);
    return 0;
}

/* Of the archive, or of the earlier description. The caller frees *ret_parts. */
static int list_parts(const char *archive, struct text earlier,
                      struct archive_part_bounds **ret_parts, size_t *ret_count,
                      struct error *ret_error) {
    struct feature_task *task;
    struct archive_parts *parts;
    int r = earlier.length ? feature_task_open(earlier, &task, ret_error)
                           : archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    if (earlier.length) {
        *ret_count = task->part_count;
        *ret_parts = task->parts;
        task->parts = NULL;
        feature_task_close(task);
        return 0;
    }
    const struct archive_begin *begin = archive_parts_begin(parts);
    if (begin->place.position > 0) {
        error_set(
            ret_error, ERROR_UNSUPPORTED,
            "%s begins after record %llu since a prune: tasks that read one segment each need "
            "all records from the first",
            archive, (unsigned long long)begin->place.position);
        archive_parts_close(parts);
        return -ERROR_UNSUPPORTED;
    }
    *ret_count = archive_parts_count(parts);
    *ret_parts = check_calloc(*ret_count + 1, sizeof **ret_parts);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_parts)[i] = archive_part_bounds(parts, i);
    archive_parts_close(parts);
    return 0;
}

int harrier_spark_features_describe(const char *archive, const char *policy, const uint8_t *payload,
                                    size_t payload_length, uint64_t shares, uint64_t outputs,
                                    const uint8_t *earlier, size_t earlier_length,
                                    uint64_t *ret_parts, uint8_t **ret_description,
                                    size_t *ret_length, char **ret_columns, char **ret_meaning,
                                    char *error) {
    struct error e;
    struct archive_part_bounds *parts;
    size_t count;
    struct snapshot *snapshot;
    struct buffer description, columns, meaning;
    const struct text before = {.data = (const char *)earlier, .length = earlier_length};
    const struct text text = {.data = (const char *)payload, .length = payload_length};
    int r = list_parts(archive, before, &parts, &count, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    r = load_policy(policy, text, &snapshot, &e);
    if (r == 0) {
        buffer_init(&description);
        buffer_init(&columns);
        buffer_init(&meaning);
        feature_task_describe(parts, count, snapshot, (size_t)shares, (size_t)outputs,
                              &description);
        if (snapshot) {
            feature_batches_columns(snapshot, &columns);
            feature_batches_describe(snapshot, &meaning);
        }
        *ret_parts = count;
        *ret_length = description.length;
        *ret_description = description.bytes;
        *ret_columns = give(&columns);
        *ret_meaning = give(&meaning);
        snapshot_unref(snapshot);
    }
    free(parts);
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_features_open(const uint8_t *description, size_t length,
                                struct harrier_spark_features **ret_features, char *error) {
    struct error e;
    struct feature_task *task;
    const struct text text = {.data = (const char *)description, .length = length};
    int r = feature_task_open(text, &task, &e);
    if (r < 0)
        return library_fail(&e, r, error);
    struct harrier_spark_features *features = check_calloc(1, sizeof *features);
    features->task = task;
    features->blocks = arrow_blocks_new();
    buffer_init(&features->rare);
    *ret_features = features;
    return 0;
}

void harrier_spark_features_close(struct harrier_spark_features *features) {
    if (!features)
        return;
    feature_rows_free(features->rows);
    feature_batches_free(features->batches);
    feature_values_free(features->values);
    arrow_blocks_free(features->blocks);
    feature_task_close(features->task);
    buffer_deinit(&features->rare);
    free(features);
}

static int take_blocks(struct harrier_spark_features *features, struct ArrowSchema *ret_schema,
                       struct ArrowArray *ret_array) {
    if (arrow_blocks_count(features->blocks) == 0)
        return 0;
    arrow_blocks_export(features->blocks, ret_schema, ret_array);
    return 1;
}

int harrier_spark_features_part(struct harrier_spark_features *features, const char *folder,
                                uint64_t part, bool rare, struct ArrowSchema *ret_schema,
                                struct ArrowArray *ret_array, char *error) {
    struct error e;
    if (part >= features->task->part_count || (!rare && !features->task->policy)) {
        snprintf(error, HARRIER_SPARK_ERROR, "part %llu: the archive has %zu",
                 (unsigned long long)part, features->task->part_count);
        return -1;
    }
    int r = rare ? feature_rare(features->task, folder, (size_t)part, features->blocks, &e)
                 : feature_entries(features->task, folder, (size_t)part, features->blocks, &e);
    return r < 0 ? library_fail(&e, r, error) : take_blocks(features, ret_schema, ret_array);
}

int harrier_spark_features_values(struct harrier_spark_features *features,
                                  const struct ArrowSchema *schema, const struct ArrowArray *array,
                                  struct ArrowSchema *ret_schema, struct ArrowArray *ret_array,
                                  char *error) {
    struct error e;
    struct arrow_rows rows;
    int r = 0;
    if (!features->values)
        features->values = feature_values_new(features->task);
    if (schema) {
        r = arrow_rows_of(schema, array, &rows, &e);
        if (r == 0)
            r = feature_values_take(features->values, &rows, features->blocks, &e);
    } else {
        feature_values_end(features->values, features->blocks);
    }
    return r < 0 ? library_fail(&e, r, error) : take_blocks(features, ret_schema, ret_array);
}

static void begin_rows(struct harrier_spark_features *features, const char *folder,
                       const uint8_t *rare, size_t rare_length) {
    const struct snapshot *policy = features->task->policy;
    buffer_append(&features->rare, rare, rare_length);
    features->batches = feature_batches_new(policy);
    features->listener =
        (struct feature_listener){.row = feature_batches_row, .user = features->batches};
    features->rows =
        feature_rows_new(features->task, buffer_text(&features->rare), folder, &features->listener);
}

int harrier_spark_features_rows(struct harrier_spark_features *features, const char *folder,
                                const uint8_t *rare, size_t rare_length,
                                const struct ArrowSchema *schema, const struct ArrowArray *array,
                                char *error) {
    struct error e;
    struct arrow_rows rows;
    int r;
    if (!features->rows)
        begin_rows(features, folder, rare, rare_length);
    if (schema) {
        r = arrow_rows_of(schema, array, &rows, &e);
        if (r == 0)
            r = feature_rows_take(features->rows, &rows, &e);
    } else {
        r = feature_rows_end(features->rows, &e);
        if (feature_rows_refused(features->rows) > 0)
            fprintf(stderr,
                    "harrier-spark: the policy refuses %llu transactions of this task's parts: "
                    "they have no row\n",
                    (unsigned long long)feature_rows_refused(features->rows));
    }
    return r < 0 ? library_fail(&e, r, error) : 0;
}

int harrier_spark_features_next(struct harrier_spark_features *features, bool all,
                                struct ArrowSchema *ret_schema, struct ArrowArray *ret_array) {
    return features->batches && feature_batches_next(features->batches, all, ret_schema, ret_array);
}
