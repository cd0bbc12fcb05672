#include "fold_task.h"

#include "batch/rebuild/rebuild_fold.h"
#include "core/base/check.h"
#include "part_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUT_BYTES ((size_t)4 << 20) /* of a batch, about */

struct fold_task {
    struct rebuild_task *task;
    int32_t share;
    struct arrow_order order;
    struct spill_writer *writer; /* into the spill of the stream; NULL: none is begun */
    int64_t made;                /* rows of the stream that came out */
    struct arrow_blocks **out;   /* batches; the last one is being filled */
    size_t out_count, out_capacity, out_first;
};

struct fold_task *fold_task_new(struct rebuild_task *task) {
    struct fold_task *fold = check_calloc(1, sizeof *fold);
    fold->task = task;
    task->rebuild.report.tally.newest_event_time_us = INT64_MIN;
    task->rebuild.take_entries = NULL;
    return fold;
}

/* ---- out ---- */

static void add_out(struct fold_task *fold, int32_t stream, int64_t sequence, struct text block) {
    if (fold->out_count == fold->out_first ||
        arrow_blocks_bytes(fold->out[fold->out_count - 1]) >= OUT_BYTES) {
        if (fold->out_count == fold->out_capacity) {
            fold->out_capacity = fold->out_capacity ? 2 * fold->out_capacity : 16;
            fold->out = check_reallocarray(fold->out, fold->out_capacity, sizeof(void *));
        }
        fold->out[fold->out_count++] = arrow_blocks_new();
    }
    const struct arrow_row row = {
        .share = fold->share, .stream = stream, .sequence = sequence, .block = block};
    arrow_blocks_add(fold->out[fold->out_count - 1], &row);
}

struct arrow_blocks *fold_task_out(struct fold_task *fold) {
    return fold->out_first < fold->out_count ? fold->out[fold->out_first++] : NULL;
}

static int take_entries(struct rebuild *rebuild, size_t stream, const uint8_t *entries,
                        size_t length, struct error *ret_error) {
    (void)ret_error;
    struct fold_task *fold = rebuild->take_user;
    add_out(fold, (int32_t)stream, fold->made++,
            (struct text){.data = (const char *)entries, .length = length});
    return 0;
}

/* ---- in ---- */

/* Folds the stream whose blocks have come; without any there is nothing to do. */
static int end_stream(struct fold_task *fold, int32_t stream, struct error *ret_error) {
    struct rebuild *rebuild = &fold->task->rebuild;
    if (!fold->writer)
        return 0;
    int r = spill_writer_close(fold->writer, ret_error);
    fold->writer = NULL;
    fold->made = 0;
    rebuild->take_entries = take_entries;
    rebuild->take_user = fold;
    if (r == 0)
        r = rebuild_fold(rebuild, (size_t)stream, (size_t)stream + 1, ret_error);
    spill_free(rebuild->spill);
    rebuild->spill = NULL;
    check(r <= 0); /* nothing is late where there is no generation before */
    return r;
}

static void begin_stream(struct fold_task *fold) {
    struct rebuild *rebuild = &fold->task->rebuild;
    rebuild->spill = rebuild_task_spill(fold->task);
    fold->writer = spill_writer_open(rebuild->spill);
}

static void take_summary(struct fold_task *fold, const struct arrow_row *row) {
    struct tally *tally = &fold->task->rebuild.report.tally;
    int64_t newest_us = part_summary_newest_us(row->block);
    if (tally->newest_event_time_us < newest_us)
        tally->newest_event_time_us = newest_us;
    if (row->share == 0)
        add_out(fold, row->stream, row->sequence, row->block);
}

static int take_block(struct fold_task *fold, const struct arrow_row *row,
                      struct error *ret_error) {
    const struct rebuild *rebuild = &fold->task->rebuild;
    if ((size_t)row->stream >= rebuild_streams(rebuild) ||
        row->block.length > rebuild->budget.block_bytes)
        return error_set(ret_error, ERROR_INVALID,
                         "a block of %zu bytes of stream %" PRId32 " does not belong here",
                         row->block.length, row->stream);
    if (!fold->writer)
        begin_stream(fold);
    /* One block in, one block out: what is in it is decoded from its beginning on. */
    struct spill_open *open =
        spill_begin_block(fold->writer, (size_t)row->stream, row->block.length, ret_error);
    if (!open)
        return -(int)ret_error->code;
    memcpy(open->at, row->block.data, row->block.length);
    spill_put(open, row->block.length);
    return 0;
}

static int take_row(struct fold_task *fold, const struct arrow_row *row, struct error *ret_error) {
    int32_t before = fold->order.stream;
    if (fold->order.has_row && row->share != fold->share)
        return error_set(ret_error, ERROR_INVALID,
                         "a row of share %" PRId32 " does not belong to share %" PRId32, row->share,
                         fold->share);
    int r = arrow_order_next(&fold->order, row, ret_error);
    if (r > 0)
        r = end_stream(fold, before, ret_error);
    fold->share = row->share;
    if (r < 0)
        return r;
    if (row->stream != ARROW_STREAM_SUMMARY)
        return take_block(fold, row, ret_error);
    if (row->block.length < PART_SUMMARY_SHORT)
        return error_set(ret_error, ERROR_INVALID, "the summary of a part is damaged");
    take_summary(fold, row);
    return 0;
}

int fold_task_take(struct fold_task *fold, const struct arrow_rows *rows, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < rows->count && r == 0; i++) {
        struct arrow_row row = arrow_rows_at(rows, i);
        r = take_row(fold, &row, ret_error);
    }
    return r;
}

int fold_task_end(struct fold_task *fold, struct error *ret_error) {
    return end_stream(fold, fold->order.stream, ret_error);
}

void fold_task_free(struct fold_task *fold) {
    if (!fold)
        return;
    if (fold->writer) {
        spill_writer_abandon(fold->writer);
        spill_free(fold->task->rebuild.spill);
        fold->task->rebuild.spill = NULL;
    }
    for (size_t i = fold->out_first; i < fold->out_count; i++)
        arrow_blocks_free(fold->out[i]);
    free(fold->out);
    free(fold);
}
