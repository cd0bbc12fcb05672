#include "erase_files.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/archive_begin.h"
#include "core/store/archive/file.h"
#include "core/store/find/find_files.h"
#include "core/store/generation/generation.h"
#include "core/store/generation/generation_old.h"
#include "core/wire/types/reject_column.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLES    "samples"
#define FILE_MAX   ((size_t)1 << 30) /* searched in memory */
#define DEPTH_MAX  16
#define ERASED_ROW "{\"erased\":true"

void erase_files_deinit(struct erase_files *files) {
    for (size_t i = 0; i < files->left_count; i++)
        free(files->left[i]);
    free(files->left);
}

static void note_left(struct erase_files *files, const char *path) {
    files->left = check_reallocarray(files->left, files->left_count + 1, sizeof *files->left);
    files->left[files->left_count++] = text_copy(text_of(path));
}

/* ---------------------------------------------------------------------------------------------
 * Made of the archive */

/* Of a folder: all files whose name ends so. A missing folder has none. */
static int remove_files(struct erase_files *files, const char *path, const char *suffix,
                        struct error *ret_error) {
    DIR *folder = opendir(path);
    int r = 0;
    if (!folder)
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot list", path);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, path, &entry, ret_error)) > 0;) {
        size_t length = strlen(entry->d_name), end = strlen(suffix);
        struct stat status;
        if (length < end || strcmp(entry->d_name + length - end, suffix) != 0 ||
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(status.st_mode))
            continue;
        r = 0;
        if (unlinkat(dirfd(folder), entry->d_name, 0) < 0 && errno != ENOENT)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", path, entry->d_name);
        files->removed += r == 0;
    }
    if (r == 0 && fsync(dirfd(folder)) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot sync", path);
    closedir(folder);
    return r;
}

int erase_files_derived(struct erase_files *files, struct error *ret_error) {
    char *index = find_files_folder(files->archive);
    int r = remove_files(files, index, ".find", ret_error);
    if (r == 0) /* half written, of a run that was killed */
        r = remove_files(files, index, ".find.new", ret_error);
    free(index);
    if (r == 0 && files->generations) {
        char *samples = name_printf("%s/" SAMPLES, files->generations);
        r = remove_files(files, samples, "", ret_error);
        free(samples);
    }
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Files that quote values */

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

/* Reports and other files are JSON, too: a refused transaction has this column. */
static bool is_reject(const char *row, size_t size) {
    char column[64];
    int length = snprintf(column, sizeof column, "\"%s\":", reject_column_name(REJECT_CODE));
    return size > sizeof ERASED_ROW && *row == '{' && memmem(row, size, column, (size_t)length);
}

/* Rows of refused transactions are JSON objects, one a line. A server may be appending: a row is
 * overwritten where it is, with another object of the same length. What holds a value and is no
 * such row, or not whole, stays. */
static int overwrite_rows(struct erase_files *files, int descriptor, const char *bytes,
                          size_t length, const char *path, struct error *ret_error) {
    bool is_left = false;
    for (const char *at = bytes, *end = bytes + length; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((feed ? feed : end) - at);
        bool has_value =
            erase_keys_in_bytes(files->keys, (struct text){.data = at, .length = size});
        is_left |= has_value && !(feed && is_reject(at, size));
        if (has_value && feed && is_reject(at, size)) {
            char *row = check_malloc(size);
            memset(row, ' ', size);
            memcpy(row, ERASED_ROW, sizeof ERASED_ROW - 1);
            row[size - 1] = '}';
            int r = file_write_at(descriptor, row, size, (uint64_t)(at - bytes));
            free(row);
            if (r < 0)
                return error_set_errno(ret_error, errno, "%s: cannot write", path);
            files->rows++;
        }
        at += size + 1;
    }
    if (is_left)
        note_left(files, path);
    if (fsync(descriptor) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot sync", path);
    return 0;
}

static bool are_rows(const char *bytes, size_t length) {
    return length > 2 && memcmp(bytes, "{\"", 2) == 0 && memchr(bytes, '\n', length) != NULL;
}

static int remove_file(struct erase_files *files, const char *path, struct error *ret_error) {
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot remove", path);
    files->removed++;
    return 0;
}

/* In one of the archive's folders of what was cut off, or put aside as damaged. */
static bool is_aside(const struct erase_files *files, const char *path) {
    size_t length = strlen(files->archive);
    return strncmp(path, files->archive, length) == 0 &&
           (strncmp(path + length, "/cut/", strlen("/cut/")) == 0 ||
            strncmp(path + length, "/quarantine/", strlen("/quarantine/")) == 0);
}

/* A file that holds a value: what is done about it depends on what it is. */
static int clean_file(struct erase_files *files, const char *path, const char *bytes, size_t length,
                      struct error *ret_error) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (strstr(name, ".seg.torn-") || (is_aside(files, path) && strstr(name, ".seg")))
        return remove_file(files, path, ret_error);
    if (are_rows(bytes, length)) {
        int descriptor = open(path, O_WRONLY | O_CLOEXEC);
        if (descriptor < 0)
            return error_set_errno(ret_error, errno, "%s: cannot open", path);
        int r = overwrite_rows(files, descriptor, bytes, length, path, ret_error);
        close(descriptor);
        return r;
    }
    note_left(files, path);
    return 0;
}

static int look_at_file(struct erase_files *files, const char *path, struct error *ret_error) {
    char *bytes;
    size_t length;
    struct error error;
    if (is_aside(files, path) && strstr(path, ".seg.zst")) {
        note_left(files, path); /* damaged, and packed: no one can say */
        return 0;
    }
    int r = file_load(AT_FDCWD, path, FILE_MAX, &bytes, &length, &error);
    if (r == -ERROR_NOT_FOUND)
        return 0; /* it has gone meanwhile */
    if (r < 0) {
        note_left(files, path); /* not known to be free of them */
        return 0;
    }
    if (erase_keys_in_bytes(files->keys, (struct text){.data = bytes, .length = length}))
        r = clean_file(files, path, bytes, length, ret_error);
    free(bytes);
    return r;
}

/* In the folder, or it itself? */
static bool is_below(const char *path, const char *folder, const char *name) {
    size_t length = folder ? strlen(folder) : 0, more = strlen(name);
    return length > 0 && strncmp(path, folder, length) == 0 &&
           strncmp(path + length, name, more) == 0 &&
           (path[length + more] == '/' || (more > 0 && path[length + more] == '\0'));
}

/* Segments and where a pruned archive begins are the archive's business, tables are built anew,
 * sockets and links hold nothing. */
static bool is_looked_at(const struct erase_files *files, const char *path) {
    if (is_below(path, files->generations, "") ||
        is_below(path, files->archive, "/" ARCHIVE_BASE) ||
        is_below(path, files->archive, "/" ARCHIVE_BEGIN_FILE))
        return false;
    return is_aside(files, path) || !(ends_with(path, ".seg") || ends_with(path, ".seg.zst") ||
                                      ends_with(path, ".epoch") || ends_with(path, "/spare"));
}

/* The archive and others may be links in the data folder, to another disk. */
static int look_at_folder(struct erase_files *files, const char *path, unsigned depth,
                          struct error *ret_error) {
    DIR *folder = opendir(path);
    int r = 0;
    if (!folder || depth > DEPTH_MAX) {
        if (folder)
            closedir(folder);
        return errno == ENOENT ? 0 : error_set_errno(ret_error, errno, "%s: cannot list", path);
    }
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, path, &entry, ret_error)) > 0;) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(folder), entry->d_name, &status, depth > 0 ? AT_SYMLINK_NOFOLLOW : 0) < 0)
            continue;
        char *inside = name_printf("%s/%s", path, entry->d_name);
        if (S_ISDIR(status.st_mode))
            r = look_at_folder(files, inside, depth + 1, ret_error);
        else if (S_ISREG(status.st_mode) && is_looked_at(files, inside))
            r = look_at_file(files, inside, ret_error);
        free(inside);
    }
    closedir(folder);
    return r;
}

int erase_files_rest(struct erase_files *files, struct error *ret_error) {
    size_t removed = 0;
    int r = 0;
    if (files->generations)
        r = generation_remove_others(files->generations, &removed, ret_error);
    files->removed += removed;
    if (r == 0)
        r = look_at_folder(files, files->data ? files->data : files->archive, 0, ret_error);
    if (r == 0 && files->rejects)
        r = look_at_file(files, files->rejects, ret_error);
    if (r == 0 && files->rejects) {
        char *old = name_printf("%s.1", files->rejects);
        r = look_at_file(files, old, ret_error);
        free(old);
    }
    return r;
}
