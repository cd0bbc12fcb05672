/* The description, little-endian: description of the features (u64 length, bytes), "HTT1" and
 * version, newest event time (i64), longest period (i64), of each threshold whether records have
 * its values (u8), the set of thresholds (u64 length, bytes; u8 before them whether there is one),
 * and of each threshold its pass (u8 before them whether there are any): kind (u8), distances (u8),
 * shift (u8), prefix (u64), center (8 bytes). */
#include "threshold_task.h"

#include "batch/base/record_bytes.h"
#include "batch/tasks/task_bytes.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC TEXT_LITERAL("HTT1")

static void put_pass(const struct threshold_pass *pass, struct buffer *buffer) {
    buffer_append_u8(buffer, (uint8_t)pass->kind);
    buffer_append_u8(buffer, pass->are_distances);
    buffer_append_u8(buffer, (uint8_t)pass->shift);
    buffer_append_u64(buffer, pass->prefix);
    buffer_append(buffer, &pass->center, sizeof pass->center);
}

void threshold_task_describe(const struct threshold_job *job, struct text features,
                             int64_t longest_us, const struct threshold_set *set,
                             const struct threshold_pass *passes, struct buffer *ret_bytes) {
    size_t count = job->snapshot->threshold_count;
    struct buffer encoded;
    task_bytes_put(ret_bytes, features);
    task_bytes_put_head(MAGIC, ret_bytes);
    buffer_append_u64(ret_bytes, (uint64_t)job->newest_us);
    buffer_append_u64(ret_bytes, (uint64_t)longest_us);
    for (size_t i = 0; i < count; i++)
        buffer_append_u8(ret_bytes, job->reads_records[i]);
    buffer_append_u8(ret_bytes, set != NULL);
    buffer_init(&encoded);
    if (set)
        threshold_set_encode(set, &encoded);
    task_bytes_put(ret_bytes, buffer_text(&encoded));
    buffer_deinit(&encoded);
    buffer_append_u8(ret_bytes, passes != NULL);
    for (size_t i = 0; i < count && passes; i++)
        put_pass(&passes[i], ret_bytes);
}

static int get_thresholds(struct threshold_task *task, struct text encoded,
                          struct error *ret_error) {
    struct threshold_set set;
    struct arena arena;
    arena_init(&arena, RECORD_BYTES_MAX);
    int r = threshold_set_decode(encoded.data, encoded.length, &arena, &set, ret_error);
    if (r == 0)
        task->thresholds = thresholds_new(&set);
    arena_deinit(&arena);
    return r;
}

static void get_pass(struct cursor *cursor, struct threshold_pass *ret_pass) {
    unsigned kind = cursor_u8(cursor);
    ret_pass->are_distances = cursor_u8(cursor);
    ret_pass->shift = cursor_u8(cursor);
    ret_pass->prefix = cursor_u64(cursor);
    uint64_t bits = cursor_u64(cursor);
    memcpy(&ret_pass->center, &bits, sizeof bits);
    if (kind > THRESHOLD_PASS_KEEP || ret_pass->shift > 64 - THRESHOLD_DIGIT_BITS)
        cursor->failed = true;
    ret_pass->kind = (enum threshold_pass_kind)kind;
}

static int damaged(struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID, "the description of the thresholds is damaged");
}

static int read_rest(struct threshold_task *task, struct cursor *cursor, struct error *ret_error) {
    size_t count = task->job.snapshot->threshold_count;
    task->job.newest_us = (int64_t)cursor_u64(cursor);
    task->longest_us = (int64_t)cursor_u64(cursor);
    task->job.reads_records = check_calloc(count + 1, sizeof *task->job.reads_records);
    for (size_t i = 0; i < count; i++)
        task->job.reads_records[i] = cursor_u8(cursor);
    bool has_set = cursor_u8(cursor);
    struct text encoded = task_bytes_get(cursor);
    if (cursor_u8(cursor)) {
        task->passes = check_calloc(count + 1, sizeof *task->passes);
        for (size_t i = 0; i < count; i++)
            get_pass(cursor, &task->passes[i]);
    }
    if (cursor->failed || cursor_left(cursor) > 0)
        return damaged(ret_error);
    return has_set ? get_thresholds(task, encoded, ret_error) : 0;
}

static int read_description(struct threshold_task *task, struct text description,
                            struct error *ret_error) {
    struct cursor cursor = cursor_of(description.data, description.length);
    struct text features = task_bytes_get(&cursor);
    if (cursor.failed)
        return damaged(ret_error);
    int r = feature_task_open(features, &task->features, ret_error);
    if (r == 0)
        r = task_bytes_get_head(&cursor, MAGIC, ret_error);
    if (r < 0)
        return r;
    if (!task->features->policy)
        return damaged(ret_error);
    task->job.snapshot = task->features->policy;
    return read_rest(task, &cursor, ret_error);
}

int threshold_task_open(struct text description, const char *scratch, uint64_t memory_bytes,
                        struct threshold_task **ret_task, struct error *ret_error) {
    struct threshold_task *task = check_calloc(1, sizeof *task);
    task->memory_bytes = memory_bytes;
    task->scratch = text_copy(text_of(scratch));
    int r = read_description(task, description, ret_error);
    if (r < 0)
        threshold_task_close(task);
    else
        *ret_task = task;
    return r;
}

void threshold_task_close(struct threshold_task *task) {
    if (!task)
        return;
    thresholds_free(task->thresholds);
    feature_task_close(task->features);
    free(task->job.reads_records);
    free(task->passes);
    free(task->scratch);
    free(task);
}
