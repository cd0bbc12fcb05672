/* A policy's folder → its files in memory: every *.yaml (and *.yml, so that the load can refuse it
 * by name), zones/….tzif, and the files that lists.yaml and models.yaml name. Symbolic links are
 * followed, as mounted configurations need; names that begin with a dot are skipped. Everything is
 * read through one descriptor of the folder, so renaming the folder meanwhile does not mix two
 * policies. */
#include "load.h"
#include "policy_limits.h"
#include "snapshot.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/policy/source/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_DEPTH_MAX 8
#define FOLDER_PATH_MAX  4096

struct policy_folder {
    struct policy_file *files;
    size_t count, capacity;
    size_t total; /* bytes of all contents */
};

void policy_folder_free(struct policy_folder *folder) {
    if (!folder)
        return;
    for (size_t i = 0; i < folder->count; i++) {
        free((void *)(uintptr_t)folder->files[i].path.data);
        free((void *)(uintptr_t)folder->files[i].content.data);
    }
    free(folder->files);
    free(folder);
}

const struct policy_file *policy_folder_files(const struct policy_folder *folder,
                                              size_t *ret_count) {
    *ret_count = folder->count;
    return folder->files;
}

static int add_file(struct policy_folder *folder, const char *path, char *content, size_t length,
                    struct error *ret_error) {
    folder->total += length;
    if (folder->count == POLICY_FILES_MAX || folder->total > POLICY_SIZE_MAX) {
        free(content);
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the policy is too large; expected at most %u files and %u MiB",
                         POLICY_FILES_MAX, POLICY_SIZE_MAX >> 20);
    }
    if (folder->count == folder->capacity) {
        folder->capacity = folder->capacity ? folder->capacity * 2 : 16;
        folder->files = check_reallocarray(folder->files, folder->capacity, sizeof *folder->files);
    }
    struct policy_file *file = &folder->files[folder->count++];
    file->path = (struct text){.data = text_copy(text_of(path)), .length = strlen(path)};
    file->content = (struct text){.data = content, .length = length};
    return 0;
}

/* Reads an open file up to the size it had when it was opened, or to its end if it shrank. */
static int read_bytes(int fd, const char *path, size_t size, char **ret_content, size_t *ret_length,
                      struct error *ret_error) {
    char *content = check_malloc(size + 1);
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, content + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int r = error_set_errno(ret_error, errno, "%s: cannot be read", path);
            free(content);
            return r;
        }
        if (got == 0)
            break;
        length += (size_t)got;
    }
    content[length] = '\0';
    *ret_content = content;
    *ret_length = length;
    return 0;
}

static int read_open_file(struct policy_folder *folder, int fd, const char *path,
                          struct error *ret_error) {
    struct stat status;
    if (fstat(fd, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot be read", path);
    if (!S_ISREG(status.st_mode))
        return error_set(ret_error, ERROR_INVALID, "%s: not a regular file", path);
    if ((uintmax_t)status.st_size > POLICY_FILE_SIZE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: %ju bytes; expected at most %u MiB", path,
                         (uintmax_t)status.st_size, POLICY_FILE_SIZE_MAX >> 20);
    char *content = NULL;
    size_t length = 0;
    int r = read_bytes(fd, path, (size_t)status.st_size, &content, &length, ret_error);
    return r < 0 ? r : add_file(folder, path, content, length, ret_error);
}

/* path: relative to the folder, whose descriptor is `directory`. O_NONBLOCK, so that opening a
 * FIFO does not wait for a writer. */
static int read_file(struct policy_folder *folder, int directory, const char *path,
                     struct error *ret_error) {
    int fd = openat(directory, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(ret_error, errno, "%s: cannot be read", path);
    int r = read_open_file(folder, fd, path, ret_error);
    close(fd);
    return r;
}

static bool has_suffix(const char *name, const char *suffix) {
    size_t length = strlen(name), suffix_length = strlen(suffix);
    return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* Depth is limited because links may form a loop. A folder inside that is gone by now is as one
 * that was never there: a rollback removes some from the old folder, which a server may be reading.
 */
static int walk(struct policy_folder *folder, int root, const char *path, int depth,
                struct error *ret_error);

/* One entry of a folder: a folder to walk, a file to read, or something to ignore. */
static int take_entry(struct policy_folder *folder, int root, const char *directory,
                      const char *name, int depth, struct error *ret_error) {
    char path[FOLDER_PATH_MAX];
    if (name[0] == '.')
        return 0;
    int length = snprintf(path, sizeof path, "%s%s%s", directory, *directory ? "/" : "", name);
    if (length < 0 || (size_t)length >= sizeof path)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: the path is too long", name);
    struct stat status;
    if (fstatat(root, path, &status, 0) < 0)
        return errno == ENOENT ? 0 /* a dangling link, or just deleted */
                               : error_set_errno(ret_error, errno, "%s: cannot be read", path);
    if (S_ISDIR(status.st_mode))
        return walk(folder, root, path, depth + 1, ret_error);
    if (has_suffix(name, ".yaml") || has_suffix(name, ".yml") ||
        policy_file_kind(text_of(path)) == FILE_ZONE)
        return read_file(folder, root, path, ret_error);
    return 0;
}

static int walk(struct policy_folder *folder, int root, const char *path, int depth,
                struct error *ret_error) {
    if (depth > FOLDER_DEPTH_MAX)
        return error_set(ret_error, ERROR_INVALID, "%s: folders are nested too deeply", path);
    int fd = openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && *path)
        return 0;
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        int r = error_set_errno(ret_error, errno, "%s: cannot be read", *path ? path : ".");
        if (fd >= 0)
            close(fd);
        return r;
    }
    int r = 0;
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(directory, *path ? path : ".", &entry, ret_error)) > 0;)
        r = take_entry(folder, root, path, entry->d_name, depth, ret_error);
    closedir(directory);
    return r;
}

bool policy_path_is_inside(struct text path) {
    if (path.length == 0 || path.length >= FOLDER_PATH_MAX || path.data[0] == '/' ||
        memchr(path.data, '\0', path.length))
        return false;
    for (size_t i = 0; i < path.length; i++)
        if (path.data[i] == '.' && (i == 0 || path.data[i - 1] == '/'))
            return false;
    return true;
}

static bool has_file(const struct policy_folder *folder, struct text path) {
    for (size_t i = 0; i < folder->count; i++)
        if (text_equal(folder->files[i].path, path))
            return true;
    return false;
}

static int take_named(struct policy_folder *folder, int root, struct text path,
                      struct error *ret_error) {
    if (!policy_path_is_inside(path) || has_file(folder, path))
        return 0;
    char *string = text_copy(path);
    /* A missing file is reported by the load, at the line that names it. */
    int r = faccessat(root, string, F_OK, 0) < 0 ? 0 : read_file(folder, root, string, ret_error);
    free(string);
    return r;
}

/* Reads the files that the items of `what` in a YAML file name. Its errors are ignored here: the
 * load reports them. */
static int read_named(struct policy_folder *folder, int root, const char *path, const char *what,
                      struct error *ret_error) {
    struct source source = {.path = text_of(path)};
    for (size_t i = 0; i < folder->count; i++)
        if (text_equal(folder->files[i].path, source.path))
            source.content = folder->files[i].content;
    if (!source.content.data)
        return 0;
    struct arena arena;
    struct diagnostics diagnostics;
    arena_init(&arena, SIZE_MAX / 4);
    diagnostics_init(&diagnostics);
    const struct tree_node *named = tree_child(tree_parse(&source, &arena, &diagnostics), what);
    int r = 0;
    if (named && named->kind != TREE_TEXT)
        for (const struct tree_node *item = named->first; item && r == 0; item = item->next) {
            const struct tree_node *file = tree_child(item, "file"),
                                   *reference = tree_child(item, "reference");
            if (file && file->kind == TREE_TEXT)
                r = take_named(folder, root, file->text, ret_error);
            if (r == 0 && reference && reference->kind == TREE_TEXT)
                r = take_named(folder, root, reference->text, ret_error);
        }
    diagnostics_deinit(&diagnostics);
    arena_deinit(&arena);
    return r;
}

static int compare_paths(const void *left, const void *right) {
    const struct policy_file *a = left, *b = right;
    return text_compare(a->path, b->path);
}

int policy_folder_read(const char *path, struct policy_folder **ret_folder,
                       struct error *ret_error) {
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND, "policy folder %s: No such file or directory",
                         path);
    if (root < 0 && errno == ENOTDIR)
        return error_set(
            ret_error, ERROR_NOT_FOUND,
            "%s is not a folder; expected the folder of the policy, which holds policy.yaml", path);
    if (root < 0)
        return error_set_errno(ret_error, errno, "policy folder %s: cannot be read", path);
    struct policy_folder *folder = check_calloc(1, sizeof *folder);
    int r = walk(folder, root, "", 0, ret_error);
    if (r == 0)
        r = read_named(folder, root, "lists.yaml", "lists", ret_error);
    if (r == 0)
        r = read_named(folder, root, "models.yaml", "models", ret_error);
    close(root);
    if (r < 0) {
        policy_folder_free(folder);
        return error_prefix(ret_error, "policy folder %s", path);
    }
    if (folder->count > 1)
        qsort(folder->files, folder->count, sizeof *folder->files, compare_paths);
    *ret_folder = folder;
    return 0;
}
