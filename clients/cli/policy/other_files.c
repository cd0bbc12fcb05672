/* A walk over the old folder beside the new one. Links are not followed: a folder that is a link is
 * linked itself. */
#include "other_files.h"

#include "folder_draft.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX    64
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct walk {
    const struct policy_file *files;
    size_t file_count;
    struct other_files *others;
};

/* Two folders of the same path. */
struct pair {
    int from, to;
    const char *path; /* "": the folders themselves */
    unsigned depth;
};

/* ---- what is of the policy ---- */

static bool is_of_policy(const struct walk *walk, const char *path) {
    for (size_t i = 0; i < walk->file_count; i++)
        if (text_is(walk->files[i].path, path))
            return true;
    return false;
}

/* Does a file of the policy have this path before its own name? */
static bool leads_to_policy(const struct walk *walk, const char *path) {
    size_t length = strlen(path);
    for (size_t i = 0; i < walk->file_count; i++) {
        struct text file = walk->files[i].path;
        if (file.length > length && file.data[length] == '/' &&
            memcmp(file.data, path, length) == 0)
            return true;
    }
    return false;
}

/* ---- linking ---- */

static int note(struct other_files *others, const char *path, bool is_folder,
                struct error *ret_error) {
    if (others->count == OTHER_FILES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "more than %u files in it are not of the policy", OTHER_FILES_MAX);
    if (others->count == others->capacity) {
        others->capacity = others->capacity ? 2 * others->capacity : 32;
        others->files = check_reallocarray(others->files, others->capacity, sizeof *others->files);
    }
    others->files[others->count++] =
        (struct other_file){.path = text_copy(text_of(path)), .is_folder = is_folder};
    return 0;
}

static int failed(const char *path, struct error *ret_error) {
    return error_set_errno(ret_error, errno, "cannot take along %s, which is not of the policy",
                           path);
}

static int link_all(struct walk *walk, const struct pair *pair, struct error *ret_error);

/* The new folder is as open to others as the old one. */
static int copy_access(int from, int to) {
    struct stat status;
    if (fstat(from, &status) < 0)
        return -1;
    if (give_owner(to, status.st_uid, status.st_gid) < 0)
        return -1;
    return fchmod(to, status.st_mode & 07777);
}

static int link_inside(struct walk *walk, const struct pair *inside, bool is_new,
                       struct error *ret_error) {
    if (is_new && copy_access(inside->from, inside->to) < 0)
        return failed(inside->path, ret_error);
    int r = is_new ? note(walk->others, inside->path, true, ret_error) : 0;
    return r < 0 ? r : link_all(walk, inside, ret_error);
}

static void drop_last(struct other_files *others) {
    free(others->files[--others->count].path);
}

/* A folder on the way to the policy's files is made only for other files in it. */
static int link_folder(struct walk *walk, const struct pair *pair, const char *name,
                       const char *path, struct error *ret_error) {
    bool is_new = mkdirat(pair->to, name, 0700) == 0;
    if (!is_new && errno != EEXIST)
        return failed(path, ret_error);
    size_t before = walk->others->count;
    struct pair inside = {.from = openat(pair->from, name, FOLDER_FLAGS),
                          .to = openat(pair->to, name, FOLDER_FLAGS),
                          .path = path,
                          .depth = pair->depth + 1};
    int r = 0;
    if (inside.from < 0 || (inside.to < 0 && errno != ENOTDIR && errno != ELOOP))
        r = failed(path, ret_error);
    else if (inside.to >= 0) /* else the policy has a file of this name, and the folder stays */
        r = link_inside(walk, &inside, is_new, ret_error);
    if (inside.from >= 0)
        close(inside.from);
    if (inside.to >= 0)
        close(inside.to);
    if (r == 0 && is_new && walk->others->count == before + 1 && leads_to_policy(walk, path)) {
        unlinkat(pair->to, name, AT_REMOVEDIR);
        drop_last(walk->others);
    }
    return r;
}

static int link_file(struct walk *walk, const struct pair *pair, const char *name, const char *path,
                     struct error *ret_error) {
    if (leads_to_policy(walk, path)) /* a link to a folder with some of the policy's files */
        return 0;
    if (linkat(pair->from, name, pair->to, name, 0) == 0)
        return note(walk->others, path, false, ret_error);
    return errno == EEXIST ? 0 : failed(path, ret_error);
}

static int link_entry(struct walk *walk, const struct pair *pair, const char *name,
                      struct error *ret_error) {
    struct stat status;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    char *path = *pair->path ? name_printf("%s/%s", pair->path, name) : text_copy(text_of(name));
    int r = 0;
    if (is_of_policy(walk, path))
        r = 0;
    else if (fstatat(pair->from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        r = failed(path, ret_error);
    else
        r = (S_ISDIR(status.st_mode) ? link_folder : link_file)(walk, pair, name, path, ret_error);
    free(path);
    return r;
}

static int link_all(struct walk *walk, const struct pair *pair, struct error *ret_error) {
    if (pair->depth > DEPTH_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: folders are nested too deeply",
                         pair->path);
    int from = openat(pair->from, ".", FOLDER_FLAGS);
    DIR *folder = from < 0 ? NULL : fdopendir(from);
    if (!folder) {
        int r = failed(pair->path, ret_error);
        if (from >= 0)
            close(from);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 &&
         (r = folder_next(folder, *pair->path ? pair->path : ".", &entry, ret_error)) > 0;)
        r = link_entry(walk, pair, entry->d_name, ret_error);
    closedir(folder);
    if (r == 0 && fsync(pair->to) < 0)
        r = failed(pair->path, ret_error);
    return r;
}

int other_files_link(int from, int to, const struct policy_file *files, size_t count,
                     struct other_files *ret_others, struct error *ret_error) {
    *ret_others = (struct other_files){0};
    struct walk walk = {.files = files, .file_count = count, .others = ret_others};
    return link_all(&walk, &(struct pair){.from = from, .to = to, .path = ""}, ret_error);
}

/* ---- unlinking ---- */

static bool is_same_file(const char *path, int a, int b) {
    struct stat in_a, in_b;
    return fstatat(a, path, &in_a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(b, path, &in_b, AT_SYMLINK_NOFOLLOW) == 0 && in_a.st_ino == in_b.st_ino &&
           in_a.st_dev == in_b.st_dev;
}

/* What is in a folder goes before it. One that is not empty stays. */
void other_files_unlink(const struct other_files *others, int from, int to) {
    for (size_t i = others->count; i-- > 0;) {
        const struct other_file *file = &others->files[i];
        if (file->is_folder)
            unlinkat(from, file->path, AT_REMOVEDIR);
        else if (is_same_file(file->path, from, to))
            unlinkat(from, file->path, 0);
    }
}

void other_files_deinit(struct other_files *others) {
    for (size_t i = 0; i < others->count; i++)
        free(others->files[i].path);
    free(others->files);
    *others = (struct other_files){0};
}
