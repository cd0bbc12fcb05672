#include "archive_prune.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/file.h"
#include "core/store/archive/segment.h"
#include "core/store/archive/segment_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- removing ---- */

static int remove_file(int directory, const char *name, struct archive_prune_report *report,
                       struct error *ret_error) {
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot stat", name);
    if (unlinkat(directory, name, 0) < 0)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot remove", name);
    report->bytes += (uint64_t)status.st_size;
    return 0;
}

/* A segment has one file, or while it is sealed two; a killed sealing leaves a third. */
static int remove_segment(int directory, const struct segment *segment,
                          struct archive_prune_report *report, struct error *ret_error) {
    char sealed[SEGMENT_FILE_NAME_SIZE], temporary[SEGMENT_FILE_NAME_SIZE];
    segment_file_sealed_name(segment, sealed);
    snprintf(temporary, sizeof temporary, "%s.zst.new", segment->name);
    int r = remove_file(directory, segment->name, report, ret_error);
    if (r == 0)
        r = remove_file(directory, temporary, report, ret_error);
    if (r == 0)
        r = remove_file(directory, sealed, report, ret_error);
    report->segments += r == 0;
    return r;
}

/* "00000000000000000042.seg.torn-1": bytes that a crash tore off a segment. */
static bool is_torn_until(const char *name, uint64_t last) {
    char *end;
    return strspn(name, "0123456789") == 20 && strtoull(name, &end, 10) <= last &&
           strncmp(end, ".seg.torn-", strlen(".seg.torn-")) == 0;
}

/* What is left in the folder of a day: all of it if no segment is, else torn bytes, which are
 * records as well, of those that are gone. */
static int remove_day(int directory, int32_t day, bool all, const struct archive_begin *begin,
                      struct archive_prune_report *report, struct error *ret_error) {
    char name[DAY_NAME_SIZE];
    day_format(day, name);
    int descriptor = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!folder) {
        int r = errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot list", name);
        if (descriptor >= 0)
            close(descriptor);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, name, &entry, ret_error)) > 0;)
        if (all ? strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0
                : is_torn_until(entry->d_name, begin->place.position))
            r = remove_file(descriptor, entry->d_name, report, ret_error);
    if (r == 0 && all && unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", name);
    closedir(folder);
    return r;
}

/* Folders of days before the first segment that stays, and in that of its day what is torn. */
static int remove_days(int directory, int32_t first_day, const struct archive_begin *begin,
                       struct archive_prune_report *report, struct error *ret_error) {
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    if (!folder) {
        int r = error_set_errno(ret_error, errno, "cannot list the archive");
        if (again >= 0)
            close(again);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, ".", &entry, ret_error)) > 0;) {
        int32_t day;
        if (day_parse(text_of(entry->d_name), &day) && day <= first_day)
            r = remove_day(directory, day, day < first_day, begin, report, ret_error);
    }
    closedir(folder);
    return r;
}

/* The oldest first, so that what is left of a run that is killed is without a gap. */
static int remove_front(int directory, const struct archive_begin *begin,
                        struct archive_prune_report *report, struct error *ret_error) {
    struct segment_list list = {0};
    size_t gone = 0;
    int r = segment_list_scan(&list, directory, INT32_MIN, ret_error);
    while (gone < list.count && list.segments[gone].first <= begin->place.position)
        gone++;
    for (size_t i = 0; i < gone && r == 0; i++)
        r = remove_segment(directory, &list.segments[i], report, ret_error);
    if (r == 0 && gone < list.count)
        r = remove_days(directory, list.segments[gone].day, begin, report, ret_error);
    if (r == 0)
        r = directory_sync(directory, ".", ret_error);
    segment_list_deinit(&list);
    return r;
}

/* ---- the whole ---- */

/* The lock of sealing (archive_seal.c), on the folder itself. */
static int open_locked(const char *path, int *ret_directory, struct error *ret_error) {
    int directory;
    int r = directory_open(path, "archive", &directory, ret_error);
    if (r == 0 && flock(directory, LOCK_EX | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK
                ? error_set(ret_error, ERROR_EXISTS,
                            "another process is sealing or pruning this archive")
                : error_set_errno(ret_error, errno, "cannot lock the archive for pruning");
        close(directory);
    }
    if (r < 0)
        return error_prefix(ret_error, "%s", path);
    *ret_directory = directory;
    return 0;
}

static int check_from(int directory, struct archive_place from, struct error *ret_error) {
    struct archive_begin now;
    int r = archive_begin_look(directory, &now, ret_error);
    if (r >= 0 && (now.place.position != from.position || now.place.chain != from.chain))
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "another prune has made it begin after record %" PRIu64
                         " meanwhile: start again",
                         now.place.position);
    return r < 0 ? r : 0;
}

/* Does what stays go on from there? The archive may have been rewritten since the caller read it.
 */
static int check_continued(int directory, const struct archive_begin *begin,
                           struct error *ret_error) {
    struct segment_list list = {0};
    struct segment_file *file = NULL;
    struct segment_header header;
    int r = segment_list_scan(&list, directory, INT32_MIN, ret_error);
    if (r == 0) {
        segment_list_begin(&list, begin->place);
        r = list.count == 0
                ? 1
                : segment_file_open_header(directory, &list.segments[0], &file, &header, ret_error);
    }
    if (r >= 0 && (r > 0 || header.before.position != begin->place.position ||
                   header.before.chain != begin->place.chain ||
                   (file->is_sealed && memcmp(file->seal.before, begin->seal, SEAL_HASH_SIZE))))
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "no segment continues record %" PRIu64
                      " any more: it was rewritten meanwhile; start again",
                      begin->place.position);
    segment_file_close(file);
    segment_list_deinit(&list);
    return r;
}

/* A failure to sync the folder comes after the rename: the beginning has moved, and files stay
 * until the next run. */
static bool begins_at(int directory, struct archive_place place) {
    struct archive_begin now;
    struct error ignored;
    return archive_begin_look(directory, &now, &ignored) == 0 &&
           now.place.position == place.position && now.place.chain == place.chain;
}

int archive_prune(const char *path, struct archive_place from, struct archive_begin *begin,
                  const struct buffer *kept, bool *ret_is_done,
                  struct archive_prune_report *ret_report, struct error *ret_error) {
    struct archive_prune_report report = {0};
    int directory;
    check(begin->place.position > from.position);
    *ret_is_done = false;
    int r = open_locked(path, &directory, ret_error);
    if (r < 0)
        return r;
    r = check_from(directory, from, ret_error);
    if (r == 0)
        r = check_continued(directory, begin, ret_error);
    if (r == 0)
        r = archive_begin_write(directory, begin, kept, ret_error);
    *ret_is_done = r == 0 || begins_at(directory, begin->place);
    if (r == 0)
        r = remove_front(directory, begin, &report, ret_error);
    close(directory);
    *ret_report = report;
    return r < 0 ? error_prefix(ret_error, "%s", path) : 0;
}

int archive_prune_finish(const char *path, struct archive_prune_report *ret_report,
                         struct error *ret_error) {
    struct archive_prune_report report = {0};
    struct archive_begin begin;
    int directory;
    int r = open_locked(path, &directory, ret_error);
    if (r < 0)
        return r;
    r = archive_begin_look(directory, &begin, ret_error);
    if (r == 0)
        r = remove_front(directory, &begin, &report, ret_error);
    close(directory);
    if (r < 0)
        return error_prefix(ret_error, "%s", path);
    *ret_report = report;
    return 0;
}
