/* Cutting off the end of an archive: what one node of a cluster wrote and the log does not have.
 *
 * The records that go are copied first, to PATH/cut/<first position>-<n>/, as segments: the folder
 * has the form of an archive that begins later. Then whole segments are removed, the newest first,
 * and the one that has the place is truncated. A crash in between leaves an archive that is shorter
 * than before and whole; cutting is then done again. At the end the archive is recovered as at an
 * opening, so what is in memory is what is on disk. */
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
#include <sys/stat.h>
#include <unistd.h>

#define CUT_FOLDER "cut"

/* What is to be done. */
struct cutting {
    struct archive *archive;
    struct archive_place place;
    size_t keep;                /* segments that stay, the last of them truncated */
    struct segment_file *file;  /* that one, if it is not sealed; NULL: nothing is truncated */
    struct segment_header tail; /* of the segment that its end becomes in the copy */
    uint64_t offset;            /* where it is truncated */
    int copy;                   /* the folder of the copy */
    struct archive_cut_report *report;
};

/* Finds the place in the segment that has it. */
static int find_place(struct cutting *cutting, const struct segment *segment,
                      const struct segment_header *header, struct error *ret_error) {
    struct segment_walk walk;
    struct frame frame;
    const char *fault = "";
    int r = segment_walk_init(&walk, cutting->file, header, ret_error);
    int status = FRAME_WHOLE;
    while (r == 0 && status == FRAME_WHOLE && walk.place.position < cutting->place.position)
        status = segment_walk_next(&walk, &frame, &fault, ret_error);
    if (r == 0 && status < 0)
        r = status;
    if (r == 0 && (walk.place.position != cutting->place.position ||
                   walk.place.chain != cutting->place.chain))
        r = error_set(ret_error, ERROR_NOT_FOUND,
                      "%s: record %" PRIu64 " has chain %016" PRIx64 ", expected %016" PRIx64
                      " at record %" PRIu64,
                      segment->name, walk.place.position, walk.place.chain, cutting->place.chain,
                      cutting->place.position);
    cutting->offset = walk.offset;
    segment_walk_deinit(&walk);
    return r;
}

/* A sealed segment is never changed: it can only stay or go as a whole. */
static int examine(struct cutting *cutting, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    struct segment_header header;
    while (cutting->keep < archive->list.count &&
           archive->list.segments[cutting->keep].first <= cutting->place.position)
        cutting->keep++;
    if (cutting->keep == 0)
        return 0;
    const struct segment *segment = &archive->list.segments[cutting->keep - 1];
    int r =
        segment_file_open_present(archive->directory, segment, O_RDWR, &cutting->file, ret_error);
    if (r == 0)
        r = segment_file_header(cutting->file, segment, &header, ret_error);
    if (r > 0)
        r = error_set(ret_error, ERROR_DAMAGED, "%s: it has no header", segment->name);
    if (r < 0)
        return r;
    if (cutting->file->is_sealed) {
        struct archive_place end = cutting->file->seal.end;
        segment_file_close(cutting->file);
        cutting->file = NULL;
        if (end.position == cutting->place.position && end.chain == cutting->place.chain)
            return 0;
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "%s: it is sealed and ends with record %" PRIu64
                         ", so it cannot be cut after record %" PRIu64,
                         segment->name, end.position, cutting->place.position);
    }
    cutting->tail = header;
    cutting->tail.before = cutting->place;
    return find_place(cutting, segment, &header, ret_error);
}

/* ---- the copy ---- */

static int make_copy_folder(struct cutting *cutting, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    int folder;
    int r = directory_make(archive->directory, CUT_FOLDER, &folder, ret_error);
    if (r < 0)
        return r;
    for (unsigned n = 1;; n++) {
        char *name = name_printf("%020" PRIu64 "-%u", cutting->place.position + 1, n);
        bool is_made = mkdirat(folder, name, 0750) == 0;
        int number = errno;
        if (is_made) {
            cutting->copy = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            number = errno;
            snprintf(cutting->report->folder, sizeof cutting->report->folder,
                     "%s/" CUT_FOLDER "/%s", archive->path, name);
        }
        free(name);
        if (is_made || number != EEXIST) {
            close(folder);
            if (cutting->copy >= 0)
                return 0;
            return error_set_errno(ret_error, number, CUT_FOLDER ": cannot create a folder");
        }
    }
}

static int copy_bytes(int from, uint64_t offset, uint64_t size, int to, uint64_t at) {
    uint8_t *bytes = check_malloc(WINDOW_SEQUENTIAL);
    int r = 0;
    for (uint64_t done = 0; done < size && r == 0;) {
        uint64_t piece = size - done < WINDOW_SEQUENTIAL ? size - done : WINDOW_SEQUENTIAL;
        ssize_t length = file_read_at(from, bytes, (size_t)piece, offset + done);
        r = length > 0 ? file_write_at(to, bytes, (size_t)length, at + done) : -1;
        done += length > 0 ? (uint64_t)length : 0;
    }
    free(bytes);
    return r;
}

/* The bytes of a file from `offset` on, as a segment. header NULL: they begin with one. */
static int copy_segment(struct cutting *cutting, int from, uint64_t offset, uint64_t size,
                        int32_t day, uint64_t first, const struct segment_header *header,
                        struct error *ret_error) {
    char folder[DAY_NAME_SIZE];
    int made;
    day_format(day, folder);
    int r = directory_make(cutting->copy, folder, &made, ret_error);
    if (r < 0)
        return r;
    char *name = name_printf("%s/%020" PRIu64 ".seg", folder, first);
    int to = openat(cutting->copy, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    uint64_t at = 0;
    bool is_good = to >= 0;
    if (is_good && header) {
        segment_header_encode(header, bytes);
        is_good = file_write_at(to, bytes, sizeof bytes, 0) == 0;
        at = sizeof bytes;
    }
    is_good = is_good && copy_bytes(from, offset, size, to, at) == 0 && fsync(to) == 0 &&
              fsync(made) == 0;
    if (!is_good)
        r = error_set_errno(ret_error, errno, "%s/%s: cannot write", cutting->report->folder, name);
    if (to >= 0)
        close(to);
    close(made);
    free(name);
    cutting->report->bytes += size;
    return r;
}

static int copy_whole(struct cutting *cutting, const struct segment *segment,
                      struct error *ret_error) {
    struct segment_file *file;
    int r =
        segment_file_open_present(cutting->archive->directory, segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return r;
    if (file->is_sealed)
        r = error_set(ret_error, ERROR_UNSUPPORTED,
                      "%s: it is sealed, but not committed on the log", segment->name);
    else
        r = copy_segment(cutting, file->descriptor, 0, file->size, segment->day, segment->first,
                         NULL, ret_error);
    segment_file_close(file);
    return r;
}

static int copy_all(struct cutting *cutting, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    int r = make_copy_folder(cutting, ret_error);
    if (r == 0 && cutting->file && cutting->file->size > cutting->offset)
        r = copy_segment(cutting, cutting->file->descriptor, cutting->offset,
                         cutting->file->size - cutting->offset, cutting->tail.day,
                         cutting->place.position + 1, &cutting->tail, ret_error);
    for (size_t i = cutting->keep; i < archive->list.count && r == 0; i++)
        r = copy_whole(cutting, &archive->list.segments[i], ret_error);
    if (r == 0 && fsync(cutting->copy) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot sync", cutting->report->folder);
    if (r == 0)
        r = directory_sync(archive->directory, CUT_FOLDER, ret_error);
    return r;
}

/* ---- the cut ---- */

static int cut(struct cutting *cutting, struct error *ret_error) {
    struct archive *archive = cutting->archive;
    for (size_t i = archive->list.count; i-- > cutting->keep;) {
        const struct segment *segment = &archive->list.segments[i];
        char day[DAY_NAME_SIZE];
        day_format(segment->day, day);
        if (unlinkat(archive->directory, segment->name, 0) < 0)
            return error_set_errno(ret_error, errno, "%s: cannot remove", segment->name);
        int r = directory_sync(archive->directory, day, ret_error);
        if (r < 0)
            return r;
    }
    if (cutting->file && (ftruncate(cutting->file->descriptor, (off_t)cutting->offset) < 0 ||
                          fdatasync(cutting->file->descriptor) < 0))
        return error_set_errno(ret_error, errno, "%s: cannot truncate", cutting->file->name);
    return 0;
}

/* Everything in memory that spoke of the files as they were. */
static void forget_files(struct archive *archive) {
    if (archive->written.descriptor >= 0)
        close(archive->written.descriptor);
    if (archive->syncing >= 0)
        close(archive->syncing);
    archive->written.descriptor = archive->syncing = -1;
    archive->syncing_first = 0;
    archive_forget_indexes(archive);
    archive->indexes = NULL;
    archive->index_count = archive->index_open = 0;
    archive->window = (struct frame_window){0};
}

int archive_cut(struct archive *archive, struct archive_place place,
                struct archive_cut_report *ret_report, struct error *ret_error) {
    struct archive_recovery recovery;
    check(archive->frame_count == 0 && place.position <= archive->end.position);
    *ret_report = (struct archive_cut_report){.records = archive->end.position - place.position};
    struct cutting cutting = {.archive = archive, .place = place, .copy = -1, .report = ret_report};
    int r = examine(&cutting, ret_error);
    if (r == 0 && ret_report->records > 0) {
        r = copy_all(&cutting, ret_error);
        if (r == 0) {
            forget_files(archive);
            r = cut(&cutting, ret_error);
            archive->failed = r < 0;
        }
    }
    segment_file_close(cutting.file);
    if (cutting.copy >= 0)
        close(cutting.copy);
    if (r == 0 && ret_report->records > 0) {
        r = archive_recover(archive, &recovery, ret_error);
        archive->failed = r < 0;
        if (r == 0)
            archive_zero_fill(archive);
    }
    return r < 0 ? error_prefix(ret_error, "%s", archive->path) : 0;
}
