#include "archive_files.h"

#include "core/base/json_writer.h"
#include "core/store/archive/archive_parts.h"
#include "core/store/nights/night_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

struct day_bytes {
    int32_t day;
    uint64_t bytes, stored, records;
};

struct totals {
    uint64_t segments, sealed, bytes, stored;
    struct day_bytes days[ARCHIVE_DAYS_SHOWN]; /* the last ones that have segments */
    size_t day_count;
    size_t newest_sealed; /* SIZE_MAX: none */
};

static struct day_bytes *day_of(struct totals *totals, int32_t day) {
    if (totals->day_count > 0 && totals->days[totals->day_count - 1].day == day)
        return &totals->days[totals->day_count - 1];
    if (totals->day_count == ARCHIVE_DAYS_SHOWN)
        memmove(totals->days, totals->days + 1, --totals->day_count * sizeof *totals->days);
    totals->days[totals->day_count] = (struct day_bytes){.day = day};
    return &totals->days[totals->day_count++];
}

static void add_part(struct totals *totals, const struct archive_part *part, size_t index) {
    struct day_bytes *day = day_of(totals, part->day);
    totals->segments++;
    totals->bytes += part->size;
    totals->stored += part->stored;
    day->bytes += part->size;
    day->stored += part->stored;
    day->records += part->last >= part->first ? part->last - part->first + 1 : 0;
    if (part->is_sealed) {
        totals->sealed++;
        totals->newest_sealed = index;
    }
}

static void write_seal(const struct archive_parts *parts, size_t index, struct buffer *out) {
    char hex[2 * SEAL_HASH_SIZE + 1] = "";
    struct archive_part part = archive_parts_part(parts, index);
    for (size_t i = 0; part.seal && i < SEAL_HASH_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", part.seal[i]);
    json_begin_object(out, "newest_seal");
    json_add_text(out, "file", text_of(part.file));
    json_add_unsigned(out, "position", part.last);
    json_add_time(out, "until", part.end_time_us);
    json_add_text(out, "seal", text_of(hex));
    json_end_object(out);
}

static void write_days(const struct totals *totals, struct buffer *out) {
    char date[NIGHT_DATE_SIZE];
    json_begin_array(out, "days");
    for (size_t i = 0; i < totals->day_count; i++) {
        const struct day_bytes *day = &totals->days[i];
        json_begin_object(out, NULL);
        json_add_text(out, "day", text_of(night_date_format(day->day, date)));
        json_add_unsigned(out, "bytes", day->bytes);
        json_add_unsigned(out, "stored", day->stored);
        json_add_unsigned(out, "records", day->records);
        json_end_object(out);
    }
    json_end_array(out);
}

int archive_files_write(const char *archive, struct buffer *out, struct error *ret_error) {
    struct totals totals = {.newest_sealed = SIZE_MAX};
    struct archive_parts *parts;
    struct statvfs disk;
    int r = archive_parts_open(archive, &parts, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        struct archive_part part = archive_parts_part(parts, i);
        if (!part.is_head)
            add_part(&totals, &part, i);
    }
    const struct archive_begin *begin = archive_parts_begin(parts);
    if (begin->place.position > 0) {
        json_add_unsigned(out, "begins_after", begin->place.position);
        json_add_time(out, "begins_after_time", begin->time_us);
    }
    json_add_unsigned(out, "position", archive_parts_end(parts).position);
    json_add_unsigned(out, "segments", totals.segments);
    json_add_unsigned(out, "sealed", totals.sealed);
    json_add_unsigned(out, "bytes", totals.bytes);
    json_add_unsigned(out, "stored", totals.stored);
    if (statvfs(archive, &disk) == 0)
        json_add_unsigned(out, "free", (uint64_t)disk.f_bavail * disk.f_frsize);
    if (totals.newest_sealed != SIZE_MAX)
        write_seal(parts, totals.newest_sealed, out);
    write_days(&totals, out);
    archive_parts_close(parts);
    return 0;
}
