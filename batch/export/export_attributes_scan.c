#include "export_attributes_scan.h"

#include "batch/base/record_bytes.h"
#include "core/base/arena.h"
#include "core/store/archive/archive_parts.h"
#include "core/wire/record/record.h"

#define PROGRESS_STEP 4096 /* records */

struct scan {
    const struct export_attributes_range *range;
    struct progress *progress;
    struct export_attributes *set;
    struct arena arena; /* of one record */
};

static int add_transaction(struct scan *scan, const struct record *record,
                           struct error *ret_error) {
    const struct export_attributes_range *range = scan->range;
    const struct transaction *transaction = &record->transaction.transaction;
    if ((range->from_us != 0 && transaction->event_time_us < range->from_us) ||
        (range->to_us != 0 && transaction->event_time_us >= range->to_us))
        return 0;
    return export_attributes_add(scan->set, transaction, ret_error);
}

static int report_progress(struct scan *scan, uint64_t position, struct error *ret_error) {
    if (position % PROGRESS_STEP != 0 ||
        progress_update(scan->progress, "scan", position, scan->range->until.position) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "the scan for attributes was interrupted");
}

static int read_part(struct scan *scan, struct archive_part_reader *reader,
                     struct error *ret_error) {
    struct archive_part_record found;
    struct record record;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1 &&
           found.position <= scan->range->until.position) {
        r = report_progress(scan, found.position, ret_error);
        if (r == 0 && found.type == RECORD_TRANSACTION) {
            arena_reset(&scan->arena);
            r = archive_part_decode(reader, &scan->arena, &record, ret_error);
            if (r == 0)
                r = add_transaction(scan, &record, ret_error);
        }
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 0;
}

static int read_parts(struct scan *scan, const struct archive_parts *parts,
                      struct error *ret_error) {
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        const struct archive_part part = archive_parts_part(parts, i);
        struct archive_part_reader *reader;
        if (part.first > scan->range->until.position)
            break;
        if ((part.types >> RECORD_TRANSACTION & 1) == 0)
            continue;
        int r = archive_part_open(parts, i, 0, false, &reader, ret_error);
        if (r < 0)
            return r;
        r = read_part(scan, reader, ret_error);
        archive_part_close(reader);
        if (r < 0)
            return r;
    }
    return 0;
}

int export_attributes_scan(const struct export_attributes_range *range, struct progress *progress,
                           struct export_attributes *set, struct error *ret_error) {
    struct scan scan = {.range = range, .progress = progress, .set = set};
    struct archive_parts *parts;
    int r = archive_parts_open(range->archive, &parts, ret_error);
    if (r < 0)
        return r;
    arena_init(&scan.arena, RECORD_BYTES_MAX);
    r = read_parts(&scan, parts, ret_error);
    arena_deinit(&scan.arena);
    archive_parts_close(parts);
    return r;
}
