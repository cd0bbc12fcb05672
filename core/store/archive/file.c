#include "file.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t file_read_at(int descriptor, void *bytes, size_t size, uint64_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t r = pread(descriptor, (char *)bytes + done, size - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        done += (size_t)r;
    }
    return (ssize_t)done;
}

int file_write_at(int descriptor, const void *bytes, size_t size, uint64_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t r =
            pwrite(descriptor, (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0) { /* no progress and no reason: do not spin */
            errno = ENOSPC;
            return -1;
        }
        done += (size_t)r;
    }
    return 0;
}

/* The size is taken once: a file that grows meanwhile is cut there, one that shrinks is shorter. */
static int load_open(int descriptor, const char *name, size_t size_max, char **ret_bytes,
                     size_t *ret_length, struct error *ret_error) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", name);
    if (status.st_size < 0 || (uint64_t)status.st_size > size_max)
        return error_set(ret_error, ERROR_TOO_LARGE, "%s: %lld bytes; expected at most %zu", name,
                         (long long)status.st_size, size_max);
    size_t size = (size_t)status.st_size;
    char *bytes = check_malloc(size + 1);
    ssize_t length = file_read_at(descriptor, bytes, size, 0);
    if (length < 0) {
        free(bytes);
        return error_set_errno(ret_error, errno, "%s: cannot read", name);
    }
    bytes[length] = '\0';
    *ret_bytes = bytes;
    *ret_length = (size_t)length;
    return 0;
}

int file_load(int directory, const char *name, size_t size_max, char **ret_bytes,
              size_t *ret_length, struct error *ret_error) {
    int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND, "%s: no such file", name);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", name);
    int r = load_open(descriptor, name, size_max, ret_bytes, ret_length, ret_error);
    close(descriptor);
    return r;
}

int file_create(int directory, const char *name, const void *bytes, size_t length,
                struct error *ret_error) {
    int descriptor = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot create", name);
    int r = 0;
    if (file_write_at(descriptor, bytes, length, 0) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot write", name);
    else if (fsync(descriptor) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot sync", name);
    close(descriptor);
    if (r < 0)
        unlinkat(directory, name, 0);
    return r;
}

int directory_make(int parent, const char *name, int *ret_directory, struct error *ret_error) {
    bool made = mkdirat(parent, name, 0750) == 0;
    if (!made && errno != EEXIST)
        return error_set_errno(ret_error, errno, "%s: cannot create the directory", name);
    int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open the directory", name);
    /* Syncs the parent, so that the new name survives a power failure. Not being allowed to open it
     * is not an error. */
    int above = made ? openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (above >= 0) {
        fsync(above);
        close(above);
    }
    *ret_directory = directory;
    return 0;
}

int directory_open(const char *path, const char *what, int *ret_directory,
                   struct error *ret_error) {
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && errno == ENOENT)
        return error_set(ret_error, ERROR_NOT_FOUND, "there is no such %s", what);
    if (directory < 0 && errno == ENOTDIR)
        return error_set(ret_error, ERROR_NOT_FOUND, "not a folder; expected that of an %s", what);
    if (directory < 0)
        return error_set_errno(ret_error, errno, "cannot open the %s", what);
    *ret_directory = directory;
    return 0;
}

int directory_sync(int parent, const char *name, struct error *ret_error) {
    int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open the directory", name);
    int r = 0;
    if (fsync(directory) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot sync the directory", name);
    close(directory);
    return r;
}

static int refuse_locked(int lock, const char *shown, const char *what, struct error *ret_error) {
    char holder[24] = "";
    ssize_t length = file_read_at(lock, holder, sizeof holder - 1, 0);
    holder[length > 0 ? length : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return error_set(ret_error, ERROR_EXISTS, "%s: another process%s%s%s %s", shown,
                     *holder ? " (" : "", holder, *holder ? ")" : "", what);
}

int directory_lock(int directory, const char *shown, const char *what, int *ret_lock,
                   struct error *ret_error) {
    int lock = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0)
        return error_set_errno(ret_error, errno, "%s/lock: cannot open", shown);
    int r;
    while ((r = flock(lock, LOCK_EX | LOCK_NB)) < 0 && errno == EINTR)
        continue;
    if (r < 0) {
        r = errno == EWOULDBLOCK ? refuse_locked(lock, shown, what, ret_error)
                                 : error_set_errno(ret_error, errno, "%s/lock: cannot lock", shown);
        close(lock);
        return r;
    }
    /* The holder's id is for messages only: a full disk must not prevent the lock. */
    char line[24];
    int length = snprintf(line, sizeof line, "process %ld\n", (long)getpid());
    if (ftruncate(lock, 0) == 0 && file_write_at(lock, line, (size_t)length, 0) < 0)
        (void)!ftruncate(lock, 0);
    *ret_lock = lock;
    return 0;
}

char *name_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *name = NULL;
    check(vasprintf(&name, format, arguments) >= 0);
    va_end(arguments);
    return name;
}
