#include "threshold_records.h"

#include "batch/base/record_bytes.h"
#include "batch/thresholds/threshold_collector.h"
#include "core/base/check.h"

#include <stdlib.h>

struct threshold_records {
    struct archive_parts *parts;
    struct archive_part_reader *reader;
    struct threshold_collector collector;
    struct value_blocks *blocks;
    struct block_queue *queue;
    struct arena arena;
    bool has_ended;
};

int threshold_records_open(const struct threshold_task *task, const char *folder, size_t part,
                           struct block_queue *queue, struct threshold_records **ret_records,
                           struct error *ret_error) {
    const struct feature_task *features = task->features;
    if (part >= features->part_count)
        return error_set(ret_error, ERROR_INVALID, "part %zu: the archive has %zu", part,
                         features->part_count);
    struct threshold_records *records = check_calloc(1, sizeof *records);
    records->queue = queue;
    records->blocks = value_blocks_new(task, (uint64_t)part << 32, queue);
    threshold_collector_init(&records->collector, &task->job, true, value_blocks_put,
                             records->blocks);
    arena_init(&records->arena, RECORD_BYTES_MAX);
    int r = archive_parts_open_one(folder, &features->parts[part], &records->parts, ret_error);
    if (r == 0)
        r = archive_part_open(records->parts, 0, 0, false, &records->reader, ret_error);
    if (r < 0)
        threshold_records_close(records);
    else
        *ret_records = records;
    return r;
}

static int end(struct threshold_records *records, struct error *ret_error) {
    int r = threshold_collector_flush(&records->collector, ret_error);
    if (r == 0)
        value_blocks_end(records->blocks, true);
    records->has_ended = true;
    return r;
}

int threshold_records_next(struct threshold_records *records, struct error *ret_error) {
    struct archive_part_record found;
    int r;
    if (records->has_ended)
        return 0;
    while ((r = archive_part_next(records->reader, &found, ret_error)) == 1) {
        struct record record;
        if (found.type != RECORD_TRANSACTION)
            continue;
        arena_reset(&records->arena);
        r = archive_part_decode(records->reader, &records->arena, &record, ret_error);
        if (r == 0)
            r = threshold_collector_record(&records->collector, &record.transaction.transaction,
                                           ret_error);
        if (r < 0)
            return r;
        if (block_queue_batches(records->queue) > 1) /* the first one is whole */
            return 1;
    }
    return r < 0 ? r : end(records, ret_error);
}

void threshold_records_close(struct threshold_records *records) {
    if (!records)
        return;
    archive_part_close(records->reader);
    archive_parts_close(records->parts);
    threshold_collector_deinit(&records->collector);
    value_blocks_free(records->blocks);
    arena_deinit(&records->arena);
    free(records);
}
