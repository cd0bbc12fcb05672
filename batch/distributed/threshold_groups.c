#include "threshold_groups.h"

#include "batch/base/scratch_file.h"
#include "batch/thresholds/sample_compute.h"
#include "batch/thresholds/sample_sort.h"
#include "batch/thresholds/threshold_collector.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)128 << 10)

struct threshold_groups {
    const struct threshold_task *task;
    struct block_queue *queue;
    struct sample_sort *sort;
    struct threshold_value *values; /* [THRESHOLD_COLLECTED] */
    int32_t share;
    uint64_t *taken; /* values of each threshold */
    int64_t made;    /* rows that came out */
    struct buffer block;
};

static int make_file(void *user, struct error *ret_error) {
    const struct threshold_groups *groups = user;
    return scratch_file_in(groups->task->scratch, ret_error);
}

struct threshold_groups *threshold_groups_new(const struct threshold_task *task,
                                              struct block_queue *queue) {
    struct threshold_groups *groups = check_calloc(1, sizeof *groups);
    const struct sample_sort_options options = {.snapshot = task->job.snapshot,
                                                .memory_bytes = (size_t)task->memory_bytes / 2,
                                                .newest_us = task->job.newest_us,
                                                .make_file = make_file,
                                                .user = groups};
    groups->task = task;
    groups->queue = queue;
    groups->sort = sample_sort_new(&options);
    groups->values = check_calloc(THRESHOLD_COLLECTED, sizeof *groups->values);
    groups->taken = check_calloc(task->job.snapshot->threshold_count + 1, sizeof *groups->taken);
    buffer_init(&groups->block);
    return groups;
}

void threshold_groups_free(struct threshold_groups *groups) {
    if (!groups)
        return;
    sample_sort_free(groups->sort);
    free(groups->values);
    free(groups->taken);
    buffer_deinit(&groups->block);
    free(groups);
}

/* ---- in ---- */

static int take_block(struct threshold_groups *groups, const struct arrow_row *row,
                      struct error *ret_error) {
    struct value_block block;
    int r = value_block_open(row->block, &block, ret_error);
    size_t count = 0;
    if (r == 0)
        groups->taken[row->stream] += block.count;
    for (size_t i = 0; i < block.count && r == 0; i++) {
        r = value_block_get(&block, i, &groups->values[count], ret_error);
        groups->values[count].threshold = (size_t)row->stream;
        if (r == 0 && (++count == THRESHOLD_COLLECTED || i + 1 == block.count)) {
            r = sample_sort_put(groups->sort, groups->values, count, ret_error);
            count = 0;
        }
    }
    return r;
}

int threshold_groups_take(struct threshold_groups *groups, const struct arrow_rows *rows,
                          struct error *ret_error) {
    const struct snapshot *snapshot = groups->task->job.snapshot;
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        if (row.stream < 0 || (size_t)row.stream >= snapshot->threshold_count ||
            snapshot->thresholds[row.stream].key_count == 0)
            return error_set(ret_error, ERROR_INVALID,
                             "there is no threshold %" PRId32 " with groups", row.stream);
        groups->share = row.share;
        r = take_block(groups, &row, ret_error);
    }
    return r;
}

/* ---- out ---- */

static void hand_on(struct threshold_groups *groups, size_t stream) {
    const struct arrow_row row = {.share = groups->share,
                                  .stream = (int32_t)stream,
                                  .sequence = groups->made,
                                  .block = buffer_text(&groups->block)};
    if (groups->block.length == 0)
        return;
    groups->made++;
    block_queue_add(groups->queue, &row);
    buffer_clear(&groups->block);
}

static void put_group(struct threshold_groups *groups, size_t stream, struct text key,
                      double value) {
    buffer_append_varint(&groups->block, key.length);
    buffer_append(&groups->block, key.data, key.length);
    buffer_append(&groups->block, &value, sizeof value);
    if (groups->block.length >= BLOCK_BYTES)
        hand_on(groups, stream);
}

static int take_group(void *user, size_t threshold, struct text key, double value,
                      struct error *ret_error) {
    (void)ret_error;
    put_group(user, threshold, key, value);
    return 0;
}

static int take_baseline(void *user, uint64_t hash, struct text key, double value,
                         struct error *ret_error) {
    struct threshold_groups *groups = user;
    (void)ret_error;
    buffer_append_u64(&groups->block, hash);
    put_group(groups, groups->task->job.snapshot->threshold_count, key, value);
    return 0;
}

static void put_taken(struct threshold_groups *groups) {
    size_t count = groups->task->job.snapshot->threshold_count;
    for (size_t i = 0; i < count; i++)
        buffer_append_varint(&groups->block, groups->taken[i]);
    hand_on(groups, count + 1);
}

static int compute(struct threshold_groups *groups, const struct sample_values *sample,
                   struct error *ret_error) {
    const struct snapshot *snapshot = groups->task->job.snapshot;
    int r = 0;
    for (size_t i = 0; i < snapshot->threshold_count && r == 0; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        if (threshold->key_count == 0 || threshold->groups_in_tables)
            continue;
        r = sample_compute_groups(sample, i, take_group, groups, ret_error);
        hand_on(groups, i);
    }
    if (r == 0)
        r = sample_compute_baselines(sample, take_baseline, groups, ret_error);
    hand_on(groups, snapshot->threshold_count);
    put_taken(groups);
    return r;
}

int threshold_groups_end(struct threshold_groups *groups, struct error *ret_error) {
    struct sample_file *const *files;
    size_t count;
    int r = sample_sort_end(groups->sort, &files, &count, ret_error);
    if (r < 0)
        return r;
    const struct sample_values sample = {.snapshot = groups->task->job.snapshot,
                                         .newest_us = groups->task->job.newest_us,
                                         .files = files,
                                         .file_count = count,
                                         .memory_bytes = (size_t)groups->task->memory_bytes / 2};
    return compute(groups, &sample, ret_error);
}
