/* Reading one part, against what archive_parts.c has found out about it. */
#include "archive_parts.h"
#include "archive_parts_inside.h"
#include "segment_walk.h"

#include "core/base/check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct archive_part_reader {
    const struct archive_parts *parts;
    const struct part *part;
    struct segment_file *file; /* NULL: the part is the head */
    struct buffer kept;        /* of the head: its frames, */
    size_t kept_offset;        /* read up to here */
    struct segment_walk walk;
    uint64_t after;
    bool drop_cache, skims;
    uint64_t dropped;    /* bytes from the start that were dropped from the page cache */
    const uint8_t *seal; /* that it must have; NULL: not asked for, or unknown */
    struct archive_part_record record;
    uint64_t record_offset;
};

#define DROP_BYTES (UINT64_C(8) << 20) /* between two hints to the kernel */

static int open_head(const struct archive_parts *parts, const struct part *part, uint64_t after,
                     struct archive_part_reader **ret_reader, struct error *ret_error) {
    struct archive_part_reader *reader = check_calloc(1, sizeof *reader);
    reader->parts = parts;
    reader->part = part;
    reader->after = after;
    buffer_init(&reader->kept);
    int r = archive_begin_load(parts->directory, &parts->begin, &reader->kept, ret_error);
    if (r < 0) {
        archive_part_close(reader);
        return error_prefix(ret_error, "%s", parts->path);
    }
    *ret_reader = reader;
    return 0;
}

/* A segment that was there when the parts were opened: a prune may have removed it since. */
static int explain_missing(const struct archive_parts *parts, const struct part *part,
                           struct error *ret_error) {
    struct archive_begin begin;
    struct error ignored;
    if (archive_begin_look(parts->directory, &begin, &ignored) == 0 &&
        part->segment.first <= begin.place.position)
        error_set(ret_error, ERROR_UNAVAILABLE,
                  "%s: a prune has removed it meanwhile, and the archive begins after record "
                  "%" PRIu64 " now: start again",
                  part->name, begin.place.position);
    return error_prefix(ret_error, "%s", parts->path);
}

int archive_part_open(const struct archive_parts *parts, size_t index, uint64_t after,
                      bool drop_cache, struct archive_part_reader **ret_reader,
                      struct error *ret_error) {
    check(index < parts->count);
    const struct part *part = &parts->parts[index];
    struct segment_file *file;
    if (part->is_head)
        return open_head(parts, part, after, ret_reader, ret_error);
    int r = segment_file_open_present(parts->directory, &part->segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return explain_missing(parts, part, ret_error);
    posix_fadvise(file->descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    struct archive_part_reader *reader = check_calloc(1, sizeof *reader);
    reader->parts = parts;
    reader->part = part;
    reader->file = file;
    reader->after = after;
    reader->drop_cache = drop_cache;
    r = segment_walk_init(&reader->walk, file, &part->header, ret_error);
    if (r < 0) {
        error_prefix(ret_error, "%s/%s", parts->path, file->name);
        archive_part_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

int archive_part_hash(struct archive_part_reader *reader, struct error *ret_error) {
    const struct archive_parts *parts = reader->parts;
    const struct part *part = reader->part, *end = parts->parts + parts->count;
    const struct part *before = part > parts->parts ? part - 1 : NULL;
    static const uint8_t none[SEAL_HASH_SIZE];
    const uint8_t *seal_before = before ? before->seal_first : none;
    if (part->is_head) /* archive_begin_load() has checked its own hash */
        return 0;
    /* An erasure may have replaced the file since the parts were opened: what is there now counts.
     */
    const struct seal_header *now = reader->file->is_sealed ? &reader->file->seal : NULL;
    if (part->is_sealed && now) {
        if ((!before || part_has_seal(before)) &&
            memcmp(now->before, seal_before, SEAL_HASH_SIZE) != 0)
            return error_set(ret_error, ERROR_DAMAGED,
                             "%s/%s: byte 96: its seal does not continue %s%s", parts->path,
                             part->name, before ? "that of " : "zeros, as the first seal must",
                             before ? before->name : "");
        reader->seal = now->hash;
        seal_before = now->before;
    } else if (part + 1 < end && part[1].is_sealed && (!before || part_has_seal(before)) &&
               part->header.epoch == 0) {
        reader->seal = part[1].seal_before; /* it was sealed once, and restored from a backup */
    } else {
        return 0;
    }
    int r = frame_window_hash(&reader->walk.window, seal_before, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", parts->path, reader->file->name);
    if (reader->file->is_sealed && memcmp(reader->walk.window.bytes.bytes,
                                          reader->file->seal.segment_header, SEGMENT_HEADER_SIZE))
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: byte 160: the header in its seal is not that of the segment",
                         parts->path, reader->file->name);
    return 0;
}

void archive_part_skim(struct archive_part_reader *reader) {
    segment_walk_skim(&reader->walk, RECORD_TRANSACTION);
    reader->skims = true;
}

static void drop_read(struct archive_part_reader *reader) {
    segment_file_drop(reader->file, reader->dropped, reader->walk.offset);
    reader->dropped = reader->walk.offset;
}

void archive_part_close(struct archive_part_reader *reader) {
    if (!reader)
        return;
    if (reader->drop_cache)
        drop_read(reader);
    buffer_deinit(&reader->kept);
    segment_walk_deinit(&reader->walk);
    segment_file_close(reader->file);
    free(reader);
}

static int damaged(const struct archive_part_reader *reader, const char *fault,
                   struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s/%s: byte %" PRIu64 ": the frame after record %" PRIu64 " is damaged: %s",
                     reader->parts->path, reader->file->name, reader->walk.offset,
                     reader->walk.place.position, fault);
}

/* All records of the part were read: checks that they end where they must. Only sync marks may
 * follow in a closed segment. An open one may have more records, which are not part of this
 * reading. */
static int verify_end(struct archive_part_reader *reader, struct error *ret_error) {
    struct archive_place here = reader->walk.place, until = reader->part->until;
    if (reader->skims)
        return 0;
    if (here.position != until.position || here.chain != until.chain)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: its records up to %" PRIu64 " do not match %s",
                         reader->parts->path, reader->file->name, until.position,
                         reader->part->is_open ? "the last sync mark" : "the next segment");
    if (reader->part->is_open)
        return 0;
    const struct archive_place *sealed = &reader->file->seal.end;
    if (reader->file->is_sealed &&
        (here.position != sealed->position || here.chain != sealed->chain))
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: byte 48: the last record in its seal is not that of the segment",
                         reader->parts->path, reader->file->name);
    struct frame frame;
    const char *fault = "";
    int r = segment_walk_next(&reader->walk, &frame, &fault, ret_error);
    if (r == FRAME_WHOLE)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: it has records after record %" PRIu64
                         ", although the next segment begins there",
                         reader->parts->path, reader->file->name, until.position);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", reader->parts->path, reader->file->name);
    if (r != FRAME_END || reader->walk.offset < reader->file->size ||
        reader->walk.synced.position != here.position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: byte %" PRIu64
                         ": a closed segment ends with a sync mark; this one "
                         "does not",
                         reader->parts->path, reader->file->name, reader->walk.offset);
    uint8_t hash[SEAL_HASH_SIZE];
    if (reader->seal && (!frame_window_hash_finish(&reader->walk.window, hash) ||
                         memcmp(hash, reader->seal, SEAL_HASH_SIZE) != 0))
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: its content has changed since it was sealed: the hash differs",
                         reader->parts->path, reader->file->name);
    reader->seal = NULL;
    return 0;
}

static int next_frame(struct archive_part_reader *reader, struct frame *ret_frame,
                      struct error *ret_error) {
    const char *fault = "";
    int r = segment_walk_next(&reader->walk, ret_frame, &fault, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", reader->parts->path, reader->file->name);
    if (r == FRAME_WHOLE)
        return 1;
    /* It is closed properly, but the next one continues a later record. */
    if (r == FRAME_END && !reader->part->is_open &&
        reader->walk.synced.position == reader->walk.place.position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: records %" PRIu64 " to %" PRIu64 " after it are missing",
                         reader->parts->path, reader->file->name, reader->walk.place.position + 1,
                         reader->part->until.position);
    if (r == FRAME_SHORT)
        fault = "the file ends inside it";
    else if (r == FRAME_END)
        fault = "the file ends before it";
    return damaged(reader, fault, ret_error);
}

static int next_kept(struct archive_part_reader *reader, struct archive_part_record *ret_record) {
    struct archive_kept kept;
    do {
        reader->record_offset = reader->kept_offset;
        if (!archive_begin_next(&reader->kept, &reader->kept_offset, &kept)) {
            reader->walk.place = reader->part->until;
            return 0;
        }
        reader->walk.offset = reader->kept_offset;
        reader->walk.place = (struct archive_place){.position = kept.position};
    } while (kept.position <= reader->after);
    reader->record = (struct archive_part_record){
        .type = kept.type, .position = kept.position, .payload = kept.payload};
    *ret_record = reader->record;
    return 1;
}

/* Payloads are copied with text_just_written(): the frame was parsed a moment ago, and one wide
 * load of both members would stall on store forwarding. */
int archive_part_next(struct archive_part_reader *reader, struct archive_part_record *ret_record,
                      struct error *ret_error) {
    if (reader->part->is_head)
        return next_kept(reader, ret_record);
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
        if (frame.type >= RECORD_TYPE_COUNT)
            return error_set_newer(
                ret_error, "%s/%s: byte %" PRIu64 ": record %" PRIu64 ": a record of type %d",
                reader->parts->path, reader->file->name, frame.offset, frame.position, frame.type);
        reader->record_offset = frame.offset;
        reader->record.type = ret_record->type = (enum record_type)frame.type;
        reader->record.position = ret_record->position = frame.position;
        reader->record.payload = text_just_written(&frame.payload);
        ret_record->payload = text_just_written(&frame.payload);
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
                            reader->parts->path, reader->part->name, reader->record_offset,
                            record->position);
    ret_record->position = record->position;
    return 0;
}

uint64_t archive_part_offset(const struct archive_part_reader *reader) {
    return reader->walk.offset;
}

struct archive_place archive_part_place(const struct archive_part_reader *reader) {
    return reader->walk.place;
}

uint64_t archive_part_record_offset(const struct archive_part_reader *reader) {
    return reader->record_offset;
}

int archive_part_resume(struct archive_part_reader *reader, uint64_t offset,
                        struct archive_place place, struct error *ret_error) {
    check(reader->file);
    if (offset < SEGMENT_HEADER_SIZE || offset > reader->file->size || offset % 8 != 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: no frame can begin at byte %" PRIu64 ": it has %" PRIu64,
                         reader->parts->path, reader->file->name, offset, reader->file->size);
    reader->walk.offset = offset;
    reader->walk.place = place;
    return 0;
}

int archive_part_read_at(struct archive_part_reader *reader, uint64_t offset, uint64_t position,
                         struct archive_part_record *ret_record, struct error *ret_error) {
    struct frame frame;
    const char *fault = "it is another record";
    int r = FRAME_END;
    check(reader->file);
    reader->walk.window.chunk = WINDOW_RANDOM;
    if (offset >= SEGMENT_HEADER_SIZE && offset < reader->file->size)
        r = frame_window_look(&reader->walk.window, offset, &frame, &fault, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", reader->parts->path, reader->file->name);
    if (r != FRAME_WHOLE || frame.type == FRAME_TYPE_SYNC || frame.position != position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s/%s: byte %" PRIu64 ": record %" PRIu64 " is not there: %s",
                         reader->parts->path, reader->file->name, offset, position,
                         r == FRAME_END || r == FRAME_SHORT ? "the segment ends" : fault);
    reader->record_offset = frame.offset;
    reader->record = (struct archive_part_record){
        .type = (enum record_type)frame.type, .position = frame.position, .payload = frame.payload};
    *ret_record = reader->record;
    return 0;
}
