/* A substring search over payloads, part by part: memmem() on the undecoded bytes costs less than
 * decoding them. What is found is copied, because the reader's window moves on. */
#include "archive_search.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define STOP_STEP 4096 /* records between two looks at *stop */

static bool holds(struct text payload, const struct search_range *range) {
    for (size_t i = 0; i < range->text_count; i++)
        if (range->texts[i].length == 0 ||
            memmem(payload.data, payload.length, range->texts[i].data, range->texts[i].length))
            return true;
    return false;
}

static bool is_wanted(const struct search *search, const struct archive_part_record *record) {
    if (!record_type_has_entities(record->type))
        return search->rare && record->position < search->rare_before;
    for (size_t i = 0; i < search->range_count; i++) {
        const struct search_range *range = &search->ranges[i];
        if (record->position > range->after && record->position < range->before &&
            holds(record->payload, range))
            return true;
    }
    return false;
}

/* A sealed part says which record types it has, so a part without the wanted ones is skipped
 * without being read. */
static bool may_have(const struct search *search, const struct archive_part *part) {
    if (part->last < part->first)
        return false;
    if (search->rare && part->first < search->rare_before && (part->types & record_types_rare()))
        return true;
    if (!(part->types & record_types_with_entities()))
        return false;
    for (size_t i = 0; i < search->range_count; i++)
        if (part->last > search->ranges[i].after && part->first < search->ranges[i].before &&
            search->ranges[i].text_count > 0)
            return true;
    return false;
}

static void take(struct search_result *result, const struct archive_part_record *record) {
    if ((result->count & (result->count - 1)) == 0) /* a power of two, or none: full */
        result->records = check_reallocarray(result->records, result->count ? 2 * result->count : 1,
                                             sizeof *result->records);
    result->records[result->count++] = (struct found_record){.type = record->type,
                                                             .position = record->position,
                                                             .offset = result->payloads.length,
                                                             .length = record->payload.length};
    buffer_append(&result->payloads, record->payload.data, record->payload.length);
}

static bool is_stopped(const struct search *search, uint64_t read) {
    return read % STOP_STEP == 0 && search->stop &&
           atomic_load_explicit(search->stop, memory_order_relaxed);
}

int search_part(const struct search *search, size_t index, struct search_result *ret_result,
                struct error *ret_error) {
    struct archive_part part = archive_parts_part(search->parts, index);
    struct archive_part_reader *reader;
    struct archive_part_record record;
    *ret_result = (struct search_result){0};
    buffer_init(&ret_result->payloads);
    if (!may_have(search, &part))
        return 0;
    int r = archive_part_open(search->parts, index, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    while ((r = archive_part_next(reader, &record, ret_error)) > 0) {
        if (is_stopped(search, ret_result->read++)) {
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
            break;
        }
        if (is_wanted(search, &record))
            take(ret_result, &record);
    }
    archive_part_close(reader);
    return r;
}

/* Event times do not follow positions, so every transaction up to the last position is decoded. */
static int newest_of(const struct search *search, struct archive_part_reader *reader, uint64_t last,
                     struct arena *arena, int64_t *newest_us, struct error *ret_error) {
    struct archive_part_record found;
    struct record record;
    uint64_t read = 0;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) > 0) {
        if (is_stopped(search, read++))
            return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
        if (found.type != RECORD_TRANSACTION || found.position > last)
            continue;
        arena_reset(arena);
        r = archive_part_decode(reader, arena, &record, ret_error);
        if (r < 0)
            return r;
        int64_t at_us = record.transaction.transaction.event_time_us;
        if (at_us > *newest_us)
            *newest_us = at_us;
    }
    return r;
}

int search_newest_event(const struct search *search, size_t index, uint64_t last,
                        struct arena *arena, int64_t *ret_newest_us, struct error *ret_error) {
    struct archive_part part = archive_parts_part(search->parts, index);
    struct archive_part_reader *reader;
    int64_t newest_us = INT64_MIN;
    int r = 0;
    if (part.last >= part.first && part.first <= last &&
        (part.types >> RECORD_TRANSACTION & 1) != 0) {
        r = archive_part_open(search->parts, index, 0, false, &reader, ret_error);
        if (r < 0)
            return r;
        r = newest_of(search, reader, last, arena, &newest_us, ret_error);
        archive_part_close(reader);
    }
    if (r == 0)
        *ret_newest_us = newest_us;
    return r;
}

void search_result_deinit(struct search_result *result) {
    free(result->records);
    buffer_deinit(&result->payloads);
    *result = (struct search_result){0};
}

int search_decode(const struct search_result *result, size_t index, struct arena *arena,
                  struct record *ret_record, struct error *ret_error) {
    check(index < result->count);
    const struct found_record *found = &result->records[index];
    int r = record_decode_in_place(found->type, result->payloads.bytes + found->offset,
                                   found->length, arena, ret_record, ret_error);
    if (r < 0)
        return r;
    ret_record->position = found->position;
    return 0;
}
