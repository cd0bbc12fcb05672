#include "file_set.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/load/snapshot.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static void file_free(struct policy_file *file) {
    free((void *)(uintptr_t)file->path.data);
    free((void *)(uintptr_t)file->content.data);
}

void file_set_deinit(struct file_set *set) {
    for (size_t i = 0; i < set->count; i++)
        file_free(&set->files[i]);
    free(set->files);
    *set = (struct file_set){0};
}

/* Where it is, or where it would be. */
static size_t place_of(const struct file_set *set, struct text path, bool *ret_is_there) {
    size_t low = 0, high = set->count;
    *ret_is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(set->files[middle].path, path);
        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct policy_file *file_set_find(const struct file_set *set, struct text path) {
    bool is_there;
    size_t place = place_of(set, path, &is_there);
    return is_there ? &set->files[place] : NULL;
}

static struct text copy(struct text text) {
    return (struct text){.data = text_copy(text), .length = text.length};
}

void file_set_put(struct file_set *set, struct text path, struct text content) {
    bool is_there;
    size_t place = place_of(set, path, &is_there);
    const struct policy_file file = {.path = copy(path), .content = copy(content)};
    if (is_there) {
        file_free(&set->files[place]);
        set->files[place] = file;
        return;
    }
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : 16;
        set->files = check_reallocarray(set->files, set->capacity, sizeof *set->files);
    }
    memmove(&set->files[place + 1], &set->files[place], (set->count - place) * sizeof *set->files);
    set->files[place] = file;
    set->count++;
}

void file_set_remove(struct file_set *set, struct text path) {
    bool is_there;
    size_t place = place_of(set, path, &is_there);
    if (!is_there)
        return;
    file_free(&set->files[place]);
    set->count--;
    memmove(&set->files[place], &set->files[place + 1], (set->count - place) * sizeof *set->files);
}

void file_set_hash(const struct file_set *set, char ret_hash[POLICY_HASH_SIZE]) {
    uint8_t hash[32];
    snapshot_files_hash(set->files, set->count, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(ret_hash + 2 * i, 3, "%02x", hash[i]);
}

int file_set_read(const char *folder, struct file_set *ret_set, struct error *ret_error) {
    struct policy_folder *read;
    struct file_set set = {0};
    size_t count;
    int r = policy_folder_read(folder, &read, ret_error);
    if (r < 0)
        return r;
    const struct policy_file *files = policy_folder_files(read, &count);
    for (size_t i = 0; i < count; i++)
        file_set_put(&set, files[i].path, files[i].content);
    policy_folder_free(read);
    if (!file_set_find(&set, TEXT_LITERAL("policy.yaml"))) {
        file_set_deinit(&set);
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s has no policy.yaml; expected the folder of a policy", folder);
    }
    *ret_set = set;
    return 0;
}

/* ---- writing ---- */

/* A folder inside `directory`, which is closed; -1: errno. */
static int enter(int directory, const char *name) {
    int inside = mkdirat(directory, name, 0700) < 0 && errno != EEXIST
                     ? -1
                     : openat(directory, name, FOLDER_FLAGS);
    int number = errno;
    close(directory);
    errno = number;
    return inside;
}

/* path is cut into its parts. */
static int create(int root, char *path, struct text content) {
    int directory = dup(root);
    char *name = path;
    for (char *slash; directory >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
        *slash = '\0';
        if (*name)
            directory = enter(directory, name);
    }
    if (directory < 0)
        return -1;
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = file < 0 ? -1 : file_write_at(file, content.data, content.length, 0);
    int number = errno;
    if (file >= 0)
        close(file);
    close(directory);
    errno = number;
    return r;
}

int file_set_write(const struct file_set *set, const char *folder, struct error *ret_error) {
    int r = 0, root = open(folder, FOLDER_FLAGS);
    if (root < 0)
        return error_set_errno(ret_error, errno, "cannot open the folder %s", folder);
    for (size_t i = 0; i < set->count && r == 0; i++) {
        check(policy_path_is_inside(set->files[i].path));
        char *path = text_copy(set->files[i].path);
        if (create(root, path, set->files[i].content) < 0)
            r = error_set_errno(ret_error, errno, "cannot write %" TEXT_FORMAT,
                                TEXT_ARGS(set->files[i].path));
        free(path);
    }
    close(root);
    return r;
}
