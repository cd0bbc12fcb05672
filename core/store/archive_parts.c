#include "archive_parts.h"

#include "../base/check.h"
#include "segment.h"
#include "segment_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct part {
    struct segment segment;
    struct segment_header header;
    struct archive_place until; /* where it has to arrive */
    bool is_last;               /* it may go on behind that */
    uint64_t size;
};

struct archive_parts {
    char *path;
    int directory;
    struct archive_place end;
    struct part *parts;
    size_t count;
};

struct archive_part_reader {
    const struct archive_parts *parts;
    const struct part *part;
    int descriptor;
    struct segment_walk walk;
    uint64_t after;
    bool drop_cache;
    uint64_t dropped; /* bytes from the start that the cache need not keep */
    struct archive_part_record record;
    uint64_t record_offset;
};

#define DROP_BYTES (UINT64_C(8) << 20) /* between two hints to the system */

/* ---------------------------------------------------------------------------------------------
 * Which parts there are */

/* The last segment that has a header, whole or not. 1: there is none. */
static int open_last(const struct archive_parts *parts, const struct segment_list *list,
                     const struct segment **ret_segment, int *ret_descriptor,
                     struct segment_header *ret_header, struct error *ret_error) {
    for (size_t i = list->count; i-- > 0;) {
        const struct segment *segment = &list->segments[i];
        int descriptor = openat(parts->directory, segment->name, O_RDONLY | O_CLOEXEC);
        if (descriptor < 0 && errno == ENOENT) /* a write that was taken back */
            continue;
        if (descriptor < 0)
            return error_set_errno(ret_error, errno, "%s: cannot open", segment->name);
        int r = segment_header_read(descriptor, segment, ret_header, ret_error);
        if (r == 0) {
            *ret_segment = segment;
            *ret_descriptor = descriptor;
            return 0;
        }
        close(descriptor);
        if (r < 0)
            return r;
    }
    return 1;
}

/* Goes on to where the frames end. enum tail, or < 0. */
static int walk_to_end(struct segment_walk *walk, const char **ret_fault, uint64_t *ret_mark,
                       struct error *ret_error) {
    struct frame frame;
    int r = frame_window_refresh(&walk->window, ret_error);
    walk->contradicted = false;
    if (r < 0)
        return r;
    do
        r = segment_walk_next(walk, &frame, ret_fault, ret_error);
    while (r == FRAME_WHOLE);
    if (r >= 0 && r != FRAME_BAD)
        *ret_fault = "it is not whole";
    return r < 0 ? r : segment_walk_judge(walk, ret_mark, ret_error);
}

/* Goes through the last segment. Behind where it ends nothing may be that was on the disk: with a
 * damaged record in the way, an older sync mark must not pass for the last one. Its writer may be
 * at work, so what looks damaged is looked at again as long as there is more to see. */
static int find_synced(struct segment_walk *walk, const char *name, struct error *ret_error) {
    const char *fault = "";
    uint64_t mark = 0, offset;
    int r;
    do {
        offset = walk->offset;
        r = walk_to_end(walk, &fault, &mark, ret_error);
    } while (r == TAIL_DAMAGED && walk->offset > offset);
    if (r == TAIL_DAMAGED)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: byte %" PRIu64 ": the frame behind record %" PRIu64
                         " is damaged: %s; the sync mark at byte %" PRIu64 " vouches for it",
                         name, walk->offset, walk->place.position, fault, mark);
    return r < 0 ? r : 0;
}

static int find_end(struct archive_parts *parts, const struct segment_list *list,
                    struct error *ret_error) {
    const struct segment *segment = NULL;
    int descriptor = -1;
    struct segment_header header = {0};
    int r = open_last(parts, list, &segment, &descriptor, &header, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    struct segment_walk walk;
    r = segment_walk_init(&walk, descriptor, &header, ret_error);
    if (r == 0)
        r = find_synced(&walk, segment->name, ret_error);
    parts->end = walk.synced;
    segment_walk_deinit(&walk);
    close(descriptor);
    return r;
}

/* 0: added; 1: it begins behind the end. */
static int add_part(struct archive_parts *parts, const struct segment *segment,
                    struct error *ret_error) {
    if (segment->first > parts->end.position)
        return 1;
    int descriptor = openat(parts->directory, segment->name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", segment->name);
    struct part *part = &parts->parts[parts->count];
    *part = (struct part){.segment = *segment, .until = parts->end, .is_last = true};
    struct stat status;
    int r = 0;
    if (fstat(descriptor, &status) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot look at it", segment->name);
    if (r == 0)
        r = segment_header_read(descriptor, segment, &part->header, ret_error);
    close(descriptor);
    if (r > 0)
        return error_set(ret_error, ERROR_DAMAGED, "%s: the file ends inside its header",
                         segment->name);
    if (r < 0)
        return r;
    part->size = (uint64_t)status.st_size;
    if (parts->count > 0) {
        parts->parts[parts->count - 1].until = part->header.before;
        parts->parts[parts->count - 1].is_last = false;
    } else if (part->header.before.position > 0) {
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: records 1 to %" PRIu64 " before it are missing", segment->name,
                         part->header.before.position);
    }
    parts->count++;
    return 0;
}

static int find_parts(struct archive_parts *parts, struct error *ret_error) {
    struct segment_list list = {0};
    parts->directory = open(parts->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parts->directory < 0 && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no such archive");
    if (parts->directory < 0)
        return error_set_errno(ret_error, errno, "cannot open the archive");
    int r = segment_list_scan(&list, parts->directory, INT32_MIN, ret_error);
    if (r == 0)
        r = find_end(parts, &list, ret_error);
    if (r == 0)
        parts->parts = check_calloc(list.count, sizeof *parts->parts);
    for (size_t i = 0; i < list.count && r == 0; i++)
        r = add_part(parts, &list.segments[i], ret_error);
    segment_list_deinit(&list);
    return r < 0 ? r : 0;
}

int archive_parts_open(const char *path, struct archive_parts **ret_parts,
                       struct error *ret_error) {
    struct archive_parts *parts = check_calloc(1, sizeof *parts);
    parts->path = text_copy(text_of(path));
    parts->directory = -1;
    int r = find_parts(parts, ret_error);
    if (r < 0) {
        archive_parts_close(parts);
        return error_prefix(ret_error, "%s", path);
    }
    *ret_parts = parts;
    return 0;
}

void archive_parts_close(struct archive_parts *parts) {
    if (!parts)
        return;
    if (parts->directory >= 0)
        close(parts->directory);
    free(parts->parts);
    free(parts->path);
    free(parts);
}

struct archive_place archive_parts_end(const struct archive_parts *parts) {
    return parts->end;
}

size_t archive_parts_count(const struct archive_parts *parts) {
    return parts->count;
}

size_t archive_parts_find(const struct archive_parts *parts, uint64_t position) {
    size_t index = 0;
    while (index < parts->count && parts->parts[index].until.position <= position)
        index++;
    return index;
}

struct archive_part archive_parts_part(const struct archive_parts *parts, size_t index) {
    check(index < parts->count);
    const struct part *part = &parts->parts[index];
    return (struct archive_part){
        .file = part->segment.name,
        .first = part->segment.first,
        .last = part->until.position,
        .size = part->size,
        .day = part->segment.day,
        .time_before_us = part->header.time_before_us,
    };
}

uint64_t archive_parts_size(const struct archive_parts *parts, size_t index) {
    check(index < parts->count);
    return parts->parts[index].size;
}

int archive_parts_holds(const struct archive_parts *parts, struct archive_place place,
                        struct error *ret_error) {
    if (place.position > parts->end.position)
        return 0;
    if (place.position == 0)
        return place.chain == 0;
    size_t index = archive_parts_find(parts, place.position - 1);
    if (place.position == parts->parts[index].until.position)
        return place.chain == parts->parts[index].until.chain;
    struct archive_part_reader *reader;
    int r = archive_part_open(parts, index, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    struct archive_part_record record;
    do
        r = archive_part_next(reader, &record, ret_error);
    while (r == 1 && record.position < place.position);
    if (r == 1)
        r = reader->walk.place.chain == place.chain;
    archive_part_close(reader);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Reading one */

int archive_part_open(const struct archive_parts *parts, size_t index, uint64_t after,
                      bool drop_cache, struct archive_part_reader **ret_reader,
                      struct error *ret_error) {
    check(index < parts->count);
    const struct part *part = &parts->parts[index];
    int descriptor = openat(parts->directory, part->segment.name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot open", parts->path,
                               part->segment.name);
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    struct archive_part_reader *reader = check_calloc(1, sizeof *reader);
    reader->parts = parts;
    reader->part = part;
    reader->descriptor = descriptor;
    reader->after = after;
    reader->drop_cache = drop_cache;
    int r = segment_walk_init(&reader->walk, descriptor, &part->header, ret_error);
    if (r < 0) {
        archive_part_close(reader);
        return error_prefix(ret_error, "%s/%s", parts->path, part->segment.name);
    }
    *ret_reader = reader;
    return 0;
}

static void drop_read(struct archive_part_reader *reader) {
    posix_fadvise(reader->descriptor, (off_t)reader->dropped,
                  (off_t)(reader->walk.offset - reader->dropped), POSIX_FADV_DONTNEED);
    reader->dropped = reader->walk.offset;
}

void archive_part_close(struct archive_part_reader *reader) {
    if (!reader)
        return;
    if (reader->drop_cache)
        drop_read(reader);
    segment_walk_deinit(&reader->walk);
    close(reader->descriptor);
    free(reader);
}

static int damaged(const struct archive_part_reader *reader, const char *fault,
                   struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s/%s: byte %" PRIu64 ": the frame behind record %" PRIu64 " is damaged: %s",
                     reader->parts->path, reader->part->segment.name, reader->walk.offset,
                     reader->walk.place.position, fault);
}

/* All records of the part were seen. Nothing but sync marks may follow in a closed segment. */
static int verify_end(struct archive_part_reader *reader, struct error *ret_error) {
    struct archive_place here = reader->walk.place, until = reader->part->until;
    if (here.position != until.position || here.chain != until.chain)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: its records up to %" PRIu64 " are not those that %s continues",
                         reader->parts->path, reader->part->segment.name, until.position,
                         reader->part->is_last ? "the last sync mark" : "the next segment");
    if (reader->part->is_last)
        return 0;
    struct frame frame;
    const char *fault = "";
    int r = segment_walk_next(&reader->walk, &frame, &fault, ret_error);
    if (r == FRAME_WHOLE)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: it does not end with record %" PRIu64
                         ", though the next segment begins behind that one",
                         reader->parts->path, reader->part->segment.name, until.position);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", reader->parts->path, reader->part->segment.name);
    if (r != FRAME_END || reader->walk.offset < reader->walk.window.file_size ||
        reader->walk.synced.position != here.position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: byte %" PRIu64
                         ": a closed segment ends with a sync mark, this one "
                         "does not",
                         reader->parts->path, reader->part->segment.name, reader->walk.offset);
    return 0;
}

static int next_frame(struct archive_part_reader *reader, struct frame *ret_frame,
                      struct error *ret_error) {
    const char *fault = "";
    int r = segment_walk_next(&reader->walk, ret_frame, &fault, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", reader->parts->path, reader->part->segment.name);
    if (r == FRAME_WHOLE)
        return 1;
    if (r == FRAME_SHORT)
        fault = "the file ends inside it";
    else if (r == FRAME_END)
        fault = "nothing more is in the file";
    return damaged(reader, fault, ret_error);
}

int archive_part_next(struct archive_part_reader *reader, struct archive_part_record *ret_record,
                      struct error *ret_error) {
    for (;;) {
        if (reader->walk.place.position >= reader->part->until.position)
            return verify_end(reader, ret_error);
        struct frame frame;
        int r = next_frame(reader, &frame, ret_error);
        if (r < 0)
            return r;
        if (reader->drop_cache && reader->walk.offset - reader->dropped > DROP_BYTES)
            drop_read(reader);
        if (frame.position <= reader->after)
            continue;
        reader->record_offset = frame.offset;
        reader->record = (struct archive_part_record){.type = (enum record_type)frame.type,
                                                      .position = frame.position,
                                                      .payload = frame.payload};
        *ret_record = reader->record;
        return 1;
    }
}

int archive_part_decode(struct archive_part_reader *reader, struct arena *arena,
                        struct record *ret_record, struct error *ret_error) {
    const struct archive_part_record *record = &reader->record;
    int r = record_decode_in_place(record->type, record->payload.data, record->payload.length,
                                   arena, ret_record, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s: byte %" PRIu64 ": record %" PRIu64,
                            reader->parts->path, reader->part->segment.name, reader->record_offset,
                            record->position);
    ret_record->position = record->position;
    return 0;
}

uint64_t archive_part_offset(const struct archive_part_reader *reader) {
    return reader->walk.offset;
}
