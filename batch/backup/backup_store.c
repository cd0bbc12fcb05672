#include "backup_store.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE      ((size_t)1 << 20)
#define SYNC_BYTES (UINT64_C(16) << 20) /* so that a server's sync never waits long for ours */
#define MARK_MAX   ((size_t)64 << 10)
#define DRAFT      BACKUP_FILES_FOLDER "/.draft"

int backup_meter_add(struct backup_meter *meter, uint64_t bytes, struct error *ret_error) {
    meter->done += bytes;
    if (meter->total < meter->done)
        meter->total = meter->done; /* what is copied may have grown since it was measured */
    if (progress_update(meter->progress, meter->stage, meter->done, meter->total) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "interrupted; run it again to go on");
}

/* ---------------------------------------------------------------------------------------------
 * Files and folders */

int backup_make_folder(const char *path, struct error *ret_error) {
    if (mkdir(path, 0750) < 0)
        return errno == EEXIST
                   ? 1
                   : error_set_errno(ret_error, errno, "%s: cannot create the folder", path);
    /* So that its name survives a power failure. Not being allowed to is not an error. */
    char *above = name_printf("%s/..", path);
    int descriptor = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(above);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    return 0;
}

int backup_make_folders(int directory, const char *path, struct error *ret_error) {
    char name[BACKUP_NAME_SIZE];
    int r = 0;
    snprintf(name, sizeof name, "%s", path);
    for (char *slash = strchr(name, '/'); slash && r == 0; slash = strchr(slash + 1, '/')) {
        int made;
        *slash = '\0';
        r = directory_make(directory, name, &made, ret_error);
        if (r == 0)
            close(made);
        *slash = '/';
    }
    return r;
}

int backup_sync_folder_of(int directory, const char *path, struct error *ret_error) {
    char name[BACKUP_NAME_SIZE];
    snprintf(name, sizeof name, "%s", path);
    char *slash = strrchr(name, '/');
    if (slash)
        *slash = '\0';
    return directory_sync(directory, slash ? name : ".", ret_error);
}

int backup_write_whole(int directory, const char *name, const void *bytes, size_t length,
                       struct error *ret_error) {
    char draft[BACKUP_NAME_SIZE];
    const char *slash = strrchr(name, '/');
    int folder = slash ? (int)(slash - name) + 1 : 0;
    snprintf(draft, sizeof draft, "%.*s.%s.new", folder, name, name + folder);
    if (unlinkat(directory, draft, 0) < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "%s: cannot remove", draft);
    int r = file_create(directory, draft, bytes, length, ret_error);
    if (r == 0 && renameat(directory, draft, directory, name) < 0) {
        r = error_set_errno(ret_error, errno, "%s: cannot rename its draft", name);
        unlinkat(directory, draft, 0);
    }
    return r < 0 ? r : backup_sync_folder_of(directory, name, ret_error);
}

char *backup_real_path(const char *path, struct error *ret_error) {
    char *real = realpath(path, NULL);
    if (real || errno != ENOENT) {
        if (!real)
            error_set_errno(ret_error, errno, "%s: cannot open", path);
        return real;
    }
    char *above = text_copy(text_of(path));
    size_t length = strlen(above);
    while (length > 1 && above[length - 1] == '/')
        above[--length] = '\0';
    char *slash = strrchr(above, '/');
    const char *base = slash ? slash + 1 : above;
    char *name = text_copy(text_of(base));
    if (slash)
        slash[slash == above] = '\0';
    char *inside = realpath(slash ? above : ".", NULL);
    if (inside)
        real = name_printf("%s/%s", inside, name);
    else
        error_set_errno(ret_error, errno, "%s: cannot open the folder above it", path);
    free(inside);
    free(name);
    free(above);
    return real;
}

bool backup_path_is_inside(const char *path, const char *folder) {
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || folder[length - 1] == '/');
}

/* Neither file stays in the page cache: a server needs that. */
static int sync_piece(int from, int to, const char *to_shown, uint64_t done,
                      struct error *ret_error) {
    posix_fadvise(from, 0, (off_t)done, POSIX_FADV_DONTNEED);
    if (to < 0)
        return 0;
    if (fdatasync(to) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot sync", to_shown);
    posix_fadvise(to, 0, (off_t)done, POSIX_FADV_DONTNEED);
    return 0;
}

int backup_hash_copy(int from, const char *from_shown, int to, const char *to_shown,
                     struct backup_meter *meter, uint64_t *ret_bytes,
                     char ret_sha256[BACKUP_HEX_SIZE], struct error *ret_error) {
    uint8_t *bytes = check_malloc(PIECE);
    struct sha256 *sha = sha256_new();
    uint64_t done = 0, synced = 0;
    ssize_t length = 0;
    int r = 0;
    posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
    while (r == 0 && (length = file_read_at(from, bytes, PIECE, done)) > 0) {
        sha256_add(sha, bytes, (size_t)length);
        if (to >= 0 && file_write_at(to, bytes, (size_t)length, done) < 0)
            r = error_set_errno(ret_error, errno, "%s: cannot write", to_shown);
        done += (uint64_t)length;
        if (r == 0)
            r = backup_meter_add(meter, (uint64_t)length, ret_error);
        if (r == 0 && done - synced >= SYNC_BYTES) {
            r = sync_piece(from, to, to_shown, done, ret_error);
            synced = done;
        }
    }
    if (r == 0 && length < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot read", from_shown);
    posix_fadvise(from, 0, 0, POSIX_FADV_DONTNEED);
    free(bytes);
    uint8_t digest[32];
    sha256_finish(sha, digest);
    if (r == 0) {
        backup_hex(digest, ret_sha256);
        *ret_bytes = done;
    }
    return r;
}

int backup_source_stamp(int descriptor, const char *shown, char ret_source[BACKUP_SOURCE_SIZE],
                        struct error *ret_error) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", shown);
    snprintf(ret_source, BACKUP_SOURCE_SIZE, "%jx:%jx:%jd:%jd.%09ld:%jd.%09ld",
             (uintmax_t)status.st_dev, (uintmax_t)status.st_ino, (intmax_t)status.st_size,
             (intmax_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
             (intmax_t)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The folder */

/* But for what a backup leaves that was killed at its very beginning. */
static int check_empty(int directory, struct error *ret_error) {
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    bool found = false;
    int r = 0;
    if (!folder)
        return error_set_errno(ret_error, errno, "cannot list");
    for (const struct dirent *entry;
         !found && r >= 0 && (r = folder_next(folder, ".", &entry, ret_error)) > 0;)
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                strcmp(entry->d_name, "lost+found") != 0 && strcmp(entry->d_name, "lock") != 0 &&
                strcmp(entry->d_name, "." BACKUP_MARK_NAME ".new") != 0;
    closedir(folder);
    if (found)
        r = error_set(ret_error, ERROR_INVALID,
                      "it has other files and no backup; expected an empty folder or that of a "
                      "backup");
    return r;
}

/* 1: it is not a backup. */
static int read_mark(int directory, struct error *ret_error) {
    char *bytes;
    size_t length;
    json_error_t where;
    int r = file_load(directory, BACKUP_MARK_NAME, MARK_MAX, &bytes, &length, ret_error);
    if (r < 0)
        return r == -ERROR_NOT_FOUND ? 1 : r;
    json_t *object = json_loadb(bytes, length, 0, &where);
    free(bytes);
    const char *kind = json_string_value(json_object_get(object, "kind"));
    json_int_t format = json_integer_value(json_object_get(object, "format"));
    if (!kind || strcmp(kind, "harrier backup") != 0)
        r = error_set(ret_error, ERROR_INVALID,
                      BACKUP_MARK_NAME ": not that of a backup; expected the folder of one");
    else if (format != BACKUP_FORMAT)
        r = error_set(ret_error, ERROR_UNSUPPORTED,
                      BACKUP_MARK_NAME ": a backup of format %lld; this version of harrier reads "
                                       "format %d",
                      (long long)format, BACKUP_FORMAT);
    json_decref(object);
    return r;
}

static int write_mark(int directory, struct error *ret_error) {
    struct buffer json;
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_text(&json, "kind", TEXT_LITERAL("harrier backup"));
    json_add_unsigned(&json, "format", BACKUP_FORMAT);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    int r = backup_write_whole(directory, BACKUP_MARK_NAME, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    return r;
}

static int make_inner(int directory, const char *name, struct error *ret_error) {
    int made;
    int r = directory_make(directory, name, &made, ret_error);
    if (r == 0)
        close(made);
    return r;
}

static int open_folder(struct backup_store *store, struct error *ret_error) {
    store->directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory >= 0)
        return 0;
    if (errno == ENOENT || errno == ENOTDIR)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s; expected the folder of a backup",
                         errno == ENOENT ? "there is no such folder" : "it is a file");
    return error_set_errno(ret_error, errno, "cannot open the folder of the backup");
}

static int prepare(struct backup_store *store, struct error *ret_error) {
    int r = open_folder(store, ret_error);
    if (r < 0)
        return r;
    r = read_mark(store->directory, ret_error);
    if (r < 0)
        return r;
    store->is_new = r == 1;
    r = store->is_new ? check_empty(store->directory, ret_error) : 0;
    if (r < 0)
        return r;
    r = directory_lock(store->directory, store->path, "works in this backup", &store->lock,
                       ret_error);
    if (r == 0 && store->is_new)
        r = write_mark(store->directory, ret_error);
    if (r == 0)
        r = make_inner(store->directory, BACKUP_POINTS_FOLDER, ret_error);
    if (r == 0)
        r = make_inner(store->directory, BACKUP_FILES_FOLDER, ret_error);
    return r;
}

static int finish_opening(struct backup_store *store, int r, struct backup_store *ret_store,
                          struct error *ret_error) {
    if (r < 0) {
        error_prefix(ret_error, "%s", store->path);
        backup_store_close(store);
        return r;
    }
    *ret_store = *store;
    return 0;
}

int backup_store_create(const char *path, struct backup_store *ret_store, struct error *ret_error) {
    int r = backup_make_folder(path, ret_error);
    if (r < 0)
        return r;
    struct backup_store store = {.path = text_copy(text_of(path)), .directory = -1, .lock = -1};
    return finish_opening(&store, prepare(&store, ret_error), ret_store, ret_error);
}

/* Shared with other readers. A folder that cannot be locked is read all the same: nothing writes to
 * a disk that is read-only. */
static int lock_shared(struct backup_store *store, struct error *ret_error) {
    store->lock = openat(store->directory, "lock", O_RDONLY | O_CLOEXEC);
    if (store->lock >= 0 && flock(store->lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return error_set(ret_error, ERROR_EXISTS,
                         "a backup is being made in it; run it again when that has ended");
    return 0;
}

int backup_store_open(const char *path, struct backup_store *ret_store, struct error *ret_error) {
    struct backup_store store = {.path = text_copy(text_of(path)), .directory = -1, .lock = -1};
    int r = open_folder(&store, ret_error);
    if (r == 0)
        r = read_mark(store.directory, ret_error);
    if (r == 1)
        r = error_set(ret_error, ERROR_NOT_FOUND, "there is no backup in it: no " BACKUP_MARK_NAME);
    if (r == 0)
        r = lock_shared(&store, ret_error);
    return finish_opening(&store, r, ret_store, ret_error);
}

void backup_store_close(struct backup_store *store) {
    if (!store->path)
        return;
    if (store->lock >= 0)
        close(store->lock);
    if (store->directory >= 0)
        close(store->directory);
    free(store->path);
    *store = (struct backup_store){0};
}

/* ---------------------------------------------------------------------------------------------
 * Files of the backup */

const char *backup_store_name(const struct backup_file *file, char ret_name[BACKUP_NAME_SIZE]) {
    snprintf(ret_name, BACKUP_NAME_SIZE, BACKUP_FILES_FOLDER "/%s.%s", file->path, file->sha256);
    return ret_name;
}

bool backup_store_has(const struct backup_store *store, const struct backup_file *file) {
    char name[BACKUP_NAME_SIZE];
    struct stat status;
    return fstatat(store->directory, backup_store_name(file, name), &status, AT_SYMLINK_NOFOLLOW) ==
               0 &&
           S_ISREG(status.st_mode) && (uint64_t)status.st_size == file->bytes;
}

/* Is there any version of the file, of this size? Then it is worth hashing the source first: a
 * hint, so that an error of the listing may count as its end. */
static bool has_some(const struct backup_store *store, const char *path, uint64_t bytes) {
    char folder[BACKUP_NAME_SIZE];
    snprintf(folder, sizeof folder, BACKUP_FILES_FOLDER "/%s", path);
    char *slash = strrchr(folder, '/');
    *slash = '\0';
    const char *base = slash + 1;
    size_t length = strlen(base);
    int inner = openat(store->directory, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = inner < 0 ? NULL : fdopendir(inner);
    bool found = false;
    if (!names)
        return false;
    for (const struct dirent *entry; !found && (entry = readdir(names));) {
        struct stat status;
        found = strncmp(entry->d_name, base, length) == 0 && entry->d_name[length] == '.' &&
                strlen(entry->d_name) == length + BACKUP_HEX_SIZE &&
                fstatat(inner, entry->d_name, &status, 0) == 0 && (uint64_t)status.st_size == bytes;
    }
    closedir(names);
    return found;
}

int backup_store_begin(struct backup_store *store, int *ret_descriptor, struct error *ret_error) {
    int descriptor =
        openat(store->directory, DRAFT, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s/" DRAFT ": cannot create", store->path);
    *ret_descriptor = descriptor;
    return 0;
}

/* The draft is whole. */
static int place_draft(struct backup_store *store, int descriptor, const struct backup_file *file,
                       struct error *ret_error) {
    char name[BACKUP_NAME_SIZE];
    backup_store_name(file, name);
    int r = 0;
    if (fchmod(descriptor, 0600 | (file->mode & 0040)) < 0 || fsync(descriptor) < 0)
        r = error_set_errno(ret_error, errno, DRAFT ": cannot sync");
    if (r == 0)
        r = backup_make_folders(store->directory, name, ret_error);
    if (r == 0 && renameat(store->directory, DRAFT, store->directory, name) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot rename its draft", name);
    if (r == 0)
        r = backup_sync_folder_of(store->directory, name, ret_error);
    store->copied_bytes += file->bytes;
    store->copied_files++;
    return r;
}

static void drop_draft(struct backup_store *store) {
    unlinkat(store->directory, DRAFT, 0);
}

int backup_store_keep(struct backup_store *store, int descriptor, struct backup_file *file,
                      struct error *ret_error) {
    struct backup_meter unmeasured = {0};
    int r = backup_hash_copy(descriptor, DRAFT, -1, NULL, &unmeasured, &file->bytes, file->sha256,
                             ret_error);
    if (r == 0 && backup_store_has(store, file))
        drop_draft(store);
    else if (r == 0)
        r = place_draft(store, descriptor, file, ret_error);
    if (r < 0)
        drop_draft(store);
    return r < 0 ? error_prefix(ret_error, "%s", store->path) : 0;
}

static int copy_source(struct backup_store *store, int source, const char *shown,
                       struct backup_meter *meter, struct backup_file *file,
                       struct error *ret_error) {
    char to_shown[BACKUP_NAME_SIZE + 256];
    int descriptor;
    int r = backup_store_begin(store, &descriptor, ret_error);
    if (r < 0)
        return r;
    snprintf(to_shown, sizeof to_shown, "%.250s/" DRAFT " (of %s)", store->path, file->path);
    r = backup_hash_copy(source, shown, descriptor, to_shown, meter, &file->bytes, file->sha256,
                         ret_error);
    if (r == 0 && backup_store_has(store, file))
        drop_draft(store);
    else if (r == 0 && (r = place_draft(store, descriptor, file, ret_error)) < 0)
        error_prefix(ret_error, "%s", store->path);
    if (r < 0)
        drop_draft(store);
    close(descriptor);
    return r;
}

/* Size and time of the last write: a file that sealing removes gets another time of change. */
static int check_unchanged(int source, const char *shown, const struct stat *before,
                           struct error *ret_error) {
    struct stat now;
    if (fstat(source, &now) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", shown);
    if (now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s: it changed while it was copied", shown);
    return 0;
}

int backup_store_put(struct backup_store *store, int source, const char *shown,
                     struct backup_meter *meter, struct backup_file *file,
                     struct error *ret_error) {
    struct stat before;
    if (fstat(source, &before) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", shown);
    int r = 0;
    bool is_there = false;
    if (has_some(store, file->path, (uint64_t)before.st_size)) {
        uint64_t done = meter->done;
        r = backup_hash_copy(source, shown, -1, NULL, meter, &file->bytes, file->sha256, ret_error);
        is_there = r == 0 && backup_store_has(store, file);
        meter->done = is_there ? meter->done : done;
    }
    if (r == 0 && !is_there)
        r = copy_source(store, source, shown, meter, file, ret_error);
    return r < 0 ? r : check_unchanged(source, shown, &before, ret_error);
}

/* ---------------------------------------------------------------------------------------------
 * Points, and what none of them needs */

int backup_store_publish(struct backup_store *store, const struct backup_point *point,
                         struct error *ret_error) {
    char name[BACKUP_POINT_NAME_SIZE];
    struct buffer json;
    buffer_init(&json);
    backup_point_format(point, &json);
    int r = 0;
    if (point->count > BACKUP_FILES_MAX || json.length > BACKUP_POINT_MAX)
        r = error_set(ret_error, ERROR_TOO_LARGE,
                      "a point of %zu files, with a manifest of %zu bytes; expected at most %d and "
                      "%zu",
                      point->count, json.length, BACKUP_FILES_MAX, BACKUP_POINT_MAX);
    if (r == 0)
        r = backup_write_whole(store->directory, backup_point_name(point->number, name), json.bytes,
                               json.length, ret_error);
    buffer_deinit(&json);
    return r < 0 ? error_prefix(ret_error, "%s", store->path) : 0;
}

int backup_store_remove_point(struct backup_store *store, uint64_t number,
                              struct error *ret_error) {
    char name[BACKUP_POINT_NAME_SIZE];
    if (unlinkat(store->directory, backup_point_name(number, name), 0) < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot remove", store->path, name);
    return directory_sync(store->directory, BACKUP_POINTS_FOLDER, ret_error);
}

struct sweep {
    char **names; /* of files that are needed, sorted */
    size_t count, capacity;
    uint64_t bytes;
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_names(struct sweep *sweep, const struct backup_points *points) {
    for (size_t i = 0; i < points->count; i++)
        for (size_t j = 0; j < points->points[i].count; j++) {
            char name[BACKUP_NAME_SIZE];
            if (sweep->count == sweep->capacity) {
                sweep->capacity = sweep->capacity ? 2 * sweep->capacity : 1024;
                sweep->names =
                    check_reallocarray(sweep->names, sweep->capacity, sizeof *sweep->names);
            }
            backup_store_name(&points->points[i].files[j], name);
            sweep->names[sweep->count++] = text_copy(text_of(name));
        }
    if (sweep->count > 0)
        qsort(sweep->names, sweep->count, sizeof *sweep->names, compare_names);
}

static int sweep_folder(const struct backup_store *store, const char *name, struct sweep *sweep,
                        struct error *ret_error);

/* A folder is removed if nothing is left in it. */
static int sweep_entry(const struct backup_store *store, const char *name, struct sweep *sweep,
                       struct error *ret_error) {
    struct stat status;
    if (fstatat(store->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", name);
    if (S_ISDIR(status.st_mode)) {
        int r = sweep_folder(store, name, sweep, ret_error);
        unlinkat(store->directory, name, AT_REMOVEDIR);
        return r;
    }
    if (sweep->count > 0 &&
        bsearch(&name, sweep->names, sweep->count, sizeof *sweep->names, compare_names))
        return 0;
    if (unlinkat(store->directory, name, 0) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot remove", name);
    sweep->bytes += (uint64_t)status.st_size;
    return 0;
}

static int sweep_folder(const struct backup_store *store, const char *name, struct sweep *sweep,
                        struct error *ret_error) {
    int inner = openat(store->directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = inner < 0 ? NULL : fdopendir(inner);
    int r = 0;
    if (!folder)
        return error_set_errno(ret_error, errno, "%s: cannot open", name);
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, name, &entry, ret_error)) > 0;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *path = name_printf("%s/%s", name, entry->d_name);
        r = sweep_entry(store, path, sweep, ret_error);
        free(path);
    }
    closedir(folder);
    return r;
}

int backup_store_sweep(struct backup_store *store, const struct backup_points *points,
                       uint64_t *ret_bytes, struct error *ret_error) {
    struct sweep sweep = {0};
    list_names(&sweep, points);
    int r = sweep_folder(store, BACKUP_FILES_FOLDER, &sweep, ret_error);
    for (size_t i = 0; i < sweep.count; i++)
        free(sweep.names[i]);
    free(sweep.names);
    *ret_bytes = sweep.bytes;
    return r < 0 ? error_prefix(ret_error, "%s", store->path) : 0;
}
