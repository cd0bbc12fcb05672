#include "night_files.h"

#include "core/store/archive/file.h"

#include "core/base/folder/folder_next.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_SECONDS 86400
#define DAY_LAST    2932896 /* 9999-12-31 */

const char *night_date_format(int64_t day, char ret_date[NIGHT_DATE_SIZE]) {
    struct tm date;
    time_t seconds = (time_t)(day * DAY_SECONDS);
    gmtime_r(&seconds, &date);
    strftime(ret_date, NIGHT_DATE_SIZE, "%Y-%m-%d", &date);
    return ret_date;
}

/* Formats the day again: 2026-02-30 and the like come back as something else. */
bool night_date_parse(const char *date, int64_t *ret_day) {
    struct tm parsed = {0};
    char again[NIGHT_DATE_SIZE];
    const char *end = strptime(date, "%Y-%m-%d", &parsed);
    if (!end || *end)
        return false;
    int64_t day = (int64_t)timegm(&parsed) / DAY_SECONDS;
    if (day < 0 || day > DAY_LAST || strcmp(night_date_format(day, again), date) != 0)
        return false;
    *ret_day = day;
    return true;
}

int night_folder_open(const char *data, int *ret_folder, struct error *ret_error) {
    int above = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
        return errno == ENOENT
                   ? error_set(ret_error, ERROR_NOT_FOUND, "%s: there is no such folder", data)
                   : error_set_errno(ret_error, errno, "cannot open %s", data);
    int r = directory_make(above, FOLDER_NIGHTS, ret_folder, ret_error);
    close(above);
    return r < 0 ? error_prefix(ret_error, "%s", data) : 0;
}

static int open_to_all(int folder, const char *name, struct error *ret_error) {
    return fchmodat(folder, name, 0644, 0) < 0
               ? error_set_errno(ret_error, errno, "%s: cannot set its mode", name)
               : 0;
}

/* The draft of a run that was killed is in the way of none: it is replaced. */
static int write_file(int folder, const char *name, bool is_open, const void *bytes, size_t length,
                      struct error *ret_error) {
    char draft[NAME_MAX + 1];
    snprintf(draft, sizeof draft, NIGHT_DRAFT_NAME ".%s", name);
    if (unlinkat(folder, draft, 0) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot remove", draft);
    int r = file_create(folder, draft, bytes, length, ret_error);
    if (r == 0 && is_open)
        r = open_to_all(folder, draft, ret_error);
    if (r == 0 && renameat(folder, draft, folder, name) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot rename its draft", name);
    if (r == 0)
        return directory_sync(folder, ".", ret_error);
    unlinkat(folder, draft, 0);
    return r;
}

int night_file_write(int folder, const char *name, const void *bytes, size_t length,
                     struct error *ret_error) {
    return write_file(folder, name, false, bytes, length, ret_error);
}

int night_file_write_open(int folder, const char *name, const void *bytes, size_t length,
                          struct error *ret_error) {
    return write_file(folder, name, true, bytes, length, ret_error);
}

static int remove_files(int folder, const char *date, struct error *ret_error) {
    DIR *files = fdopendir(folder);
    int r = 0;
    if (!files) {
        r = error_set_errno(ret_error, errno, "%s: cannot read", date);
        close(folder);
        return r;
    }
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(files, date, &entry, ret_error)) > 0;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(folder, entry->d_name, 0) < 0)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", date, entry->d_name);
    closedir(files);
    return r;
}

int night_folder_remove(int folder, const char *date, struct error *ret_error) {
    int inner = openat(folder, date, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inner < 0)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot open", date);
    int r = remove_files(inner, date, ret_error);
    if (r == 0 && unlinkat(folder, date, AT_REMOVEDIR) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", date);
    return r;
}
