#include "scan_task.h"

#include "batch/base/record_bytes.h"
#include "batch/rebuild/list_queue.h"
#include "batch/rebuild/rebuild_records.h"
#include "core/base/check.h"
#include "part_summary.h"

#include <stdlib.h>

#define BATCH_BYTES ((size_t)4 << 20)

struct scan_task {
    struct rebuild_task *task;
    size_t part;
    struct buffer summary;
    bool has_summary; /* its rows are still to come */
    size_t stream, block;
    uint8_t *copy; /* of a block in the file */
};

/* While the part is read. */
struct reading {
    struct record_scan records;
    struct arena arena;
    struct list_parcel parcel;
    struct buffer policy, generation;
    uint64_t policy_position;
};

static void keep_policy(struct reading *reading, const struct archive_part_record *found) {
    reading->policy_position = found->position;
    buffer_clear(&reading->policy);
    buffer_append(&reading->policy, found->payload.data, found->payload.length);
}

static int take(struct reading *reading, struct archive_part_reader *reader,
                const struct archive_part_record *found, struct error *ret_error) {
    struct record record;
    reading->records.sums.records++;
    if (!rebuild_needs(reading->records.rebuild, found))
        return 0;
    if (found->type == RECORD_SNAPSHOT) {
        keep_policy(reading, found);
        return 0;
    }
    if (found->type == RECORD_GENERATION) {
        buffer_clear(&reading->generation);
        buffer_append(&reading->generation, found->payload.data, found->payload.length);
    }
    arena_reset(&reading->arena);
    int r = archive_part_decode(reader, &reading->arena, &record, ret_error);
    if (r < 0)
        return r;
    list_parcel_take(&reading->parcel, &record);
    return record_scan_take(&reading->records, &record, ret_error);
}

static int read_records(struct reading *reading, const struct archive_parts *parts,
                        struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record found;
    int r = archive_part_open(parts, 0, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        r = take(reading, reader, &found, ret_error);
        if (r < 0)
            break;
    }
    archive_part_close(reader);
    return r;
}

static void summarize(const struct reading *reading, struct buffer *ret_summary) {
    const struct part_summary summary = {.sums = reading->records.sums,
                                         .list_changes = buffer_text(&reading->parcel.changes),
                                         .sources = buffer_text(&reading->parcel.sources.bytes),
                                         .policy_position = reading->policy_position,
                                         .policy = buffer_text(&reading->policy),
                                         .generation = buffer_text(&reading->generation)};
    part_summary_put(&summary, ret_summary);
}

static int read_part(struct scan_task *scan, const char *folder, struct error *ret_error) {
    struct rebuild *rebuild = &scan->task->rebuild;
    struct archive_parts *parts;
    struct reading reading = {0};
    int r = archive_parts_open_one(folder, &scan->task->parts[scan->part], &parts, ret_error);
    if (r < 0)
        return r;
    rebuild->spill = rebuild_task_spill(scan->task);
    record_scan_open(&reading.records, rebuild);
    arena_init(&reading.arena, RECORD_BYTES_MAX);
    list_parcel_init(&reading.parcel);
    buffer_init(&reading.policy);
    buffer_init(&reading.generation);
    r = read_records(&reading, parts, ret_error);
    list_parcel_end(&reading.parcel);
    if (r == 0)
        summarize(&reading, &scan->summary);
    r = record_scan_close(&reading.records, r, ret_error);
    buffer_deinit(&reading.policy);
    buffer_deinit(&reading.generation);
    list_parcel_deinit(&reading.parcel);
    arena_deinit(&reading.arena);
    archive_parts_close(parts);
    return r;
}

int scan_task_open(struct rebuild_task *task, const char *folder, size_t part,
                   struct scan_task **ret_scan, struct error *ret_error) {
    if (part >= task->part_count)
        return error_set(ret_error, ERROR_INVALID, "part %zu: the archive has %zu", part,
                         task->part_count);
    struct scan_task *scan = check_calloc(1, sizeof *scan);
    scan->task = task;
    scan->part = part;
    scan->has_summary = true;
    scan->copy = check_malloc(task->rebuild.budget.block_bytes);
    buffer_init(&scan->summary);
    int r = read_part(scan, folder, ret_error);
    if (r < 0) {
        scan_task_close(scan);
        return r;
    }
    *ret_scan = scan;
    return 0;
}

/* The first share gets the summary, the others what the fold needs of it. */
static void add_summary(struct scan_task *scan, struct arrow_blocks *blocks) {
    for (size_t share = 0; share < scan->task->shares; share++) {
        struct text summary = buffer_text(&scan->summary);
        if (share > 0)
            summary.length = PART_SUMMARY_SHORT;
        const struct arrow_row row = {.share = (int32_t)share,
                                      .stream = ARROW_STREAM_SUMMARY,
                                      .sequence = (int64_t)scan->part,
                                      .block = summary};
        arrow_blocks_add(blocks, &row);
    }
    scan->has_summary = false;
}

/* The next block of the scan: 1, or 0 where there is none. */
static int add_block(struct scan_task *scan, struct arrow_blocks *blocks, struct error *ret_error) {
    struct rebuild *rebuild = &scan->task->rebuild;
    size_t streams = rebuild_streams(rebuild), count = 0;
    const struct spill_block *of_stream = NULL;
    while (scan->stream < streams) {
        count = spill_blocks(rebuild->spill, scan->stream, &of_stream);
        if (scan->block < count)
            break;
        scan->stream++;
        scan->block = 0;
    }
    if (scan->stream == streams)
        return 0;
    const struct spill_block *block = &of_stream[scan->block];
    const uint8_t *bytes = block->bytes ? block->bytes : scan->copy;
    int r = block->bytes ? 0 : spill_read(rebuild->spill, block, scan->copy, ret_error);
    if (r < 0)
        return r;
    const struct arrow_row row = {.share =
                                      rebuild_task_share(streams, scan->task->shares, scan->stream),
                                  .stream = (int32_t)scan->stream,
                                  .sequence = (int64_t)((uint64_t)scan->part << 32 | scan->block++),
                                  .block = {.data = (const char *)bytes, .length = block->length}};
    arrow_blocks_add(blocks, &row);
    return 1;
}

int scan_task_next(struct scan_task *scan, struct arrow_blocks *blocks, struct error *ret_error) {
    int r = 1;
    if (scan->has_summary)
        add_summary(scan, blocks);
    while (r > 0 && arrow_blocks_bytes(blocks) < BATCH_BYTES)
        r = add_block(scan, blocks, ret_error);
    return r < 0 ? r : arrow_blocks_count(blocks) > 0;
}

void scan_task_close(struct scan_task *scan) {
    if (!scan)
        return;
    spill_free(scan->task->rebuild.spill);
    scan->task->rebuild.spill = NULL;
    buffer_deinit(&scan->summary);
    free(scan->copy);
    free(scan);
}
