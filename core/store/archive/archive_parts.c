/* Parts are found once, at opening: the list of segments, where the last sync mark is, and for each
 * segment where it must end, which is what the next one's header continues. Reading verifies
 * against that. All errors name the path of the archive and the segment's file. */
#include "archive_parts.h"

#include "archive_committed.h"
#include "archive_parts_inside.h"

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

/* The seal after a plain part has its hash, but only if the seal before that part is known too
 * (archive_part_hash()), and an erasure has not rewritten it. So of two plain parts in a row
 * neither is proven, nor what is after. */
static size_t count_covered(const struct archive_parts *parts) {
    size_t covered = 0;
    while (covered < parts->count &&
           (part_has_seal(&parts->parts[covered]) ||
            ((covered == 0 || part_has_seal(&parts->parts[covered - 1])) &&
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
    if (part_has_seal(part))
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
        .seal_first = part_has_seal(part) ? part->seal_first : NULL,
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
        *ret_chain = archive_part_place(reader).chain;
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
