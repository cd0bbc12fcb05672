#include "job_files.h"

#include "core/base/folder/folder_next.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTORS 16 /* of a walk */

int job_files_path(const char *folder, int64_t id, const char *name, char ret_path[JOB_PATH_SIZE],
                   struct error *ret_error) {
    int length =
        snprintf(ret_path, JOB_PATH_SIZE, "%s/%" PRId64 "%s%s", folder, id, *name ? "/" : "", name);
    if (length >= JOB_PATH_SIZE)
        return error_set(ret_error, ERROR_INVALID, "the path of the data folder is too long");
    return 0;
}

static int make(const char *folder, int64_t id, const char *name, struct error *ret_error) {
    char path[JOB_PATH_SIZE];
    int r = job_files_path(folder, id, name, path, ret_error);
    if (r == 0 && mkdir(path, 0700) < 0)
        r = error_set_errno(ret_error, errno, "cannot create %s", path);
    return r;
}

int job_files_make(const char *folder, int64_t id, struct error *ret_error) {
    int r = make(folder, id, "", ret_error);
    return r == 0 ? make(folder, id, JOB_GIVEN, ret_error) : r;
}

/* ---- removing ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_tree(const char *path, struct error *ret_error) {
    if (nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "cannot remove %s", path);
    return 0;
}

int job_files_remove(const char *folder, int64_t id, struct error *ret_error) {
    char path[JOB_PATH_SIZE];
    int r = job_files_path(folder, id, "", path, ret_error);
    return r == 0 ? remove_tree(path, ret_error) : r;
}

static bool is_content(const char *name) {
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int job_files_clear(const char *folder, int64_t id, struct error *ret_error) {
    char path[JOB_PATH_SIZE];
    int r = job_files_path(folder, id, "", path, ret_error);
    if (r < 0)
        return r;
    DIR *stream = opendir(path);
    if (!stream)
        return error_set_errno(ret_error, errno, "cannot read %s", path);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(stream, folder, &entry, ret_error)) > 0;) {
        if (!is_content(entry->d_name) || strcmp(entry->d_name, JOB_GIVEN) == 0)
            continue;
        r = job_files_path(folder, id, entry->d_name, path, ret_error);
        if (r == 0)
            r = remove_tree(path, ret_error);
    }
    closedir(stream);
    return r;
}

/* ---- measuring ---- */

static _Thread_local uint64_t walked_bytes; /* nftw() has no argument of the caller's */

static int add_size(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)path;
    (void)walk;
    if (type == FTW_F)
        walked_bytes += (uint64_t)status->st_size;
    return 0;
}

uint64_t job_files_bytes(const char *folder, int64_t id) {
    char path[JOB_PATH_SIZE];
    struct error error;
    walked_bytes = 0;
    if (job_files_path(folder, id, "", path, &error) == 0)
        nftw(path, add_size, DESCRIPTORS, FTW_PHYS);
    return walked_bytes;
}

/* ---- all ---- */

int job_files_each(const char *folder, int (*take)(void *user, int64_t id, struct error *ret_error),
                   void *user, struct error *ret_error) {
    int r = 0;
    DIR *stream = opendir(folder);
    if (!stream)
        return error_set_errno(ret_error, errno, "cannot read %s", folder);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(stream, folder, &entry, ret_error)) > 0;) {
        char *end;
        long long id = strtoll(entry->d_name, &end, 10);
        if (is_content(entry->d_name) && *end == '\0' && id > 0)
            r = take(user, id, ret_error);
    }
    closedir(stream);
    return r;
}
