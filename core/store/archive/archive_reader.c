/* Reading an archive in order, beside its writer or without one.
 *
 * The reader has one segment open. It moves on to the next one only after it has seen that there is
 * a next one and has then found nothing more in its own: by then its own is closed. Anything that
 * looks damaged is read a second time before it is reported, because a writer that could not finish
 * a write rolls it back and writes something else there. */
#include "archive_reader_inside.h"

#include "file.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void archive_reader_leave_marks(struct archive_reader *reader) {
    if (!reader->marks.file)
        return;
    segment_walk_deinit(&reader->marks.walk);
    segment_file_close(reader->marks.file);
    reader->marks.file = NULL;
}

static void leave_segment(struct archive_reader *reader) {
    if (!reader->file)
        return;
    segment_walk_deinit(&reader->walk);
    segment_file_close(reader->file);
    reader->file = NULL;
}

void archive_reader_close(struct archive_reader *reader) {
    if (!reader)
        return;
    leave_segment(reader);
    archive_reader_leave_marks(reader);
    segment_list_deinit(&reader->list);
    buffer_deinit(&reader->kept);
    if (reader->directory >= 0)
        close(reader->directory);
    free(reader->path);
    free(reader);
}

/* 0: segment `index` is the current one now; 1: it is not there yet. */
static int enter_segment(struct archive_reader *reader, size_t index, struct error *ret_error) {
    struct segment_file *file;
    struct segment_header header;
    int r = segment_file_open_header(reader->directory, &reader->list.segments[index], &file,
                                     &header, ret_error);
    if (r != 0)
        return r;
    leave_segment(reader);
    reader->file = file;
    reader->current = index;
    return segment_walk_init(&reader->walk, file, &header, ret_error);
}

/* ---------------------------------------------------------------------------------------------
 * Opening */

/* The last sync mark of the newest segment; if its header is incomplete, of the one before. Damage
 * there does not prevent reading up to it, so it is kept in synced_error for
 * archive_reader_synced() and opening succeeds. */
static int find_synced(struct archive_reader *reader, struct error *ret_error) {
    struct segment_file *file;
    struct segment_header header;
    int r = segment_file_open_last(reader->directory, &reader->list, &file, &header, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    r = segment_walk_find_synced(file, &header, &reader->synced, ret_error);
    segment_file_close(file);
    if (r != -ERROR_DAMAGED)
        return r;
    reader->synced_error = *ret_error;
    error_prefix(&reader->synced_error, "%s", reader->path);
    return 0;
}

static void add_up_bytes(struct archive_reader *reader, size_t from) {
    reader->total_bytes = 0;
    for (size_t i = from; i < reader->list.count; i++) {
        struct segment_file *file;
        struct error ignored; /* reading will report it */
        if (segment_file_open(reader->directory, &reader->list.segments[i], O_RDONLY, &file,
                              &ignored) != 0)
            continue;
        reader->total_bytes += file->size;
        segment_file_close(file);
    }
}

static int not_of_this_archive(struct archive_place after, struct archive_place here,
                               struct error *ret_error) {
    if (here.position < after.position)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "record %" PRIu64
                         " is not in this archive, which ends with record %" PRIu64,
                         after.position, here.position);
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "the chain up to record %" PRIu64 " is %016" PRIx64
                     " in this archive, not %016" PRIx64 ": these are different histories",
                     after.position, here.chain, after.chain);
}

static int next_frame(struct archive_reader *reader, struct frame *ret_frame,
                      struct error *ret_error);

/* Moves to the place and checks that it is one of this archive. */
static int seek(struct archive_reader *reader, struct archive_place after,
                struct error *ret_error) {
    size_t index = 0;
    for (size_t i = 0; i < reader->list.count; i++)
        if (reader->list.segments[i].first <= after.position + 1)
            index = i;
    int r = 1;
    if (reader->list.count)
        r = enter_segment(reader, index, ret_error);
    /* The header of a new segment may be incomplete: the one before ends where it starts. */
    if (r == 1 && index > 0)
        r = enter_segment(reader, index - 1, ret_error);
    if (r < 0)
        return r;
    if (r == 0 && reader->walk.place.position > after.position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: records %" PRIu64 " to %" PRIu64 " before it are missing",
                         reader->file->name, after.position + 1, reader->walk.place.position);
    add_up_bytes(reader, r == 0 ? reader->current : 0);
    while (archive_reader_place(reader).position < after.position) {
        struct frame frame;
        r = next_frame(reader, &frame, ret_error);
        if (r < 0)
            return r;
        if (r == 0)
            break;
    }
    struct archive_place here = archive_reader_place(reader);
    if (here.position != after.position || (after.position && here.chain != after.chain))
        return not_of_this_archive(after, here, ret_error);
    return 0;
}

/* The place before the first record of a copy that archive_cut() has made. Its folder's name says
 * which record that is; without it, a copy that has lost segments would look whole. */
static int find_beginning(const struct archive_reader *reader, uint64_t first,
                          struct archive_place *ret_place, struct error *ret_error) {
    struct segment_file *file;
    struct segment_header header;
    if (reader->list.count == 0)
        return error_set(ret_error, ERROR_NOT_FOUND, "it has no segment");
    const struct segment *segment = &reader->list.segments[0];
    if (segment->first != first)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: it begins with record %" PRIu64
                         "; by the folder's name, record %" PRIu64 " comes first",
                         segment->name, segment->first, first);
    int r = segment_file_open_header(reader->directory, segment, &file, &header, ret_error);
    if (r > 0)
        return error_set(ret_error, ERROR_DAMAGED, "%s: the file ends inside its header",
                         segment->name);
    if (r < 0)
        return r;
    segment_file_close(file);
    *ret_place = header.before;
    return 0;
}

/* After a prune, the start is where the archive begins. */
static int find_start(struct archive_reader *reader, struct archive_place *after,
                      struct error *ret_error) {
    int r = archive_begin_look(reader->directory, &reader->begin, ret_error);
    if (r < 0)
        return r;
    segment_list_begin(&reader->list, reader->begin.place);
    if (r == 0 && after->position == 0) {
        *after = reader->begin.place;
        return archive_begin_load(reader->directory, &reader->begin, &reader->kept, ret_error);
    }
    if (after->position < reader->begin.place.position)
        return archive_begin_refuse(&reader->begin, after->position, ret_error);
    return 0;
}

/* Does the archive begin later than it did? */
static bool was_pruned(const char *path, uint64_t position) {
    struct archive_begin now;
    struct error ignored;
    return archive_begin_look_at(path, &now, &ignored) == 0 && now.place.position > position;
}

static int overtaken(const char *segment, struct error *ret_error) {
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     "%s: a prune has removed it while the archive was being read: start again",
                     segment);
}

/* first: of a copy; 0: it is an archive. */
static int open_reader(const char *path, struct archive_place after, uint64_t first,
                       struct archive_reader **ret_reader, struct error *ret_error) {
    struct archive_reader *reader = check_calloc(1, sizeof *reader);
    const struct archive_place asked = after;
    reader->path = text_copy(text_of(path));
    reader->directory = -1;
    int r = directory_open(path, "archive", &reader->directory, ret_error);
    if (r == 0)
        r = segment_list_scan(&reader->list, reader->directory, INT32_MIN, ret_error);
    if (r == 0 && first > 0)
        r = find_beginning(reader, first, &after, ret_error);
    else if (r == 0)
        r = find_start(reader, &after, ret_error);
    if (r == 0)
        r = find_synced(reader, ret_error);
    if (r == 0)
        r = seek(reader, after, ret_error);
    if (r < 0) {
        uint64_t begin = reader->begin.place.position;
        archive_reader_close(reader);
        if (first == 0 && was_pruned(path, begin)) /* while it was being opened */
            return open_reader(path, asked, first, ret_reader, ret_error);
        return error_prefix(ret_error, "%s", path);
    }
    *ret_reader = reader;
    return 0;
}

int archive_reader_open(const char *path, struct archive_place after,
                        struct archive_reader **ret_reader, struct error *ret_error) {
    return open_reader(path, after, 0, ret_reader, ret_error);
}

/* "<first position, 20 digits>-<n>", as archive_cut() names them. */
static bool parse_copy_name(const char *name, uint64_t *ret_first) {
    static const char digits[] = "0123456789";
    if (strspn(name, digits) != 20 || name[20] != '-')
        return false;
    const char *number = name + 21;
    if (*number == '\0' || strspn(number, digits) != strlen(number))
        return false;
    errno = 0;
    uint64_t first = strtoull(name, NULL, 10);
    if (first == 0 || errno != 0)
        return false;
    *ret_first = first;
    return true;
}

int archive_reader_open_cut(const char *path, struct archive_reader **ret_reader,
                            struct error *ret_error) {
    uint64_t first;
    char *real = realpath(path, NULL); /* the name, however the path ends */
    bool is_copy = real && parse_copy_name(strrchr(real, '/') + 1, &first);
    free(real);
    return is_copy ? open_reader(path, (struct archive_place){0}, first, ret_reader, ret_error) : 1;
}

/* ---------------------------------------------------------------------------------------------
 * Next record */

int archive_reader_look_for_more(struct archive_reader *reader, struct error *ret_error) {
    bool open = reader->file != NULL;
    struct segment now = {0};
    if (open)
        now = reader->list.segments[reader->current];
    int r =
        segment_list_scan(&reader->list, reader->directory, open ? now.day : INT32_MIN, ret_error);
    if (r < 0)
        return r;
    if (!open)
        return reader->list.count > 0;
    for (size_t i = 0; i < reader->list.count; i++)
        if (reader->list.segments[i].first == now.first &&
            reader->list.segments[i].day == now.day) {
            reader->current = i;
            return i + 1 < reader->list.count;
        }
    if (was_pruned(reader->path, now.first - 1))
        return overtaken(now.name, ret_error);
    return error_set(ret_error, ERROR_DAMAGED, "%s: it has disappeared", now.name);
}

static bool has_next(const struct archive_reader *reader) {
    return reader->file && reader->current + 1 < reader->list.count;
}

/* The current segment cannot be read further, although it must have more frames. */
static int explain_end(struct archive_reader *reader, int status, const char *fault,
                       struct error *ret_error) {
    if (status == FRAME_SHORT)
        fault = "the file ends inside it";
    else if (status == FRAME_END)
        fault = "there are only zeros";
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s: byte %" PRIu64 ": the frame after record %" PRIu64 " is damaged: %s",
                     reader->file->name, reader->walk.offset, reader->walk.place.position, fault);
}

/* Over zeros (archive_zeros.c) a write in progress does not end with the file: any part of it may
 * still read as zero. Only a file that ends with 64 zeros may be such a segment; no frame ends with
 * as many. A file that is shorter by now was closed. */
static bool may_be_unwritten(const struct segment_file *file) {
    uint8_t bytes[64];
    if (file->is_sealed || file->size <= sizeof bytes)
        return false;
    ssize_t length = file_read_at(file->descriptor, bytes, sizeof bytes, file->size - sizeof bytes);
    return length >= 0 && bytes_are_zero(bytes, (size_t)length);
}

/* No whole frame is here. 0: the end for now; 1: the current segment is done and there is a next
 * one. */
static int judge_end(struct archive_reader *reader, int status, const char *fault,
                     struct error *ret_error) {
    uint64_t mark;
    int tail = segment_walk_judge(&reader->walk, &mark, ret_error);
    if (tail < 0)
        return error_prefix(ret_error, "%s", reader->file->name);
    if (tail == TAIL_CLEAN)
        return has_next(reader);
    if (tail == TAIL_TORN && !has_next(reader) && may_be_unwritten(reader->file))
        return 0;
    if (tail == TAIL_DAMAGED || has_next(reader) || status != FRAME_SHORT)
        return explain_end(reader, status, fault, ret_error);
    return 0;
}

/* The segment has no whole header. 0: it has just been begun; but a writer begins the one behind it
 * only when this one is complete. */
static int judge_headerless(const struct archive_reader *reader, size_t index,
                            struct error *ret_error) {
    if (index + 1 >= reader->list.count)
        return 0;
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s: its header is incomplete, and %s comes after it",
                     reader->list.segments[index].name, reader->list.segments[index + 1].name);
}

/* 1: moved to the next segment; 0: it is not complete yet. */
static int go_on(struct archive_reader *reader, struct error *ret_error) {
    struct archive_place end = reader->walk.place;
    uint64_t size = reader->file->size;
    const struct segment *next = &reader->list.segments[reader->current + 1];
    int r = enter_segment(reader, reader->current + 1, ret_error);
    if (r == 1 && was_pruned(reader->path, next->first - 1))
        return overtaken(next->name, ret_error);
    if (r == 1)
        return judge_headerless(reader, reader->current + 1, ret_error);
    if (r < 0)
        return r;
    reader->passed_bytes += size;
    struct archive_place begin = reader->walk.place;
    if (begin.position > end.position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: records %" PRIu64 " to %" PRIu64 " before it are missing",
                         reader->file->name, end.position + 1, begin.position);
    if (begin.position < end.position || begin.chain != end.chain)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: it does not continue the segment before it, which ends with record "
                         "%" PRIu64,
                         reader->file->name, end.position);
    return 1;
}

/* Reads the same place again from the file. 1: there is a frame; 0: still none. */
static int look_again(struct archive_reader *reader, struct frame *ret_frame, int *ret_status,
                      const char **ret_fault, struct error *ret_error) {
    int r = frame_window_refresh(&reader->walk.window, ret_error);
    if (r < 0)
        return r;
    reader->walk.contradicted = false;
    *ret_status = segment_walk_next(&reader->walk, ret_frame, ret_fault, ret_error);
    if (*ret_status < 0)
        return error_prefix(ret_error, "%s", reader->file->name);
    return *ret_status == FRAME_WHOLE;
}

#define LOOKS_MAX 8

/* 1: there is a frame, or the segment is done and there is a next one; 0: the end for now. Apparent
 * damage in a segment that may be written to is read again: a write may have come between reading
 * the frame and reading what is after it. */
static int look_closely(struct archive_reader *reader, struct frame *ret_frame, bool *ret_is_there,
                        struct error *ret_error) {
    int r = 0;
    for (int i = 0; i < LOOKS_MAX; i++) {
        const char *fault = "";
        int status;
        r = look_again(reader, ret_frame, &status, &fault, ret_error);
        *ret_is_there = r == 1;
        if (r == 0)
            r = judge_end(reader, status, fault, ret_error);
        if (r != -ERROR_DAMAGED || has_next(reader))
            break;
    }
    return r;
}

/* Opens the first segment, if there was none at opening. 1: done. */
static int enter_first(struct archive_reader *reader, struct error *ret_error) {
    int r = archive_reader_look_for_more(reader, ret_error);
    if (r <= 0)
        return r;
    r = enter_segment(reader, 0, ret_error);
    if (r == 1)
        return judge_headerless(reader, 0, ret_error);
    if (r < 0)
        return r;
    if (reader->walk.place.position != reader->begin.place.position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: records %" PRIu64 " to %" PRIu64 " before it are missing",
                         reader->file->name, reader->begin.place.position + 1,
                         reader->walk.place.position);
    return 1;
}

/* 1: *ret_frame is the next record; 0: the end for now. */
static int next_frame(struct archive_reader *reader, struct frame *ret_frame,
                      struct error *ret_error) {
    if (!reader->file) {
        int r = enter_first(reader, ret_error);
        if (r <= 0)
            return r;
    }
    for (;;) {
        const char *fault = "";
        int status = segment_walk_next(&reader->walk, ret_frame, &fault, ret_error);
        if (status < 0)
            return error_prefix(ret_error, "%s", reader->file->name);
        if (status == FRAME_WHOLE)
            return 1;
        /* The order matters: first look for a next segment, then for more in this one. The other
         * way round a record written in between would be missed. */
        int r = has_next(reader) ? 1 : archive_reader_look_for_more(reader, ret_error);
        if (r < 0)
            return r;
        bool is_there;
        r = look_closely(reader, ret_frame, &is_there, ret_error);
        if (r <= 0 || is_there)
            return r;
        r = go_on(reader, ret_error);
        if (r <= 0)
            return r;
    }
}

/* The next record that was kept of what is gone. */
static int next_kept(struct archive_reader *reader, struct arena *arena, struct record *ret_record,
                     struct error *ret_error) {
    struct archive_kept kept;
    size_t begin = reader->kept_offset;
    check(archive_begin_next(&reader->kept, &reader->kept_offset, &kept));
    int r = record_decode(kept.type, kept.payload.data, kept.payload.length, arena, ret_record,
                          ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/" ARCHIVE_BEGIN_FILE ": record %" PRIu64, reader->path,
                            kept.position);
    ret_record->position = kept.position;
    reader->frame = (struct archive_frame){.file = ARCHIVE_BEGIN_FILE,
                                           .offset = ARCHIVE_BEGIN_HEADER_SIZE + begin,
                                           .length = reader->kept_offset - begin,
                                           .crc = load_u32(reader->kept.bytes + begin),
                                           .payload = kept.payload};
    return 1;
}

int archive_reader_next(struct archive_reader *reader, struct arena *arena,
                        struct record *ret_record, struct error *ret_error) {
    struct frame frame;
    if (reader->kept_offset < reader->kept.length)
        return next_kept(reader, arena, ret_record, ret_error);
    int r = next_frame(reader, &frame, ret_error);
    if (r <= 0)
        return r < 0 ? error_prefix(ret_error, "%s", reader->path) : 0;
    const char *name = reader->file->name;
    r = record_decode((enum record_type)frame.type, frame.payload.data, frame.payload.length, arena,
                      ret_record, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s: byte %" PRIu64 ": record %" PRIu64, reader->path,
                            name, frame.offset, frame.position);
    ret_record->position = frame.position;
    reader->frame = (struct archive_frame){
        .file = name,
        .offset = frame.offset,
        .length = frame.size,
        .crc = frame.crc,
        .chain = reader->walk.place.chain,
        .payload = frame.payload,
    };
    return 1;
}

/* ---- where it is ---- */

struct archive_place archive_reader_place(const struct archive_reader *reader) {
    if (!reader->file)
        return (struct archive_place){0};
    return reader->walk.place;
}

int archive_reader_synced(const struct archive_reader *reader, struct archive_place *ret_place,
                          struct error *ret_error) {
    if (reader->synced_error.code != 0) {
        *ret_error = reader->synced_error;
        return -(int)ret_error->code;
    }
    *ret_place = reader->synced;
    return 0;
}

void archive_reader_extent(const struct archive_reader *reader, uint64_t *ret_done,
                           uint64_t *ret_total) {
    uint64_t done = reader->passed_bytes;
    if (reader->file)
        done += reader->walk.offset;
    *ret_done = done;
    *ret_total = done > reader->total_bytes ? done : reader->total_bytes;
}

const struct archive_frame *archive_reader_frame(const struct archive_reader *reader) {
    return &reader->frame;
}
