/* The mode is checked on the open descriptor, not on the path, so the file that is checked is the
 * file that is read. */
#include "token_file.h"

#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_NEW       0600
#define MODE_FORBIDDEN 0027 /* group: write; others: anything */

/* ---- reading ---- */

static int check_status(const char *path, const struct stat *status, struct error *ret_error) {
    if (!S_ISREG(status->st_mode))
        return error_set(ret_error, ERROR_INVALID, "%s is not a regular file", path);
    unsigned mode = status->st_mode & 07777;
    if (mode & MODE_FORBIDDEN)
        return error_set(
            ret_error, ERROR_INVALID,
            "%s has mode %04o: %s; expected 0600, or 0640 where the server reads it as "
            "a member of its group (chmod 600 %s)",
            path, mode,
            mode & 0006   ? "everybody can read or change it"
            : mode & 0020 ? "its group can change it"
                          : "others may use it",
            path);
    if (status->st_size > (off_t)TOKEN_FILE_BYTES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s has more than 8 MiB", path);
    return 0;
}

static int open_to_read(const char *path, int *ret_descriptor, struct stat *ret_status,
                        struct error *ret_error) {
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        int number = errno;
        error_set_errno(ret_error, number, "cannot read %s", path);
        if (number == ENOENT)
            ret_error->code = ERROR_NOT_FOUND;
        return -(int)ret_error->code;
    }
    int r = fstat(descriptor, ret_status) == 0
                ? check_status(path, ret_status, ret_error)
                : error_set_errno(ret_error, errno, "cannot read %s", path);
    if (r < 0)
        close(descriptor);
    else
        *ret_descriptor = descriptor;
    return r;
}

int token_file_load(const char *path, struct token_set **ret_set, struct buffer *ret_content,
                    struct error *ret_error) {
    struct stat status;
    int descriptor = -1;
    int r = open_to_read(path, &descriptor, &status, ret_error);
    if (r < 0)
        return r;
    size_t size = (size_t)status.st_size;
    char *bytes = check_malloc(size + 1);
    ssize_t got = file_read_at(descriptor, bytes, size, 0);
    r = got < 0 ? error_set_errno(ret_error, errno, "cannot read %s", path) : 0;
    close(descriptor);
    const struct text content = {.data = bytes, .length = got > 0 ? (size_t)got : 0};
    if (r == 0)
        r = token_set_parse(content, path, ret_set, ret_error);
    if (r == 0 && ret_content)
        buffer_append(ret_content, content.data, content.length);
    explicit_bzero(bytes, size);
    free(bytes);
    return r;
}

static int64_t nanoseconds(struct timespec time) {
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct token_file_stamp token_file_stamp(const char *path) {
    struct stat status;
    if (stat(path, &status) < 0)
        return (struct token_file_stamp){0};
    return (struct token_file_stamp){.device = status.st_dev,
                                     .inode = status.st_ino,
                                     .size = status.st_size,
                                     .written_ns = nanoseconds(status.st_mtim),
                                     .changed_ns = nanoseconds(status.st_ctim)};
}

bool token_file_stamps_equal(struct token_file_stamp a, struct token_file_stamp b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.written_ns == b.written_ns && a.changed_ns == b.changed_ns;
}

/* ---- changing ---- */

/* The path with symbolic links resolved, on the heap. A path that does not exist yet has none. */
static char *resolve(const char *path) {
    char *resolved = realpath(path, NULL);
    return resolved ? resolved : name_printf("%s", path);
}

static void deinit(struct token_file_change *change) {
    if (change->descriptor >= 0)
        close(change->descriptor);
    free(change->draft);
    free(change->path);
    *change = (struct token_file_change){.descriptor = -1};
}

int token_file_begin(const char *path, struct token_file_change *ret_change,
                     struct error *ret_error) {
    struct token_file_change change = {.path = resolve(path)};
    change.draft = name_printf("%s.new", change.path);
    change.descriptor =
        open(change.draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE_NEW);
    if (change.descriptor >= 0) {
        *ret_change = change;
        return 0;
    }
    int r = errno == EEXIST ? error_set(ret_error, ERROR_EXISTS,
                                        "%s exists: another change of the tokens is under way, or "
                                        "was cut off; remove it if none is",
                                        change.draft)
                            : error_set_errno(ret_error, errno, "cannot create %s", change.draft);
    deinit(&change);
    return r;
}

/* The new file gets the owner, group and mode of the one it replaces. */
static int take_over_owner(const struct token_file_change *change, struct error *ret_error) {
    struct stat old, new;
    if (stat(change->path, &old) < 0)
        return 0;
    bool is_same =
        fstat(change->descriptor, &new) == 0 && old.st_uid == new.st_uid &&old.st_gid == new.st_gid;
    if (!is_same && fchown(change->descriptor, old.st_uid, old.st_gid) < 0)
        return error_set_errno(ret_error, errno, "cannot give %s the owner and group of %s",
                               change->draft, change->path);
    if (fchmod(change->descriptor, old.st_mode & 0777 & ~(mode_t)MODE_FORBIDDEN) < 0)
        return error_set_errno(ret_error, errno, "cannot set the mode of %s", change->draft);
    return 0;
}

static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? name_printf("%.*s", slash > path ? (int)(slash - path) : 1, path)
                 : name_printf(".");
}

/* Syncs the folder, so that the new name survives a power failure. */
static int sync_folder(const char *path, struct error *ret_error) {
    char *folder = folder_of(path);
    int r = directory_sync(AT_FDCWD, folder, ret_error);
    free(folder);
    return r;
}

int token_file_publish(struct token_file_change *change, const struct buffer *content,
                       struct error *ret_error) {
    int r = take_over_owner(change, ret_error);
    if (r == 0 && (file_write_at(change->descriptor, content->bytes, content->length, 0) < 0 ||
                   fsync(change->descriptor) < 0))
        r = error_set_errno(ret_error, errno, "cannot write %s", change->draft);
    if (r == 0 && rename(change->draft, change->path) < 0)
        r = error_set_errno(ret_error, errno, "cannot write %s", change->path);
    if (r < 0) {
        token_file_discard(change);
        return r;
    }
    r = sync_folder(change->path, ret_error);
    deinit(change);
    return r;
}

void token_file_discard(struct token_file_change *change) {
    if (change->draft)
        unlink(change->draft);
    deinit(change);
}
