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
    buffer_init(&counts->block);
    return counts;
}

void threshold_counts_free(struct threshold_counts *counts) {
    if (!counts)
        return;
    for (size_t i = 0; i < counts->task->job.snapshot->threshold_count; i++)
        free(counts->counts[i]);
    free(counts->counts);
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

int threshold_counts_take(struct threshold_counts *counts, const struct arrow_rows *rows,
                          struct error *ret_error) {
    const struct threshold_task *task = counts->task;
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        if (row.stream < 0 || (size_t)row.stream >= task->job.snapshot->threshold_count)
            return error_set(ret_error, ERROR_INVALID, "threshold %" PRId32 " is not known",
                             row.stream);
        if (task->passes[row.stream].kind != THRESHOLD_PASS_NONE)
            r = take_block(counts, (size_t)row.stream, row.block, ret_error);
    }
    return r;
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
}
