/* Parts are found once, at opening: the list of segments, where the last sync mark is, and for each
 * segment where it must end, which is what the next one's header continues. Reading verifies
 * against that. All errors name the path of the archive and the segment's file. */
#include "archive_parts.h"

#include "archive_committed.h"

#include "core/base/check.h"
#include "file.h"
#include "segment_file.h"
#include "segment_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct part {
    struct segment segment;
    char name[SEGMENT_FILE_NAME_SIZE]; /* of its file when the parts were opened */
    struct segment_header header;
    struct archive_place until; /* where its records must end */
    bool is_open;               /* there may be more after that: its writer is at work, or it is not
                                   known to be committed */
    uint64_t size, stored;
    bool is_sealed, is_head;
    uint64_t types;
    int64_t end_time_us;
    uint8_t seal_before[SEAL_HASH_SIZE], seal[SEAL_HASH_SIZE]; /* of a sealed one */
    uint8_t seal_first[SEAL_HASH_SIZE];                        /* that the next one continues */
};

struct archive_parts {
    char *path;
    int directory;
    struct archive_begin begin;
    struct archive_place end;
    bool ends_early; /* there are records after it, which may be sealed */
    struct part *parts;
    size_t count;
    size_t covered; /* the first so many are proven by the seals among them */
};

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

/* ---------------------------------------------------------------------------------------------
 * Which parts there are */

/* In a cluster, what is not known to be committed may still be cut off. */
static int end_at_committed(struct archive_parts *parts, struct error *ret_error) {
    struct archive_committed committed;
    int r = archive_committed_read(parts->directory, &committed, ret_error);
    if (r == 0 && committed.place.position < parts->end.position) {
        parts->end = committed.place;
        parts->ends_early = true;
    }
    return r < 0 ? r : 0;
}

/* 1: the segment does not go on from there. */
static int find_synced_after(struct segment_file *file, const struct segment_header *header,
                             const struct archive_parts_hint *hint,
                             struct archive_place *ret_synced) {
    struct segment_walk walk;
    struct error ignored;
    if (hint->first != header->before.position + 1 || hint->offset < SEGMENT_HEADER_SIZE ||
        hint->offset > file->size || hint->offset % 8 != 0)
        return 1;
    int r = segment_walk_init(&walk, file, header, &ignored);
    walk.offset = hint->offset;
    walk.place = walk.synced = hint->place;
    if (r == 0)
        r = segment_walk_finish(&walk, &ignored);
    if (r == 0)
        *ret_synced = walk.synced;
    segment_walk_deinit(&walk);
    return r != 0;
}

static int find_end(struct archive_parts *parts, const struct segment_list *list,
                    const struct archive_parts_hint *hint, struct archive_place until,
                    struct error *ret_error) {
    struct segment_file *file;
    struct segment_header header = {0};
    int r = segment_file_open_last(parts->directory, list, &file, &header, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    r = find_synced_after(file, &header, hint, &parts->end);
    if (r != 0)
        r = segment_walk_find_synced(file, &header, &parts->end, ret_error);
    segment_file_close(file);
    if (r == 0)
        r = end_at_committed(parts, ret_error);
    if (r == 0 && until.position < parts->end.position) {
        parts->end = until;
        parts->ends_early = true;
    }
    return r;
}

/* Fills in all but .until and .is_open, which depend on the next segment. */
static int describe_part(const struct segment *segment, const struct segment_file *file,
                         struct part *ret_part, struct error *ret_error) {
    *ret_part = (struct part){.segment = *segment,
                              .size = file->size,
                              .stored = file->is_sealed ? file->seal.stored : file->size,
                              .is_sealed = file->is_sealed,
                              .types = file->is_sealed ? file->seal.types : UINT64_MAX,
                              .end_time_us = file->is_sealed ? file->seal.end_time_us : INT64_MIN};
    memcpy(ret_part->name, file->name, sizeof ret_part->name);
    memcpy(ret_part->seal_before, file->seal.before, SEAL_HASH_SIZE);
    memcpy(ret_part->seal, file->seal.hash, SEAL_HASH_SIZE);
    memcpy(ret_part->seal_first, file->seal.first, SEAL_HASH_SIZE);
    int r = segment_file_header(file, segment, &ret_part->header, ret_error);
    if (r > 0)
        return error_set(ret_error, ERROR_DAMAGED, "%s: the file ends inside its header",
                         file->name);
    return r;
}

/* 0: added; 1: it starts after the end. */
static int add_part(struct archive_parts *parts, const struct segment *segment,
                    struct error *ret_error) {
    if (segment->first > parts->end.position)
        return 1;
    struct part *part = &parts->parts[parts->count];
    struct segment_file *file;
    int r = segment_file_open_present(parts->directory, segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return r;
    r = describe_part(segment, file, part, ret_error);
    struct archive_place end = file->seal.end;
    segment_file_close(file);
    if (r < 0)
        return r;
    part->until = parts->end;
    /* The file with the committed place may be older than the seal. */
    part->is_open = !part->is_sealed || (parts->ends_early && end.position > parts->end.position);
    if (parts->count > (parts->begin.place.position > 0)) {
        parts->parts[parts->count - 1].until = part->header.before;
        parts->parts[parts->count - 1].is_open = false;
    } else if (part->header.before.position != parts->begin.place.position) {
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: records %" PRIu64 " to %" PRIu64 " before it are missing", part->name,
                         parts->begin.place.position + 1, part->header.before.position);
    } else if (part->header.before.chain != parts->begin.place.chain) {
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: byte 24: it does not continue %s, which ends with record %" PRIu64
                         " of another history",
                         part->name, ARCHIVE_BEGIN_FILE, parts->begin.place.position);
    }
    parts->count++;
    return 0;
}

/* What a prune has kept stands for all that it has dropped. */
static void add_head(struct archive_parts *parts) {
    const struct archive_begin *begin = &parts->begin;
    struct part *part = &parts->parts[parts->count++];
    *part = (struct part){.segment = {.first = 1, .day = begin->day},
                          .name = ARCHIVE_BEGIN_FILE,
                          .header.time_before_us = INT64_MIN,
                          .until = begin->place,
                          .size = begin->kept_bytes,
                          .stored = begin->kept_bytes,
                          .is_head = true,
                          .types = begin->types,
                          .end_time_us = begin->time_us};
    memcpy(part->seal, begin->seal, SEAL_HASH_SIZE);
    memcpy(part->seal_first, begin->seal, SEAL_HASH_SIZE);
}

/* The head has that of the last segment which it stands for. */
static bool has_seal(const struct part *part) {
    return part->is_sealed || part->is_head;
}

/* The seal after a plain part has its hash, but only if the seal before that part is known too
 * (archive_part_hash()), and an erasure has not rewritten it. So of two plain parts in a row
 * neither is proven, nor what is after. */
static size_t count_covered(const struct archive_parts *parts) {
    size_t covered = 0;
    while (covered < parts->count && (has_seal(&parts->parts[covered]) ||
                                      ((covered == 0 || has_seal(&parts->parts[covered - 1])) &&
                                       parts->parts[covered].header.epoch == 0)))
        covered++;
    return covered;
}

static int find_parts(struct archive_parts *parts, const struct archive_parts_hint *hint,
                      struct archive_place until, struct error *ret_error) {
    struct segment_list list = {0};
    int r = directory_open(parts->path, "archive", &parts->directory, ret_error);
    if (r < 0)
        return r;
    r = segment_list_scan(&list, parts->directory, INT32_MIN, ret_error);
    if (r == 0)
        r = archive_begin_look(parts->directory, &parts->begin, ret_error);
    if (r >= 0) {
        segment_list_begin(&list, parts->begin.place);
        r = find_end(parts, &list, hint, until, ret_error);
    }
    if (r == 0)
        parts->parts = check_calloc(list.count + 1, sizeof *parts->parts);
    if (r == 0 && parts->begin.place.position > 0)
        add_head(parts);
    for (size_t i = 0; i < list.count && r == 0; i++)
        r = add_part(parts, &list.segments[i], ret_error);
    segment_list_deinit(&list);
    parts->covered = count_covered(parts);
    return r < 0 ? r : 0;
}

static int open_parts(const char *path, const struct archive_parts_hint *hint,
                      struct archive_place until, struct archive_parts **ret_parts,
                      struct error *ret_error) {
    struct archive_parts *parts = check_calloc(1, sizeof *parts);
    parts->path = text_copy(text_of(path));
    parts->directory = -1;
    int r = find_parts(parts, hint, until, ret_error);
    if (r < 0) {
        struct archive_begin before = parts->begin, now;
        struct error ignored;
        bool is_pruned = parts->directory >= 0 &&
                         archive_begin_look(parts->directory, &now, &ignored) == 0 &&
                         now.place.position > before.place.position;
        archive_parts_close(parts);
        if (is_pruned) /* files of the list are gone: there is another beginning */
            return open_parts(path, hint, until, ret_parts, ret_error);
        return error_prefix(ret_error, "%s", path);
    }
    *ret_parts = parts;
    return 0;
}

int archive_parts_open(const char *path, struct archive_parts **ret_parts,
                       struct error *ret_error) {
    const struct archive_parts_hint none = {0};
    return archive_parts_open_hinted(path, &none, ret_parts, ret_error);
}

int archive_parts_open_hinted(const char *path, const struct archive_parts_hint *hint,
                              struct archive_parts **ret_parts, struct error *ret_error) {
    return open_parts(path, hint, (struct archive_place){.position = UINT64_MAX}, ret_parts,
                      ret_error);
}

int archive_parts_open_until(const char *path, struct archive_place until,
                             struct archive_parts **ret_parts, struct error *ret_error) {
    const struct archive_parts_hint none = {0};
    return open_parts(path, &none, until, ret_parts, ret_error);
}

static int find_one(struct archive_parts *parts, const struct archive_part_bounds *bounds,
                    struct error *ret_error) {
    struct segment_list list = {0};
    struct segment_file *file;
    parts->directory = open(parts->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parts->directory < 0)
        return error_set_errno(ret_error, errno, "cannot open the archive");
    segment_list_add(&list, bounds->day, bounds->first);
    parts->parts = check_calloc(1, sizeof *parts->parts);
    parts->end = bounds->until;
    int r =
        segment_file_open_present(parts->directory, &list.segments[0], O_RDONLY, &file, ret_error);
    if (r == 0) {
        r = describe_part(&list.segments[0], file, &parts->parts[0], ret_error);
        segment_file_close(file);
    }
    segment_list_deinit(&list);
    parts->parts[0].until = bounds->until;
    parts->parts[0].is_open = bounds->is_open;
    parts->count = 1;
    return r;
}

int archive_parts_open_one(const char *path, const struct archive_part_bounds *bounds,
                           struct archive_parts **ret_parts, struct error *ret_error) {
    struct archive_parts *parts = check_calloc(1, sizeof *parts);
    parts->path = text_copy(text_of(path));
    parts->directory = -1;
    int r = find_one(parts, bounds, ret_error);
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

const struct archive_begin *archive_parts_begin(const struct archive_parts *parts) {
    return &parts->begin;
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

/* Of an open part, a seal also covers what is after its end here. */
static const uint8_t *seal_of(const struct archive_parts *parts, size_t index) {
    const struct part *part = &parts->parts[index];
    if (index >= parts->covered || part->is_open)
        return NULL;
    if (has_seal(part))
        return part->seal;
    return index + 1 < parts->count && part[1].is_sealed ? part[1].seal_before : NULL;
}

struct archive_part archive_parts_part(const struct archive_parts *parts, size_t index) {
    check(index < parts->count);
    const struct part *part = &parts->parts[index];
    return (struct archive_part){
        .file = part->name,
        .first = part->segment.first,
        .last = part->until.position,
        .chain = part->until.chain,
        .size = part->size,
        .stored = part->stored,
        .is_sealed = part->is_sealed,
        .is_head = part->is_head,
        /* With types that only a newer version knows, nobody passes over it, and reading it fails.
         */
        .types = part->types >> RECORD_TYPE_COUNT ? UINT64_MAX : part->types,
        .end_time_us = part->end_time_us,
        .seal = seal_of(parts, index),
        .seal_first = has_seal(part) ? part->seal_first : NULL,
        .epoch = part->header.epoch,
        .day = part->segment.day,
        .time_before_us = part->header.time_before_us,
    };
}

struct archive_part_bounds archive_part_bounds(const struct archive_parts *parts, size_t index) {
    check(index < parts->count);
    const struct part *part = &parts->parts[index];
    return (struct archive_part_bounds){.day = part->segment.day,
                                        .first = part->segment.first,
                                        .until = part->until,
                                        .is_open = part->is_open};
}

uint64_t archive_parts_size(const struct archive_parts *parts, size_t index) {
    check(index < parts->count);
    return parts->parts[index].size;
}

int archive_parts_chain(const struct archive_parts *parts, uint64_t position, uint64_t *ret_chain,
                        struct error *ret_error) {
    if (position > parts->end.position)
        return 0;
    *ret_chain = 0;
    if (position == 0)
        return 1;
    if (position < parts->begin.place.position)
        return archive_begin_refuse(&parts->begin, position, ret_error);
    size_t index = archive_parts_find(parts, position - 1);
    if (position == parts->parts[index].until.position) {
        *ret_chain = parts->parts[index].until.chain;
        return 1;
    }
    struct archive_part_reader *reader;
    int r = archive_part_open(parts, index, 0, false, &reader, ret_error);
    if (r < 0)
        return r;
    struct archive_part_record record;
    do
        r = archive_part_next(reader, &record, ret_error);
    while (r == 1 && record.position < position);
    if (r == 1)
        *ret_chain = reader->walk.place.chain;
    archive_part_close(reader);
    return r;
}

int archive_parts_holds(const struct archive_parts *parts, struct archive_place place,
                        struct error *ret_error) {
    uint64_t chain;
    if (place.position < parts->begin.place.position)
        return 0;
    int r = archive_parts_chain(parts, place.position, &chain, ret_error);
    return r == 1 ? chain == place.chain : r;
}

/* ---------------------------------------------------------------------------------------------
 * Reading one */

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
        if ((!before || has_seal(before)) && memcmp(now->before, seal_before, SEAL_HASH_SIZE) != 0)
            return error_set(ret_error, ERROR_DAMAGED,
                             "%s/%s: byte 96: its seal does not continue %s%s", parts->path,
                             part->name, before ? "that of " : "zeros, as the first seal must",
                             before ? before->name : "");
        reader->seal = now->hash;
        seal_before = now->before;
    } else if (part + 1 < end && part[1].is_sealed && (!before || has_seal(before)) &&
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
