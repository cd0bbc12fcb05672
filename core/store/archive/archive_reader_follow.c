/* A reader that stays open while the archive grows: where the newest sync mark is by now. */
#include "archive_reader_inside.h"

#include <errno.h>
#include <sys/stat.h>

/* Renaming a folder does not disturb who has it open: another one may be at its path by now. */
static int check_folder(const struct archive_reader *reader, struct error *ret_error) {
    struct stat opened, there;
    if (fstat(reader->directory, &opened) < 0 || stat(reader->path, &there) < 0)
        return error_set_errno(ret_error, errno, "cannot stat");
    if (opened.st_dev != there.st_dev || opened.st_ino != there.st_ino)
        return error_set(ret_error, ERROR_NOT_FOUND, "it is another folder by now");
    return 0;
}

static void keep_synced(struct archive_reader *reader) {
    if (reader->marks.walk.synced.position > reader->synced.position)
        reader->synced = reader->marks.walk.synced;
}

/* Looks for the last mark of the newest segment from its beginning. */
static int walk_marks(struct archive_reader *reader, struct error *ret_error) {
    struct segment_header header;
    struct segment_file *file;
    int r = segment_file_open_last(reader->directory, &reader->list, &file, &header, ret_error);
    if (r != 0)
        return r < 0 ? r : 0;
    reader->marks.file = file;
    reader->marks.first = header.before.position + 1;
    reader->marks.day = header.day;
    r = segment_walk_init(&reader->marks.walk, file, &header, ret_error);
    if (r == 0)
        r = segment_walk_finish(&reader->marks.walk, ret_error);
    if (r < 0) {
        error_prefix(ret_error, "%s", file->name);
        archive_reader_leave_marks(reader);
        return r;
    }
    keep_synced(reader);
    return 0;
}

/* The same from where the last look ended. 1: what it saw there is not in the file any more, or
 * what follows is no frame; both may be a write that failed or is not whole yet. */
static int walk_on(struct archive_reader *reader, struct error *ret_error) {
    struct segment_walk *walk = &reader->marks.walk;
    struct frame frame;
    const char *fault;
    int r = frame_window_refresh(&walk->window, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", reader->marks.file->name);
    if (walk->offset > walk->window.file->size)
        return 1;
    do
        r = segment_walk_next(walk, &frame, &fault, ret_error);
    while (r == FRAME_WHOLE);
    if (r < 0)
        return error_prefix(ret_error, "%s", reader->marks.file->name);
    if (r == FRAME_BAD)
        return 1;
    keep_synced(reader);
    return 0;
}

static int renew(struct archive_reader *reader, struct error *ret_error) {
    int r = check_folder(reader, ret_error);
    if (r == 0)
        r = archive_reader_look_for_more(reader, ret_error);
    if (r < 0 || reader->list.count == 0)
        return r;
    const struct segment *newest = &reader->list.segments[reader->list.count - 1];
    if (reader->marks.file &&
        (reader->marks.first != newest->first || reader->marks.day != newest->day))
        archive_reader_leave_marks(reader);
    r = reader->marks.file ? walk_on(reader, ret_error) : 1;
    if (r != 1)
        return r;
    archive_reader_leave_marks(reader);
    return walk_marks(reader, ret_error);
}

int archive_reader_renew(struct archive_reader *reader, struct error *ret_error) {
    int r = renew(reader, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", reader->path);
    reader->synced_error.code = 0;
    return 0;
}

int archive_reader_follow(const char *path, struct archive_place after,
                          struct archive_reader **reader, struct archive_place *ret_end,
                          struct error *ret_error) {
    int r = *reader ? archive_reader_renew(*reader, ret_error)
                    : archive_reader_open(path, after, reader, ret_error);
    if (r == 0)
        r = archive_reader_synced(*reader, ret_end, ret_error);
    if (r < 0) {
        archive_reader_close(*reader);
        *reader = NULL;
    }
    return r;
}
