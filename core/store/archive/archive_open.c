/* Recovery: finding the end of an archive, and repairing it where a crash may have left it torn.
 *
 * Closed segments are examined at both ends only: the header must continue from the sync mark at
 * the end of the segment before, or from its seal. The last segment is read in full. Until here
 * nothing is changed; when everything but the tail is known to be in order, the tail is copied
 * aside and cut off. Invariant: nothing that a sync mark covers is ever dropped.
 *
 * What no sync mark covers may be in the kernel's memory alone, and after a failed sync the kernel
 * considers it clean: syncing would succeed and write nothing. So it is written again first. */
#include "archive_epoch.h"
#include "archive_writer.h"

#include "core/base/check.h"
#include "file.h"
#include "segment_file.h"
#include "segment_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DECODE_BYTES_MAX (4 * (size_t)FRAME_PAYLOAD_MAX)

/* The last record of a closed segment, from the sync mark at its end. */
static int read_final_mark(const struct segment_file *file, struct archive_place *ret_place,
                           struct error *ret_error) {
    uint8_t bytes[SYNC_MARK_SIZE];
    struct frame frame;
    struct sync_mark mark;
    const char *fault;
    bool there = file->size >= SEGMENT_HEADER_SIZE + SYNC_MARK_SIZE;
    if (there) {
        ssize_t length =
            file_read_at(file->descriptor, bytes, sizeof bytes, file->size - SYNC_MARK_SIZE);
        if (length < 0)
            return error_set_errno(ret_error, errno, "%s: cannot read", file->name);
        there = frame_parse(bytes, (size_t)length, &frame, &fault) == FRAME_WHOLE &&
                sync_mark_parse(&frame, &mark);
    }
    if (!there)
        return error_set(
            ret_error, ERROR_DAMAGED,
            "%s: byte %" PRIu64
            ": a closed segment ends with a sync mark; the end of this one is damaged or missing",
            file->name, file->size);
    *ret_place = mark.place;
    return 0;
}

static int read_closed(const struct segment_file *file, const struct segment *segment,
                       struct segment_header *ret_header, struct archive_place *ret_end,
                       struct error *ret_error) {
    int r = segment_file_header(file, segment, ret_header, ret_error);
    if (r > 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: byte %" PRIu64 ": the file ends inside its header", file->name,
                         file->size);
    if (r < 0)
        return r;
    if (file->is_sealed) {
        *ret_end = file->seal.end;
        return 0;
    }
    if (file->size == SEGMENT_HEADER_SIZE) { /* started, but no record came on that day */
        *ret_end = ret_header->before;
        return 0;
    }
    return read_final_mark(file, ret_end, ret_error);
}

/* Position, day and chain must all continue: positions find missing or duplicated files, the chain
 * finds files of another archive. */
static int check_follows(const struct segment *segment, int32_t day_before,
                         struct archive_place end_before, const struct segment_header *header,
                         struct error *ret_error) {
    uint64_t expected = end_before.position + 1;
    if (segment->first > expected)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: records %" PRIu64 " to %" PRIu64 " before it are missing",
                         segment->name, expected, segment->first - 1);
    if (segment->first < expected || segment->day < day_before)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: starts with record %" PRIu64 ", but the segments before it end on %s "
                         "day with record %" PRIu64,
                         segment->name, segment->first,
                         segment->day < day_before ? "a later" : "an earlier or the same",
                         end_before.position);
    if (header->before.chain != end_before.chain)
        return error_set(
            ret_error, ERROR_DAMAGED,
            "%s: byte 24: it continues another archive: the chain up to record %" PRIu64
            " is %016" PRIx64 " there and %016" PRIx64 " here",
            segment->name, end_before.position, header->before.chain, end_before.chain);
    return 0;
}

/* Checks that the first `count` segments follow each other; *ret_end is where they end. */
static int check_closed(const struct archive *archive, size_t count, int32_t *ret_day,
                        struct archive_place *ret_end, struct error *ret_error) {
    struct archive_place end = archive->begin.place;
    int32_t day = end.position > 0 ? archive->begin.day : INT32_MIN;
    for (size_t i = 0; i < count; i++) {
        const struct segment *segment = &archive->list.segments[i];
        struct segment_header header;
        struct archive_place segment_end;
        struct segment_file *file;
        int r = segment_file_open_present(archive->directory, segment, O_RDONLY, &file, ret_error);
        if (r < 0)
            return r;
        r = read_closed(file, segment, &header, &segment_end, ret_error);
        segment_file_close(file);
        if (r == 0)
            r = check_follows(segment, day, end, &header, ret_error);
        if (r < 0)
            return r;
        end = segment_end;
        day = segment->day;
    }
    *ret_end = end;
    *ret_day = day;
    return 0;
}

/* A segment's header is on disk before its first frame is written. So a bad header with nothing
 * after it is what a crash left of a new segment; with something after it, it is damage. 1: the
 * segment has no header yet and may be removed; 0: it stays. */
static int is_headerless(const struct archive *archive, const struct segment *segment,
                         struct error *ret_error) {
    struct segment_file *file;
    int r = segment_file_open_present(archive->directory, segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return r;
    struct segment_header header;
    struct error header_error;
    uint64_t size = file->size;
    r = segment_file_header(file, segment, &header, &header_error);
    segment_file_close(file);
    if (r == 0 || size > SEGMENT_HEADER_SIZE || (r < 0 && header_error.code != ERROR_DAMAGED))
        return 0;
    return 1;
}

/* What recovery knows before it changes anything. */
struct finding {
    int access;                /* O_RDWR: it is to be repaired, and we hold the lock; O_RDONLY */
    struct segment_file *file; /* of the last segment that stays; NULL: none does */
    struct segment_walk walk;  /* through it, unless it is sealed */
    struct archive_place end, synced;
    enum tail tail;
    int64_t time_us;
    bool headerless; /* the very last segment of the list has no header: it will be removed */
};

static int refuse_tail(const struct segment *segment, const struct segment_walk *walk, int status,
                       const char *fault, uint64_t mark, struct error *ret_error) {
    if (status == FRAME_SHORT)
        fault = "the file ends inside it";
    else if (status == FRAME_END)
        fault = "there are only zeros";
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s: byte %" PRIu64 ": the frame after record %" PRIu64
                     " is damaged (%s), but the sync mark at byte %" PRIu64
                     " says that it was on disk; nothing was changed",
                     segment->name, walk->offset, walk->place.position, fault, mark);
}

static int walk_last(const struct segment *segment, struct finding *finding,
                     struct error *ret_error) {
    struct frame frame;
    const char *fault = "";
    int status;
    do
        status = segment_walk_next(&finding->walk, &frame, &fault, ret_error);
    while (status == FRAME_WHOLE);
    uint64_t mark = 0;
    int tail = status < 0 ? status : segment_walk_judge(&finding->walk, &mark, ret_error);
    if (tail < 0)
        return error_prefix(ret_error, "%s", segment->name);
    if (tail == TAIL_DAMAGED)
        return refuse_tail(segment, &finding->walk, status, fault, mark, ret_error);
    /* The next segment had been started, so this one had been closed and synced. */
    if (finding->headerless &&
        (tail != TAIL_CLEAN || finding->walk.synced.position != finding->walk.place.position))
        return refuse_tail(segment, &finding->walk, status, fault, finding->walk.offset, ret_error);
    finding->tail = (enum tail)tail;
    finding->end = finding->walk.place;
    finding->synced = finding->walk.synced;
    return 0;
}

/* The receive time that new records must not go below: that of the last record, or the start of its
 * day if the segment is empty. */
static int read_last_time(const struct segment *segment, const struct segment_header *header,
                          struct finding *finding, struct error *ret_error) {
    /* The day of an empty segment has started, whatever the clock says now. */
    finding->time_us = day_start_us(header->day);
    if (finding->time_us < header->time_before_us)
        finding->time_us = header->time_before_us;
    if (finding->walk.last_offset == 0)
        return 0;
    struct frame frame;
    const char *fault;
    int r = frame_window_look(&finding->walk.window, finding->walk.last_offset, &frame, &fault,
                              ret_error);
    check(r <= FRAME_WHOLE || finding->access == O_RDONLY); /* it was whole a moment ago */
    if (r > FRAME_WHOLE)                                    /* we hold no lock */
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s: it is being changed", segment->name);
    struct arena arena;
    struct record record;
    arena_init(&arena, DECODE_BYTES_MAX);
    if (r == FRAME_WHOLE)
        r = record_decode((enum record_type)frame.type, frame.payload.data, frame.payload.length,
                          &arena, &record, ret_error);
    if (r == 0)
        finding->time_us = record.receive_time_us;
    else
        r = error_prefix(ret_error, "%s: byte %" PRIu64, segment->name, finding->walk.last_offset);
    arena_deinit(&arena);
    return r;
}

/* A sealed segment was closed, and nothing is ever added to it. It is the last one where a backup
 * had only sealed ones; the next record starts another. */
static void take_sealed(struct finding *finding, const struct segment_header *header) {
    const struct seal_header *seal = &finding->file->seal;
    finding->tail = TAIL_CLEAN;
    finding->end = finding->synced = seal->end;
    finding->time_us = day_start_us(header->day);
    if (finding->time_us < seal->end_time_us)
        finding->time_us = seal->end_time_us;
}

/* Opens and examines the segment that stays the last one. */
static int examine_last(struct archive *archive, size_t count, int32_t day,
                        struct archive_place end, struct finding *finding,
                        struct error *ret_error) {
    const struct segment *segment = &archive->list.segments[count - 1];
    int r = segment_file_open_present(archive->directory, segment, finding->access, &finding->file,
                                      ret_error);
    if (r < 0)
        return r;
    struct segment_header header;
    r = segment_file_header(finding->file, segment, &header, ret_error);
    if (r > 0)
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: byte %" PRIu64 ": the file ends inside its header", segment->name,
                      finding->file->size);
    if (r == 0)
        r = check_follows(segment, day, end, &header, ret_error);
    if (r == 0 && finding->file->is_sealed) {
        take_sealed(finding, &header);
        return 0;
    }
    if (r == 0)
        r = segment_walk_init(&finding->walk, finding->file, &header, ret_error);
    if (r == 0)
        r = walk_last(segment, finding, ret_error);
    if (r == 0)
        r = read_last_time(segment, &header, finding, ret_error);
    return r;
}

static int examine(struct archive *archive, struct finding *finding, struct error *ret_error) {
    size_t count = archive->list.count;
    if (count == 0 && archive->begin.place.position > 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: it begins after record %" PRIu64 ", and no segment follows",
                         ARCHIVE_BEGIN_FILE, archive->begin.place.position);
    if (count == 0)
        return 0;
    const struct segment *last = &archive->list.segments[count - 1];
    int headerless = is_headerless(archive, last, ret_error);
    if (headerless < 0)
        return headerless;
    finding->headerless = headerless;
    count -= (size_t)headerless;
    struct archive_place end;
    int32_t day;
    int r = check_closed(archive, count ? count - 1 : 0, &day, &end, ret_error);
    if (r == 0 && count)
        r = examine_last(archive, count, day, end, finding, ret_error);
    if (r == 0 && headerless) {
        const struct segment_header header = {.before = finding->end};
        r = check_follows(last, INT32_MIN, finding->end, &header, ret_error);
    }
    return r;
}

static int find(struct archive *archive, struct finding *finding, struct error *ret_error) {
    int r = segment_list_scan(&archive->list, archive->directory, INT32_MIN, ret_error);
    if (r == 0)
        r = archive_begin_look(archive->directory, &archive->begin, ret_error);
    if (r < 0)
        return r;
    segment_list_begin(&archive->list, archive->begin.place);
    return examine(archive, finding, ret_error);
}

/* A prune may be removing the first segments: then the archive begins later by now. */
static int find_again(struct archive *archive, struct finding *finding, int r,
                      struct error *ret_error) {
    struct archive_begin now;
    struct error ignored;
    while (r < 0 && archive_begin_look(archive->directory, &now, &ignored) == 0 &&
           now.place.position > archive->begin.place.position) {
        segment_walk_deinit(&finding->walk);
        segment_file_close(finding->file);
        *finding = (struct finding){.access = finding->access, .time_us = INT64_MIN};
        r = find(archive, finding, ret_error);
    }
    return r;
}

int archive_examine(const char *path, struct archive_examination *ret_examination,
                    struct error *ret_error) {
    struct archive archive = {.directory = -1};
    struct archive_epoch epoch = {0};
    struct finding finding = {.access = O_RDONLY, .time_us = INT64_MIN};
    int r = directory_open(path, "archive", &archive.directory, ret_error);
    if (r < 0)
        return r;
    r = archive_epoch_read(archive.directory, &epoch, ret_error);
    archive_epoch_deinit(&epoch);
    if (r == 0)
        r = find_again(&archive, &finding, find(&archive, &finding, ret_error), ret_error);
    if (r == 0)
        *ret_examination = (struct archive_examination){
            .end = finding.end,
            .synced = finding.synced.position,
            .time_us = finding.time_us,
            .segments = archive.list.count,
            .is_headerless = finding.headerless,
            .torn_bytes = finding.file && finding.tail == TAIL_TORN
                              ? finding.file->size - finding.walk.offset
                              : 0,
        };
    segment_walk_deinit(&finding.walk);
    segment_file_close(finding.file);
    segment_list_deinit(&archive.list);
    close(archive.directory);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * From here on things change */

/* Creates a file beside the segment, under a name that is not in use. */
static int create_torn(const struct archive *archive, const struct segment *segment,
                       char **ret_name, struct error *ret_error) {
    for (unsigned n = 1;; n++) {
        char *name = name_printf("%s.torn-%u", segment->name, n);
        int descriptor =
            openat(archive->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (descriptor >= 0) {
            *ret_name = name;
            return descriptor;
        }
        int r = errno == EEXIST ? 0 : error_set_errno(ret_error, errno, "%s: cannot create", name);
        free(name);
        if (r < 0)
            return r;
    }
}

static int copy_range(int from, uint64_t offset, uint64_t size, int to, uint64_t at) {
    uint8_t *bytes = check_malloc(WINDOW_SEQUENTIAL);
    uint64_t done = 0;
    int r = 0;
    while (done < size && r == 0) {
        uint64_t piece = size - done < WINDOW_SEQUENTIAL ? size - done : WINDOW_SEQUENTIAL;
        ssize_t length = file_read_at(from, bytes, (size_t)piece, offset + done);
        if (length <= 0)
            r = -1;
        else
            r = file_write_at(to, bytes, (size_t)length, at + done);
        done += length > 0 ? (uint64_t)length : 0;
    }
    free(bytes);
    return r;
}

/* The bytes are on disk in a file of their own before they are cut from the segment: an operator
 * may want to look at them. */
static int keep_torn(const struct archive *archive, const struct segment *segment, int descriptor,
                     uint64_t offset, uint64_t size, struct archive_recovery *ret_recovery,
                     struct error *ret_error) {
    char *name;
    int torn = create_torn(archive, segment, &name, ret_error);
    if (torn < 0)
        return torn;
    int r = 0;
    if (copy_range(descriptor, offset, size, torn, 0) < 0 || fsync(torn) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot copy the torn end", name);
    close(torn);
    char day[DAY_NAME_SIZE];
    day_format(segment->day, day);
    if (r == 0)
        r = directory_sync(archive->directory, day, ret_error);
    if (r == 0) {
        ret_recovery->torn_bytes += size;
        snprintf(ret_recovery->torn_file, sizeof ret_recovery->torn_file, "%s/%s", archive->path,
                 name);
    } else {
        unlinkat(archive->directory, name, 0);
    }
    free(name);
    return r;
}

static int remove_headerless(struct archive *archive, struct archive_recovery *ret_recovery,
                             struct error *ret_error) {
    const struct segment *segment = &archive->list.segments[archive->list.count - 1];
    struct segment_file *file;
    int r = segment_file_open_present(archive->directory, segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return r;
    if (file->size)
        r = keep_torn(archive, segment, file->descriptor, 0, file->size, ret_recovery, ret_error);
    segment_file_close(file);
    if (r == 0 && unlinkat(archive->directory, segment->name, 0) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", segment->name);
    /* Else it might come back in a crash, beside a segment of another day that begins with the same
     * record. */
    char day[DAY_NAME_SIZE];
    day_format(segment->day, day);
    if (r == 0)
        r = directory_sync(archive->directory, day, ret_error);
    if (r == 0)
        archive->list.count--;
    return r;
}

static int cut_tail(struct archive *archive, struct finding *finding,
                    struct archive_recovery *ret_recovery, struct error *ret_error) {
    const struct segment *segment = &archive->list.segments[archive->list.count - 1];
    uint64_t offset = finding->walk.offset, size = finding->file->size;
    int descriptor = finding->file->descriptor;
    if (finding->file->is_sealed || size <= offset)
        return 0;
    int r = 0;
    if (finding->tail == TAIL_TORN)
        r = keep_torn(archive, segment, descriptor, offset, size - offset, ret_recovery, ret_error);
    if (r == 0 && (ftruncate(descriptor, (off_t)offset) < 0 || fdatasync(descriptor) < 0))
        r = error_set_errno(ret_error, errno, "%s: cannot cut off the torn end", segment->name);
    return r;
}

/* The process before this one may have had a sync that failed. What the sync did not write is read
 * here as ever, but Linux has taken it for written since: the next sync would succeed and leave it
 * out. So everything that is not known to be on disk is written again. A mark is written after the
 * sync of all that is in front of the mark before it. */
static int write_again(const struct archive *archive, const struct finding *finding,
                       struct error *ret_error) {
    uint64_t from = finding->walk.marks[1];
    int descriptor = finding->file->descriptor;
    if (copy_range(descriptor, from, finding->walk.offset - from, descriptor, from) == 0)
        return 0;
    return error_set_errno(ret_error, errno, "%s: cannot write the end again",
                           archive->list.segments[archive->list.count - 1].name);
}

/* Likewise it may have been killed between giving the last segment its name and syncing that. */
static int sync_names(const struct archive *archive, struct error *ret_error) {
    char day[DAY_NAME_SIZE];
    struct error ignored;
    if (archive->list.count == 0)
        return 0;
    day_format(archive->list.segments[archive->list.count - 1].day, day);
    int r = directory_sync(archive->directory, day, ret_error);
    if (r == 0)
        r = directory_sync(archive->directory, ".", ret_error);
    if (r == 0)
        directory_sync(archive->directory, "..", &ignored); /* not everybody may open it */
    return r;
}

int archive_recover(struct archive *archive, struct archive_recovery *ret_recovery,
                    struct error *ret_error) {
    struct finding finding = {.access = O_RDWR, .time_us = INT64_MIN};
    struct archive_recovery recovery = {0};
    int r = archive_epoch_finish(archive->directory, ret_error);
    if (r == 0)
        r = find_again(archive, &finding, find(archive, &finding, ret_error), ret_error);
    if (r == 0 && finding.headerless)
        r = remove_headerless(archive, &recovery, ret_error);
    if (r == 0 && finding.file)
        r = cut_tail(archive, &finding, &recovery, ret_error);
    if (r == 0 && finding.file && !finding.file->is_sealed)
        r = write_again(archive, &finding, ret_error);
    if (r == 0)
        r = sync_names(archive, ret_error);
    if (r == 0 && finding.file && !finding.file->is_sealed)
        r = segment_claim(finding.file->descriptor, finding.file->name, ret_error);
    segment_walk_deinit(&finding.walk);
    if (r == 0) {
        bool goes_on = finding.file && !finding.file->is_sealed;
        archive->written = (struct archive_written){
            .descriptor = -1,
            .size = finding.walk.offset,
            .place = finding.end,
            .time_us = finding.time_us,
            .synced = finding.synced.position,
            .segment_count = archive->list.count,
        };
        archive->end = finding.end;
        archive->time_us = finding.time_us;
        recovery.position = finding.end.position;
        *ret_recovery = recovery;
        if (goes_on) {
            archive->written.descriptor = segment_file_release(finding.file);
            return 0;
        }
    }
    segment_file_close(finding.file);
    return r;
}
