/* Calls that open files, write and sync. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER_BYTES 64 /* of a segment */
#define MARK_BYTES   48 /* the frame of a sync mark */

/* ---- opening ---- */

static int open_file(int directory, const char *path, int flags, mode_t mode) {
    if (!record_head || !(flags & (O_CREAT | O_TRUNC)))
        return (int)syscall(SYS_openat, directory, path, flags, mode);
    struct stat before = {0};
    record_lock();
    bool existed = record_stat(directory, path, 0, &before);
    int descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (descriptor >= 0)
        record_created(directory, path, descriptor, existed, (uint64_t)before.st_size,
                       flags & O_TRUNC);
    record_unlock();
    return descriptor;
}

#define MODE_OF(last)                                                                              \
    mode_t mode = 0;                                                                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                         \
        va_list arguments;                                                                         \
        va_start(arguments, last);                                                                 \
        mode = va_arg(arguments, mode_t);                                                          \
        va_end(arguments);                                                                         \
    }

VISIBLE int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

VISIBLE int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

VISIBLE int openat(int directory, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(directory, path, flags, mode);
}

VISIBLE int openat64(int directory, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(directory, path, flags, mode);
}

VISIBLE int creat(const char *path, mode_t mode) {
    return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

VISIBLE int creat64(const char *path, mode_t mode) {
    return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* What _FORTIFY_SOURCE makes of open(). */
VISIBLE int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) {
    return open_file(AT_FDCWD, path, flags, 0);
}
VISIBLE int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) {
    return open_file(AT_FDCWD, path, flags, 0);
}
VISIBLE int __openat_2(int directory, const char *path, int flags);
int __openat_2(int directory, const char *path, int flags) {
    return open_file(directory, path, flags, 0);
}
VISIBLE int __openat64_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags) {
    return open_file(directory, path, flags, 0);
}

VISIBLE void *mmap(void *address, size_t length, int protection, int flags, int descriptor,
                   off_t offset) {
    struct stat status;
    if ((flags & MAP_SHARED) && (protection & PROT_WRITE) && record_is_ours(descriptor, &status))
        atomic_fetch_add(&record_head->unrecorded, 1);
    return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}

VISIBLE void *mmap64(void *address, size_t length, int protection, int flags, int descriptor,
                     off64_t offset) {
    return mmap(address, length, protection, flags, descriptor, offset);
}

/* ---- writing ---- */

static bool is_zero(const char *bytes, size_t length) {
    return length >= 512 && bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static void add_write(const struct stat *status, uint64_t offset, const void *bytes,
                      size_t length) {
    record_add((struct disk_op){.kind = DISK_WRITE,
                                .node = status->st_ino,
                                .offset = offset,
                                .length = length,
                                .bytes = is_zero(bytes, length) ? NULL : bytes});
}

/* A segment can still be closed on it and another one begun, but nothing be written to that. */
static bool is_full(const struct iovec *vector, int count, off_t offset) {
    const char *path = getenv("CRASH_FULL");
    return path && (count > 1 || vector->iov_len > (offset == 0 ? HEADER_BYTES : MARK_BYTES)) &&
           syscall(SYS_access, path, F_OK) == 0;
}

/* offset -1: where the file is. */
static ssize_t write_vector(int descriptor, const struct iovec *vector, int count, off_t offset) {
    struct stat status;
    bool ours = record_is_ours(descriptor, &status);
    uint64_t at = (uint64_t)offset;
    if (ours && is_full(vector, count, offset)) {
        errno = ENOSPC;
        return -1;
    }
    if (ours) {
        record_lock();
        int flags = fcntl(descriptor, F_GETFL);
        if (flags & O_APPEND)
            at = (uint64_t)(fstat(descriptor, &status) == 0 ? status.st_size : 0);
        else if (offset < 0)
            at = (uint64_t)lseek(descriptor, 0, SEEK_CUR);
    }
    ssize_t written =
        offset < 0 ? (count == 1 ? syscall(SYS_write, descriptor, vector->iov_base, vector->iov_len)
                                 : syscall(SYS_writev, descriptor, vector, count))
        : count == 1 ? syscall(SYS_pwrite64, descriptor, vector->iov_base, vector->iov_len, offset)
                     : syscall(SYS_pwritev, descriptor, vector, count, offset, 0);
    if (!ours)
        return written;
    for (ssize_t left = written; left > 0; vector++) {
        size_t length = (size_t)left < vector->iov_len ? (size_t)left : vector->iov_len;
        if (length)
            add_write(&status, at, vector->iov_base, length);
        at += length;
        left -= (ssize_t)length;
    }
    record_unlock();
    return written;
}

VISIBLE ssize_t write(int descriptor, const void *bytes, size_t length) {
    return write_vector(descriptor, &(struct iovec){(void *)bytes, length}, 1, -1);
}

VISIBLE ssize_t writev(int descriptor, const struct iovec *vector, int count) {
    return write_vector(descriptor, vector, count, -1);
}

VISIBLE ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return write_vector(descriptor, &(struct iovec){(void *)bytes, length}, 1, offset);
}

VISIBLE ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    return write_vector(descriptor, &(struct iovec){(void *)bytes, length}, 1, offset);
}

VISIBLE ssize_t pwritev(int descriptor, const struct iovec *vector, int count, off_t offset) {
    return write_vector(descriptor, vector, count, offset);
}

VISIBLE ssize_t pwritev64(int descriptor, const struct iovec *vector, int count, off64_t offset) {
    return write_vector(descriptor, vector, count, offset);
}

/* What the kernel has put into the file, read back. */
static void add_copied(int to, const struct stat *status, uint64_t at, ssize_t length) {
    char path[64], piece[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", to);
    int again = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    while (again >= 0 && length > 0) {
        size_t most = (size_t)length < sizeof piece ? (size_t)length : sizeof piece;
        ssize_t got = pread(again, piece, most, (off_t)at);
        if (got <= 0)
            break;
        add_write(status, at, piece, (size_t)got);
        at += (uint64_t)got;
        length -= got;
    }
    if (length > 0)
        atomic_fetch_add(&record_head->unrecorded, 1);
    if (again >= 0)
        syscall(SYS_close, again);
}

VISIBLE ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length,
                                unsigned flags) {
    struct stat status;
    bool ours = record_is_ours(to, &status);
    uint64_t at = 0;
    if (ours) {
        record_lock();
        at = (uint64_t)(to_at ? *to_at : lseek(to, 0, SEEK_CUR));
    }
    ssize_t r = syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
    if (ours) {
        if (r > 0)
            add_copied(to, &status, at, r);
        record_unlock();
    }
    return r;
}

static ssize_t send_to_file(int to, int from, off_t *from_at, size_t length) {
    struct stat status;
    bool ours = record_is_ours(to, &status);
    uint64_t at = 0;
    if (ours) {
        record_lock();
        at = (uint64_t)lseek(to, 0, SEEK_CUR);
    }
    ssize_t r = syscall(SYS_sendfile, to, from, from_at, length);
    if (ours) {
        if (r > 0)
            add_copied(to, &status, at, r);
        record_unlock();
    }
    return r;
}

VISIBLE ssize_t sendfile(int to, int from, off_t *from_at, size_t length) {
    return send_to_file(to, from, from_at, length);
}

VISIBLE ssize_t sendfile64(int to, int from, off64_t *from_at, size_t length) {
    return send_to_file(to, from, from_at, length);
}

static int truncate_file(int descriptor, off_t size) {
    struct stat status;
    if (!record_is_ours(descriptor, &status))
        return (int)syscall(SYS_ftruncate, descriptor, size);
    record_lock();
    int r = (int)syscall(SYS_ftruncate, descriptor, size);
    if (r == 0)
        record_add((struct disk_op){
            .kind = DISK_TRUNCATE, .node = status.st_ino, .length = (uint64_t)size});
    record_unlock();
    return r;
}

VISIBLE int ftruncate(int descriptor, off_t size) {
    return truncate_file(descriptor, size);
}

VISIBLE int ftruncate64(int descriptor, off64_t size) {
    return truncate_file(descriptor, size);
}

static int allocate(int descriptor, int mode, off_t offset, off_t length) {
    struct stat status;
    if (!record_is_ours(descriptor, &status))
        return (int)syscall(SYS_fallocate, descriptor, mode, offset, length);
    record_lock();
    (void)!fstat(descriptor, &status);
    int r = (int)syscall(SYS_fallocate, descriptor, mode, offset, length);
    if (r == 0 && mode == 0 && offset + length > status.st_size)
        record_add((struct disk_op){
            .kind = DISK_TRUNCATE, .node = status.st_ino, .length = (uint64_t)(offset + length)});
    if (r == 0 && mode != 0)
        atomic_fetch_add(&record_head->unrecorded, 1);
    record_unlock();
    return r;
}

VISIBLE int fallocate(int descriptor, int mode, off_t offset, off_t length) {
    return allocate(descriptor, mode, offset, length);
}

VISIBLE int fallocate64(int descriptor, int mode, off64_t offset, off64_t length) {
    return allocate(descriptor, mode, offset, length);
}

VISIBLE int posix_fallocate(int descriptor, off_t offset, off_t length) {
    return allocate(descriptor, 0, offset, length) < 0 ? errno : 0;
}

VISIBLE int posix_fallocate64(int descriptor, off64_t offset, off64_t length) {
    return allocate(descriptor, 0, offset, length) < 0 ? errno : 0;
}

/* ---- syncing ---- */

static int sync_file(int descriptor, enum disk_kind kind, long call, bool is_swallowed) {
    struct stat status;
    int number = errno;
    bool ours = record_head && fstat(descriptor, &status) == 0 &&
                status.st_dev == record_head->device &&
                (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    errno = number;
    if (!ours)
        return (int)syscall(call, descriptor);
    record_take_stream(NULL, descriptor);
    if (is_swallowed)
        return 0;
    size_t begun = (size_t)atomic_load(&record_head->count);
    int r = (int)syscall(call, descriptor);
    if (r == 0) {
        record_lock();
        record_add((struct disk_op){.kind = kind, .node = status.st_ino, .begin = begun});
        record_unlock();
    }
    return r;
}

VISIBLE int fsync(int descriptor) {
    return sync_file(descriptor, DISK_SYNC, SYS_fsync, record_swallows_fsync);
}

VISIBLE int fdatasync(int descriptor) {
    return sync_file(descriptor, DISK_DATASYNC, SYS_fdatasync, record_swallows_fdatasync);
}

VISIBLE int syncfs(int descriptor) {
    size_t begun = record_head ? (size_t)atomic_load(&record_head->count) : 0;
    int r = (int)syscall(SYS_syncfs, descriptor);
    if (r == 0 && record_head) {
        record_lock();
        record_add((struct disk_op){.kind = DISK_SYNC_ALL, .begin = begun});
        record_unlock();
    }
    return r;
}
