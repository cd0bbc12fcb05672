#include "threshold_counts.h"

#include "batch/base/double_order.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)128 << 10)

struct threshold_counts {
    const struct threshold_task *task;
    struct block_queue *queue;
    uint64_t **counts; /* of each threshold, [THRESHOLD_DIGIT_COUNT]; NULL: nothing was counted */
    uint64_t told[2];  /* tasks that have told what they made: of features, of records */
    uint64_t *told_values; /* of each threshold */
    struct buffer block;
    int64_t made;
};

struct threshold_counts *threshold_counts_new(const struct threshold_task *task,
                                              struct block_queue *queue) {
    check(task->passes);
    struct threshold_counts *counts = check_calloc(1, sizeof *counts);
    counts->task = task;
    counts->queue = queue;
    counts->counts = check_calloc(task->job.snapshot->threshold_count + 1, sizeof(uint64_t *));
    counts->told_values =
        check_calloc(task->job.snapshot->threshold_count + 1, sizeof *counts->told_values);
    buffer_init(&counts->block);
    return counts;
}

void threshold_counts_free(struct threshold_counts *counts) {
    if (!counts)
        return;
    for (size_t i = 0; i < counts->task->job.snapshot->threshold_count; i++)
        free(counts->counts[i]);
    free(counts->counts);
    free(counts->told_values);
    buffer_deinit(&counts->block);
    free(counts);
}

static void hand_on(struct threshold_counts *counts, size_t threshold) {
    const struct arrow_row row = {.stream = (int32_t)threshold,
                                  .sequence = counts->made,
                                  .block = buffer_text(&counts->block)};
    if (counts->block.length == 0)
        return;
    counts->made++;
    block_queue_add(counts->queue, &row);
    buffer_clear(&counts->block);
}

static void take_value(struct threshold_counts *counts, size_t threshold, double value) {
    const struct threshold_pass *pass = &counts->task->passes[threshold];
    unsigned above = pass->shift + THRESHOLD_DIGIT_BITS;
    uint64_t order = double_to_order(pass->are_distances ? fabs(value - pass->center) : value);
    if (above < 64 && order >> above != pass->prefix)
        return;
    if (pass->kind == THRESHOLD_PASS_COUNT) {
        counts->counts[threshold][order >> pass->shift & (THRESHOLD_DIGIT_COUNT - 1)]++;
        return;
    }
    buffer_append_u64(&counts->block, order);
    if (counts->block.length >= BLOCK_BYTES)
        hand_on(counts, threshold);
}

static int take_block(struct threshold_counts *counts, size_t threshold, struct text bytes,
                      struct error *ret_error) {
    struct value_block block;
    int r = value_block_open(bytes, &block, ret_error);
    if (r < 0)
        return r;
    if (!counts->counts[threshold])
        counts->counts[threshold] = check_calloc(THRESHOLD_DIGIT_COUNT, sizeof(uint64_t));
    for (size_t i = 0; i < block.count; i++)
        take_value(counts, threshold, value_block_value(&block, i));
    hand_on(counts, threshold);
    return 0;
}

static int take_told(struct threshold_counts *counts, struct text bytes, struct error *ret_error) {
    struct cursor cursor = cursor_of(bytes.data, bytes.length);
    counts->told[cursor_u8(&cursor) != 0]++;
    for (size_t i = 0; i < counts->task->job.snapshot->threshold_count; i++)
        counts->told_values[i] += cursor_varint(&cursor);
    return cursor.failed || cursor_left(&cursor) > 0
               ? error_set(ret_error, ERROR_DAMAGED, "a row that counts values is damaged")
               : 0;
}

static int take_row(struct threshold_counts *counts, const struct arrow_row *row,
                    struct error *ret_error) {
    size_t count = counts->task->job.snapshot->threshold_count;
    if (row->stream < 0 || (size_t)row->stream > count)
        return error_set(ret_error, ERROR_INVALID, "threshold %" PRId32 " is not known",
                         row->stream);
    if ((size_t)row->stream == count)
        return take_told(counts, row->block, ret_error);
    return counts->task->passes[row->stream].kind == THRESHOLD_PASS_NONE
               ? 0
               : take_block(counts, (size_t)row->stream, row->block, ret_error);
}

int threshold_counts_take(struct threshold_counts *counts, const struct arrow_rows *rows,
                          struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        r = take_row(counts, &row, ret_error);
    }
    return r;
}

static void put_told(struct threshold_counts *counts) {
    size_t count = counts->task->job.snapshot->threshold_count;
    if (counts->told[0] + counts->told[1] == 0)
        return;
    buffer_append_u64(&counts->block, counts->told[0]);
    buffer_append_u64(&counts->block, counts->told[1]);
    for (size_t i = 0; i < count; i++)
        buffer_append_u64(&counts->block, counts->told_values[i]);
    hand_on(counts, count);
}

void threshold_counts_end(struct threshold_counts *counts) {
    const struct threshold_task *task = counts->task;
    for (size_t i = 0; i < task->job.snapshot->threshold_count; i++) {
        if (task->passes[i].kind != THRESHOLD_PASS_COUNT || !counts->counts[i])
            continue;
        for (size_t digit = 0; digit < THRESHOLD_DIGIT_COUNT; digit++) {
            if (counts->counts[i][digit] == 0)
                continue;
            buffer_append_u8(&counts->block, (uint8_t)digit);
            buffer_append_u8(&counts->block, (uint8_t)(digit >> 8));
            buffer_append_u64(&counts->block, counts->counts[i][digit]);
        }
        hand_on(counts, i);
    }
    put_told(counts);
}
