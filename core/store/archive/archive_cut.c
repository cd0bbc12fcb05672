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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUT_FOLDER "cut"

/* What is to be done. */
struct cutting {
    struct archive *archive;
    struct archive_place place;
    size_t keep;                /* segments that stay, the last of them truncated */
    struct segment_file *file;  /* that one; NULL: nothing is truncated */
    struct segment_header tail; /* of the segment that its end becomes in the copy */
    uint64_t offset;            /* where it is truncated */
    int copy;                   /* the folder of the copy */
    struct archive_cut_report *report;
};

static int refuse_history(const struct cutting *cutting, const char *name,
                          struct archive_place there, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "%s: record %" PRIu64 " has chain %016" PRIx64 ", expected %016" PRIx64
                     " at record %" PRIu64,
                     name, there.position, there.chain, cutting->place.chain,
                     cutting->place.position);
}

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
        r = refuse_history(cutting, segment->name, walk.place, ret_error);
    cutting->offset = walk.offset;
    segment_walk_deinit(&walk);
    return r;
}

/* A sealed segment is never changed: it can only stay as a whole. */
static int refuse_sealed(const struct cutting *cutting, const struct segment_file *file,
                         struct error *ret_error) {
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "%s: it is sealed and ends with record %" PRIu64
                     ", so it cannot be cut after record %" PRIu64,
                     file->name, file->seal.end.position, cutting->place.position);
}

/* The segments that go. */
static int examine_rest(const struct cutting *cutting, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    int r = 0;
    for (size_t i = cutting->keep; i < archive->list.count && r == 0; i++) {
        struct segment_file *file;
        r = segment_file_open_present(archive->directory, &archive->list.segments[i], O_RDONLY,
                                      &file, ret_error);
        if (r < 0)
            break;
        if (file->is_sealed)
            r = refuse_sealed(cutting, file, ret_error);
        segment_file_close(file);
    }
    return r;
}

/* Does the last segment that stays also have records that go? If not, it stays as it is, with the
 * sync mark that closes it. */
static bool is_divided(const struct cutting *cutting) {
    const struct segment_list *list = &cutting->archive->list;
    return cutting->keep == list->count ||
           list->segments[cutting->keep].first > cutting->place.position + 1;
}

static void close_file(struct cutting *cutting) {
    segment_file_close(cutting->file);
    cutting->file = NULL;
}

/* The last segment that stays. */
static int examine_last(struct cutting *cutting, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    const struct segment *segment = &archive->list.segments[cutting->keep - 1];
    struct segment_header header;
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
        if (end.position != cutting->place.position)
            return refuse_sealed(cutting, cutting->file, ret_error);
        if (end.chain != cutting->place.chain)
            return refuse_history(cutting, segment->name, end, ret_error);
        close_file(cutting);
        return 0;
    }
    cutting->tail = header;
    cutting->tail.before = cutting->place;
    r = find_place(cutting, segment, &header, ret_error);
    if (r == 0 && !is_divided(cutting))
        close_file(cutting);
    return r;
}

static int examine(struct cutting *cutting, struct error *ret_error) {
    const struct segment_list *list = &cutting->archive->list;
    const struct archive_begin *begin = &cutting->archive->begin;
    if (begin->place.position > 0 && cutting->place.position <= begin->place.position)
        return archive_begin_refuse(begin, cutting->place.position, ret_error);
    while (cutting->keep < list->count &&
           list->segments[cutting->keep].first <= cutting->place.position)
        cutting->keep++;
    int r = 0;
    if (cutting->keep > 0)
        r = examine_last(cutting, ret_error);
    else if (cutting->place.chain != 0)
        r = refuse_history(cutting, "its beginning", (struct archive_place){0}, ret_error);
    return r < 0 ? r : examine_rest(cutting, ret_error);
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

/* Where the frames of a segment end. In the last one there may be zeros after them. */
static uint64_t end_of(const struct archive *archive, size_t index,
                       const struct segment_file *file) {
    return index + 1 == archive->list.count ? archive->written.size : file->size;
}

static int copy_whole(struct cutting *cutting, size_t index, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    const struct segment *segment = &archive->list.segments[index];
    struct segment_file *file;
    int r = segment_file_open_present(archive->directory, segment, O_RDONLY, &file, ret_error);
    if (r < 0)
        return r;
    r = copy_segment(cutting, file->descriptor, 0, end_of(archive, index, file), segment->day,
                     segment->first, NULL, ret_error);
    segment_file_close(file);
    return r;
}

/* What could not be copied in full: whoever tries again would fill the disk with such folders. */
static void remove_copy(struct cutting *cutting) {
    const struct archive *archive = cutting->archive;
    const char *folder = cutting->report->folder + strlen(archive->path) + 1;
    char day[DAY_NAME_SIZE];
    if (cutting->copy < 0)
        return;
    if (cutting->file) {
        day_format(cutting->tail.day, day);
        char *name = name_printf("%s/%020" PRIu64 ".seg", day, cutting->place.position + 1);
        unlinkat(cutting->copy, name, 0);
        unlinkat(cutting->copy, day, AT_REMOVEDIR);
        free(name);
    }
    for (size_t i = cutting->keep; i < archive->list.count; i++) {
        unlinkat(cutting->copy, archive->list.segments[i].name, 0);
        day_format(archive->list.segments[i].day, day);
        unlinkat(cutting->copy, day, AT_REMOVEDIR); /* fails until its last one is gone */
    }
    unlinkat(archive->directory, folder, AT_REMOVEDIR);
    *cutting->report->folder = '\0';
}

static int copy_all(struct cutting *cutting, struct error *ret_error) {
    const struct archive *archive = cutting->archive;
    int r = make_copy_folder(cutting, ret_error);
    if (r == 0 && cutting->file)
        r = copy_segment(cutting, cutting->file->descriptor, cutting->offset,
                         end_of(archive, cutting->keep - 1, cutting->file) - cutting->offset,
                         cutting->tail.day, cutting->place.position + 1, &cutting->tail, ret_error);
    for (size_t i = cutting->keep; i < archive->list.count && r == 0; i++)
        r = copy_whole(cutting, i, ret_error);
    if (r == 0 && fsync(cutting->copy) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot sync", cutting->report->folder);
    if (r == 0)
        r = directory_sync(archive->directory, CUT_FOLDER, ret_error);
    if (r < 0)
        remove_copy(cutting);
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
    if (archive->next_sync >= 0)
        close(archive->next_sync);
    archive->written.descriptor = archive->syncing = archive->next_sync = -1;
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
    if (archive->failed)
        return error_set(
            ret_error, ERROR_UNAVAILABLE,
            "%s: an earlier write, sync or cut failed; the archive must be opened again",
            archive->path);
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
        const struct archive_place end = archive->end;
        r = archive_recover(archive, &recovery, ret_error);
        if (r == 0)
            r = archive_keep_begin(archive, ret_error);
        if (r < 0) /* as it was: nobody shall take the cut for done */
            archive->end = end;
        archive->failed = r < 0;
        if (r == 0)
            archive_zero_fill(archive);
    }
    return r < 0 ? error_prefix(ret_error, "%s", archive->path) : 0;
}
