/* Checks that need decoded records or a whole part. Reading (archive_parts.h) has verified frames,
 * positions and the chain before a record gets here. */
#include "archive_check.h"

#include "core/store/archive/segment.h"

#include <inttypes.h>

#define WATCH_STEP 4096 /* records */

static int wrong(const struct archive_part *part, const struct record *record, const char *what,
                 struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED, "%s: record %" PRIu64 ": %s", part->file,
                     record->position, what);
}

static bool refers_to_earlier(const struct record *record) {
    uint64_t position = record->type == RECORD_OUTCOME ? record->outcome.transaction_position
                                                       : record->amendment.transaction_position;
    return position > 0 && position < record->position;
}

/* Record by record, in order: `check` carries the last receive time. */
static int check_record(const struct archive_part *part, const struct record *record,
                        struct archive_check *check, struct error *ret_error) {
    if (record->receive_time_us < check->last_time_us)
        return wrong(part, record, "it was received before the previous record", ret_error);
    if (day_of(record->receive_time_us) != part->day)
        return wrong(part, record, "it was received on a day that is not its folder's", ret_error);
    if (record_type_has_entities(record->type) && record->type != RECORD_TRANSACTION &&
        !refers_to_earlier(record))
        return wrong(part, record, "its transaction is not an earlier record", ret_error);
    check->last_time_us = record->receive_time_us;
    check->records++;
    check->by_type[record->type]++;
    return 0;
}

static int check_records(struct archive_part_reader *reader, const struct archive_part *part,
                         struct arena *arena, struct archive_check_watch *watch,
                         struct archive_check *check, struct error *ret_error) {
    struct archive_part_record found;
    struct record record;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) > 0) {
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r == 0)
            r = check_record(part, &record, check, ret_error);
        if (r < 0)
            return r;
        if (check->records % WATCH_STEP == 0 &&
            watch->report(watch, archive_part_offset(reader)) != 0)
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
    }
    return r;
}

/* The seal of a sealed part says which types of records it has and when the last one was received.
 * Readers skip parts by the types, so they must be right. */
static int check_seal(const struct archive_part *part, const struct archive_check *check,
                      struct error *ret_error) {
    uint64_t types = 0;
    for (int type = RECORD_TRANSACTION; type < RECORD_TYPE_COUNT; type++)
        if (check->by_type[type] > 0)
            types |= UINT64_C(1) << type;
    if (!part->is_sealed)
        return 0;
    if (types != part->types)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: byte 72: its seal lists other types of records than it holds",
                         part->file);
    if (check->last_time_us != part->end_time_us)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: byte 64: its seal has another receive time for the last record",
                         part->file);
    return 0;
}

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

/* What a prune has kept: records of many days, with gaps between them. */
static int check_head(const struct archive_parts *parts, const struct archive_part *part,
                      struct arena *arena, struct archive_check *ret_check,
                      struct error *ret_error) {
    struct archive_part_reader *reader;
    struct archive_part_record found;
    struct record record;
    int r = archive_part_open(parts, 0, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    while ((r = archive_part_next(reader, &found, ret_error)) > 0) {
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r < 0)
            break;
    }
    archive_part_close(reader);
    if (r == 0)
        *ret_check = (struct archive_check){.time_before_us = part->time_before_us,
                                            .last_time_us = part->end_time_us};
    return r;
}

int archive_check_part(const struct archive_parts *parts, size_t index, struct arena *arena,
                       struct archive_check_watch *watch, struct archive_check *ret_check,
                       struct error *ret_error) {
    const struct archive_part part = archive_parts_part(parts, index);
    struct archive_check check = {.time_before_us = part.time_before_us,
                                  .last_time_us = part.time_before_us};
    struct archive_part_reader *reader;
    if (part.is_head)
        return check_head(parts, &part, arena, ret_check, ret_error);
    int r = archive_part_open(parts, index, 0, true, &reader, ret_error);
    if (r < 0)
        return r;
    r = archive_part_hash(reader, ret_error);
    if (r == 0)
        r = check_records(reader, &part, arena, watch, &check, ret_error);
    archive_part_close(reader);
    if (check.records == 0) /* its writer continued from the start of its day */
        check.last_time_us = later(check.last_time_us, day_start_us(part.day));
    if (r == 0)
        r = check_seal(&part, &check, ret_error);
    if (r == 0)
        *ret_check = check;
    return r;
}

int archive_check_joint(const struct archive_parts *parts, size_t next,
                        const struct archive_check *before, const struct archive_check *after,
                        struct error *ret_error) {
    if (before->last_time_us == after->time_before_us)
        return 0;
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s: byte 32: its header has another receive time for record %" PRIu64
                     " than that record itself",
                     archive_parts_part(parts, next).file,
                     archive_parts_part(parts, next).first - 1);
}
