/* One pass over the segments in order: what is before the one at hand is whole or has been
 * replaced, so the place that it must continue is known. The file put aside is a second link, made
 * before the stand-in takes the name: a crash at any moment leaves the one or the other. */
#include "archive_quarantine.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/archive/file.h"
#include "core/store/archive/segment_walk.h"
#include "stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER    "quarantine"
#define NAME_SIZE 96

struct quarantine {
    const char *path;
    int directory, lock;
    bool dry_run;
    struct archive_quarantine_listener *listener;
    struct segment_list list;
    struct archive_place place;   /* up to here all is well */
    int64_t time_us;              /* of that record; INT64_MIN: there is none */
    uint8_t seal[SEAL_HASH_SIZE]; /* that the next seal continues; of a plain segment: zeros */
};

/* What is known about the segment behind. */
struct behind {
    bool is_there, is_known, is_sealed;
    struct segment_header header;
    uint8_t seal_before[SEAL_HASH_SIZE];
};

static struct behind look_behind(const struct quarantine *quarantine, size_t index) {
    struct behind behind = {0};
    struct segment_file *file;
    struct error ignored;
    if (index >= quarantine->list.count)
        return behind;
    behind.is_there = true;
    const struct segment *segment = &quarantine->list.segments[index];
    if (segment_file_open(quarantine->directory, segment, O_RDONLY, &file, &ignored) != 0)
        return behind;
    behind.is_known = segment_file_header(file, segment, &behind.header, &ignored) == 0;
    behind.is_sealed = file->is_sealed;
    if (file->is_sealed)
        memcpy(behind.seal_before, file->seal.before, SEAL_HASH_SIZE);
    segment_file_close(file);
    return behind;
}

/* ---- is it whole? ---- */

/* Of the last record that a walk has seen. */
static int64_t last_time(struct segment_walk *walk, const struct segment_header *header) {
    struct frame frame;
    struct record record;
    struct arena arena;
    const char *fault;
    struct error ignored;
    int64_t time_us = header->time_before_us;
    arena_init(&arena, 4 * (size_t)FRAME_PAYLOAD_MAX);
    if (walk->last_offset > 0 &&
        frame_window_look(&walk->window, walk->last_offset, &frame, &fault, &ignored) ==
            FRAME_WHOLE &&
        record_decode((enum record_type)frame.type, frame.payload.data, frame.payload.length,
                      &arena, &record, &ignored) == 0)
        time_us = record.receive_time_us;
    arena_deinit(&arena);
    return time_us;
}

/* *ret_time_us: of its last record. */
static int check_walk(struct segment_file *file, const struct segment_header *header,
                      const struct behind *behind, struct archive_place *ret_end,
                      int64_t *ret_time_us, struct error *ret_error) {
    struct segment_walk walk;
    struct frame frame;
    const char *fault = "it ends there";
    uint64_t mark = 0;
    int r = segment_walk_init(&walk, file, header, ret_error);
    if (r < 0)
        return r;
    while ((r = segment_walk_next(&walk, &frame, &fault, ret_error)) == FRAME_WHOLE)
        continue;
    int tail = r < 0 ? r : segment_walk_judge(&walk, &mark, ret_error);
    bool ends_well = tail == TAIL_CLEAN || (tail == TAIL_TORN && !behind->is_there);
    /* A closed one ends with a sync mark. If the one behind begins later, another is missing. */
    bool is_closed = file->is_sealed || walk.synced.position == walk.place.position;
    const struct archive_place *next = &behind->header.before;
    if (behind->is_known)
        ends_well = ends_well && (walk.place.position == next->position
                                      ? walk.place.chain == next->chain
                                      : walk.place.position < next->position && is_closed);
    if (tail >= 0 && !ends_well)
        tail = error_set(ret_error, ERROR_DAMAGED,
                         "byte %" PRIu64 ": the frame after record %" PRIu64 " is damaged: %s",
                         walk.offset, walk.place.position, fault);
    *ret_end = walk.place;
    *ret_time_us = behind->header.time_before_us;
    if (tail >= 0 && (!behind->is_known || walk.place.position < next->position))
        *ret_time_us = last_time(&walk, header);
    segment_walk_deinit(&walk);
    return tail < 0 ? tail : 0;
}

static int check_segment(struct quarantine *quarantine, const struct segment *segment,
                         const struct behind *behind, struct archive_place *ret_end,
                         int64_t *ret_time_us, uint8_t ret_seal[SEAL_HASH_SIZE],
                         struct error *ret_error) {
    struct segment_file *file;
    struct segment_header header;
    int r = segment_file_open_present(quarantine->directory, segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return r;
    r = segment_file_header(file, segment, &header, ret_error);
    if (r > 0)
        r = error_set(ret_error, ERROR_DAMAGED, "the file ends inside its header");
    if (r == 0 && (header.before.position != quarantine->place.position ||
                   header.before.chain != quarantine->place.chain))
        r = error_set(ret_error, ERROR_DAMAGED, "byte 24: it does not continue record %" PRIu64,
                      quarantine->place.position);
    if (r == 0)
        r = check_walk(file, &header, behind, ret_end, ret_time_us, ret_error);
    memset(ret_seal, 0, SEAL_HASH_SIZE);
    if (file->is_sealed)
        memcpy(ret_seal, file->seal.first, SEAL_HASH_SIZE);
    segment_file_close(file);
    return r;
}

/* ---- putting one aside ---- */

/* The name of the damaged file; false: there is none. */
static bool find_file(const struct quarantine *quarantine, const struct segment *segment,
                      char ret_name[SEGMENT_FILE_NAME_SIZE]) {
    snprintf(ret_name, SEGMENT_FILE_NAME_SIZE, "%s", segment->name);
    if (faccessat(quarantine->directory, ret_name, F_OK, 0) == 0)
        return true;
    segment_file_sealed_name(segment, ret_name);
    return faccessat(quarantine->directory, ret_name, F_OK, 0) == 0;
}

static int keep_file(const struct quarantine *quarantine, const char *name,
                     char ret_kept[NAME_SIZE], struct error *ret_error) {
    for (unsigned n = 1;; n++) {
        snprintf(ret_kept, NAME_SIZE, FOLDER "/%.10s-%s", name, name + 11);
        if (n > 1)
            snprintf(ret_kept + strlen(ret_kept), 12, ".%u", n % 1000000);
        if (linkat(quarantine->directory, name, quarantine->directory, ret_kept, 0) == 0)
            return directory_sync(quarantine->directory, FOLDER, ret_error);
        if (errno != EEXIST)
            return error_set_errno(ret_error, errno, "%s: cannot put it aside", ret_kept);
    }
}

/* The stand-in belongs to whom the archive belongs to: a server must be able to read it. */
static int write_file(const struct quarantine *quarantine, const char *name,
                      const struct buffer *bytes, struct error *ret_error) {
    char temporary[SEGMENT_FILE_NAME_SIZE + 8];
    struct stat folder, made;
    snprintf(temporary, sizeof temporary, "%s.new", name);
    if (unlinkat(quarantine->directory, temporary, 0) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot remove", temporary);
    int r = file_create(quarantine->directory, temporary, bytes->bytes, bytes->length, ret_error);
    if (r == 0 &&
        (fstat(quarantine->directory, &folder) < 0 ||
         fstatat(quarantine->directory, temporary, &made, 0) < 0 ||
         ((folder.st_uid != made.st_uid || folder.st_gid != made.st_gid) &&
          fchownat(quarantine->directory, temporary, folder.st_uid, folder.st_gid, 0) < 0)))
        r = error_set_errno(ret_error, errno, "%s: cannot give it to the owner of the archive",
                            temporary);
    if (r == 0 && renameat(quarantine->directory, temporary, quarantine->directory, name) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot rename", temporary);
    return r;
}

static int put_in_place(const struct quarantine *quarantine, const struct segment *segment,
                        const struct stand_in *stand_in, const char *damaged,
                        struct error *ret_error) {
    char name[SEGMENT_FILE_NAME_SIZE], day[DAY_NAME_SIZE];
    int made;
    day_format(segment->day, day);
    int r = directory_make(quarantine->directory, day, &made, ret_error);
    if (r < 0)
        return r;
    close(made);
    if (stand_in->is_sealed)
        segment_file_sealed_name(segment, name);
    else
        snprintf(name, sizeof name, "%s", segment->name);
    r = write_file(quarantine, name, &stand_in->file, ret_error);
    if (r == 0 && *damaged && strcmp(damaged, name) != 0 &&
        unlinkat(quarantine->directory, damaged, 0) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", damaged);
    return r < 0 ? r : directory_sync(quarantine->directory, day, ret_error);
}

/* name: of the damaged file; "": it is missing. last: 0: the segment goes on to where the next one
 * begins, or to its end. */
static int replace(struct quarantine *quarantine, const struct segment *segment, const char *name,
                   const struct behind *behind, const char *fault, struct error *ret_error) {
    struct stand_in_plan plan = {.directory = quarantine->directory,
                                 .segment = segment,
                                 .name = name,
                                 .before = quarantine->place,
                                 .time_before_us = quarantine->time_us};
    char kept[NAME_SIZE] = "";
    struct stand_in stand_in;
    memcpy(plan.seal_before, quarantine->seal, SEAL_HASH_SIZE);
    if (behind->is_there && !behind->is_known)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: %s; and the segment behind it is damaged, too, so nothing says where "
                         "it ends: restore one of them from a backup first",
                         segment->name, fault);
    if (behind->is_known) {
        plan.has_end = true;
        plan.end = behind->header.before;
        plan.end_time_us = behind->header.time_before_us;
        plan.seal = behind->is_sealed;
        memcpy(plan.seal_after, behind->seal_before, SEAL_HASH_SIZE);
    }
    int made, r = 0;
    if (!quarantine->dry_run) { /* also if nothing is kept: it says that records may be lost */
        r = directory_make(quarantine->directory, FOLDER, &made, ret_error);
        if (r < 0)
            return r;
        close(made);
    }
    if (*name && !quarantine->dry_run)
        r = keep_file(quarantine, name, kept, ret_error);
    else if (*name)
        snprintf(kept, sizeof kept, FOLDER "/%.10s-%s", name, name + 11);
    plan.kept = kept;
    if (r == 0)
        r = stand_in_make(&plan, &stand_in, ret_error);
    if (r < 0)
        return r;
    if (!quarantine->dry_run)
        r = put_in_place(quarantine, segment, &stand_in, name, ret_error);
    if (r == 0) {
        const struct archive_quarantined quarantined = {.segment = segment->name,
                                                        .file = kept,
                                                        .fault = fault,
                                                        .first = plan.before.position + 1,
                                                        .last = stand_in.end.position,
                                                        .lost = stand_in.lost};
        quarantine->listener->found(quarantine->listener, &quarantined);
        quarantine->place = stand_in.end;
        quarantine->time_us = stand_in.end_time_us;
        memcpy(quarantine->seal, stand_in.seal_first, SEAL_HASH_SIZE);
    }
    stand_in_deinit(&stand_in);
    return r;
}

/* ---- all of them ---- */

/* Between the place and this segment some are missing. They get one stand-in, on the day of the
 * last record before the segment. */
static int replace_missing(struct quarantine *quarantine, const struct segment *segment,
                           const struct behind *behind, struct error *ret_error) {
    struct segment_list one = {0};
    char fault[96];
    if (!behind->is_known)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: it is damaged, and so is what is before it: restore one of them from "
                         "a backup first",
                         segment->name);
    snprintf(fault, sizeof fault, "records %" PRIu64 " to %" PRIu64 " are missing",
             quarantine->place.position + 1, behind->header.before.position);
    segment_list_add(&one, day_of(behind->header.time_before_us), quarantine->place.position + 1);
    int r = replace(quarantine, &one.segments[0], "", behind, fault, ret_error);
    segment_list_deinit(&one);
    return r;
}

static int go_over(struct quarantine *quarantine, size_t index, struct error *ret_error) {
    const struct segment *segment = &quarantine->list.segments[index];
    struct behind behind = look_behind(quarantine, index + 1);
    struct behind here = look_behind(quarantine, index);
    struct archive_place end;
    int64_t time_us = 0;
    uint8_t seal[SEAL_HASH_SIZE];
    char name[SEGMENT_FILE_NAME_SIZE] = "";
    struct error fault;
    int r = 0;
    if (segment->first > quarantine->place.position + 1)
        r = replace_missing(quarantine, segment, &here, ret_error);
    if (r < 0)
        return r;
    if (check_segment(quarantine, segment, &behind, &end, &time_us, seal, &fault) < 0) {
        find_file(quarantine, segment, name);
        return replace(quarantine, segment, name, &behind, fault.text, ret_error);
    }
    quarantine->place = end;
    quarantine->time_us = time_us;
    memcpy(quarantine->seal, seal, SEAL_HASH_SIZE);
    return 0;
}

static int claim(struct quarantine *quarantine, struct error *ret_error) {
    int r = directory_open(quarantine->path, "archive", &quarantine->directory, ret_error);
    if (r == 0)
        r = directory_lock(quarantine->directory, quarantine->path, "writes to this archive",
                           &quarantine->lock, ret_error);
    if (r == 0 && flock(quarantine->directory, LOCK_EX | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK
                ? error_set(ret_error, ERROR_EXISTS,
                            "another process seals or rewrites this archive's segments")
                : error_set_errno(ret_error, errno, "cannot lock the archive");
    return r;
}

int archive_quarantine(const char *path, bool dry_run, struct archive_quarantine_listener *listener,
                       struct error *ret_error) {
    struct quarantine quarantine = {.path = path,
                                    .directory = -1,
                                    .lock = -1,
                                    .dry_run = dry_run,
                                    .listener = listener,
                                    .time_us = INT64_MIN};
    struct archive_begin begin;
    int r = claim(&quarantine, ret_error);
    if (r == 0)
        r = segment_list_scan(&quarantine.list, quarantine.directory, INT32_MIN, ret_error);
    if (r == 0)
        r = archive_begin_look(quarantine.directory, &begin, ret_error);
    if (r >= 0) {
        quarantine.place = begin.place;
        if (r == 0) {
            quarantine.time_us = begin.time_us;
            memcpy(quarantine.seal, begin.seal, SEAL_HASH_SIZE);
        }
        segment_list_begin(&quarantine.list, begin.place);
        r = 0;
    }
    for (size_t i = 0; i < quarantine.list.count && r == 0; i++)
        r = go_over(&quarantine, i, ret_error);
    segment_list_deinit(&quarantine.list);
    if (quarantine.lock >= 0)
        close(quarantine.lock);
    if (quarantine.directory >= 0)
        close(quarantine.directory);
    return r < 0 ? error_prefix(ret_error, "%s", path) : 0;
}
