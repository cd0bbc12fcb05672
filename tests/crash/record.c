/* LD_PRELOAD: records what a program does to files into a journal (tests/disk/journal_file.h),
 * whose path is in CRASH_JOURNAL. Everything on the file system of the recorded folder goes into
 * it; what is outside of the folder is sorted out later, as nodes that nobody knows.
 *
 * An operation is done and recorded under one lock of all processes, so the journal has the order
 * of the kernel. A sync is not: it is recorded when it has returned, with what there was when it
 * began.
 *
 * CRASH_SWALLOW=fdatasync (or fsync, or both with a comma): these calls return at once and do
 * nothing, as with a disk that lies or a program that forgot them.
 *
 * Not recorded, but noticed (unrecorded in the journal's head): writing through a mapping, and
 * files without a name. stdio writes from inside the C library: what a stream has written is taken
 * from the file when it is synced, flushed by fflush() or closed. */
#include "tests/disk/journal_file.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

static struct journal_head *head;
static bool swallows_fsync, swallows_fdatasync;

static void __attribute__((constructor)) begin(void) {
    const char *path = getenv("CRASH_JOURNAL"), *swallowed = getenv("CRASH_SWALLOW");
    if (!path)
        return;
    head = journal_file_map(path);
    if (!head) {
        perror(path);
        abort(); /* a run that is not recorded would pass for nothing */
    }
    swallows_fdatasync = swallowed && strstr(swallowed, "fdatasync");
    swallows_fsync = swallowed && strstr(swallowed, "fsync");
}

/* The next definition of this function, found at its first call. */
#define REAL(type, name, parameters)                                                               \
    static type(*real) parameters;                                                                 \
    if (!real)                                                                                     \
    real = (type(*) parameters)dlsym(RTLD_NEXT, #name)

static void lock(void) {
    int number = errno;
    if (pthread_mutex_lock(&head->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(
            &head->mutex); /* it was killed: the last record is whole or absent */
    errno = number;
}

static void unlock(void) {
    int number = errno;
    pthread_mutex_unlock(&head->mutex);
    errno = number;
}

static void add(struct disk_op op) {
    int number = errno;
    op.process = (uint32_t)getpid();
    op.thread = (uint32_t)syscall(SYS_gettid);
    journal_file_append(head, &op);
    errno = number;
}

/* A file of the recorded file system? */
static bool is_ours(int descriptor, struct stat *ret_status) {
    int number = errno;
    bool ours = head && descriptor > STDERR_FILENO && fstat(descriptor, ret_status) == 0 &&
                S_ISREG(ret_status->st_mode) && ret_status->st_dev == head->device;
    errno = number;
    return ours;
}

/* The folder that a path's last name is in, and that name. */
struct place {
    uint64_t folder;
    char name[NAME_MAX + 1];
};

static bool find_place(int directory, const char *path, struct place *ret_place) {
    int number = errno;
    char folder[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t from = length;
    while (from > 0 && path[from - 1] != '/')
        from--;
    bool found = false;
    struct stat status;
    if (length - from <= NAME_MAX && from < sizeof folder - 1) {
        memcpy(ret_place->name, path + from, length - from);
        ret_place->name[length - from] = 0;
        memcpy(folder, from ? path : ".", from ? from : 1);
        folder[from ? from : 1] = 0;
        found = fstatat(directory, folder, &status, 0) == 0 && status.st_dev == head->device;
        ret_place->folder = found ? status.st_ino : 0;
    }
    errno = number;
    return found;
}

static bool stat_of(int directory, const char *path, int flags, struct stat *ret_status) {
    int number = errno;
    bool found = fstatat(directory, path, ret_status, flags) == 0;
    errno = number;
    return found;
}

VISIBLE void record_mark(const char *text); /* for the clients of a recorded server */
void record_mark(const char *text) {
    if (!head)
        return;
    lock();
    add((struct disk_op){.kind = DISK_MARK, .bytes = text, .length = strlen(text)});
    unlock();
}

/* ---- streams ---- */

/* Open streams that write: how much of each file is in the journal. */
#define STREAMS 64
static struct stream {
    FILE *stream;
    uint64_t recorded;
} streams[STREAMS];

static void record_tail(int descriptor, uint64_t *recorded) {
    struct stat status;
    if (!is_ours(descriptor, &status))
        return;
    char path[64], piece[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int again = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    while (again >= 0 && (length = pread(again, piece, sizeof piece, (off_t)*recorded)) > 0) {
        add((struct disk_op){.kind = DISK_WRITE,
                             .node = status.st_ino,
                             .offset = *recorded,
                             .length = (uint64_t)length,
                             .bytes = piece});
        *recorded += (uint64_t)length;
    }
    if (again >= 0)
        syscall(SYS_close, again);
}

/* stream NULL: the one with this descriptor. */
static struct stream *stream_of(FILE *stream, int descriptor) {
    for (size_t i = 0; i < STREAMS; i++) {
        if (streams[i].stream &&
            (stream ? streams[i].stream == stream : fileno(streams[i].stream) == descriptor))
            return &streams[i];
    }
    return NULL;
}

static void take_stream(FILE *stream, int descriptor) {
    if (!head)
        return;
    int number = errno;
    lock();
    struct stream *found = stream_of(stream, descriptor);
    if (found)
        record_tail(fileno(found->stream), &found->recorded);
    unlock();
    errno = number;
}

static void note_created(int directory, const char *path, int descriptor, bool existed,
                         uint64_t size_before, bool truncates) {
    struct stat status;
    struct place place;
    if (!is_ours(descriptor, &status))
        return;
    if (!existed && find_place(directory, path, &place)) {
        add((struct disk_op){.kind = DISK_CREATE,
                             .node = status.st_ino,
                             .folder = place.folder,
                             .name = place.name});
        add((struct disk_op){
            .kind = DISK_MODE, .node = status.st_ino, .offset = status.st_mode & 07777});
    } else if (existed && truncates && size_before > 0) {
        add((struct disk_op){.kind = DISK_TRUNCATE, .node = status.st_ino});
    }
}

static FILE *open_stream(const char *path, const char *mode,
                         FILE *(*real)(const char *, const char *)) {
    if (!head || mode[0] == 'r')
        return real(path, mode);
    struct stat before = {0};
    lock();
    bool existed = stat_of(AT_FDCWD, path, 0, &before);
    FILE *stream = real(path, mode);
    if (stream) {
        note_created(AT_FDCWD, path, fileno(stream), existed, (uint64_t)before.st_size,
                     mode[0] == 'w');
        struct stat status;
        for (size_t i = 0; i < STREAMS && is_ours(fileno(stream), &status); i++) {
            if (!streams[i].stream) {
                streams[i].stream = stream;
                streams[i].recorded = (uint64_t)status.st_size;
                break;
            }
        }
    }
    unlock();
    return stream;
}

VISIBLE FILE *fopen(const char *restrict path, const char *restrict mode) {
    REAL(FILE *, fopen, (const char *, const char *));
    return open_stream(path, mode, real);
}

VISIBLE FILE *fopen64(const char *restrict path, const char *restrict mode) {
    REAL(FILE *, fopen64, (const char *, const char *));
    return open_stream(path, mode, real);
}

VISIBLE int fflush(FILE *stream) {
    REAL(int, fflush, (FILE *));
    int r = real(stream);
    if (stream)
        take_stream(stream, -1);
    return r;
}

VISIBLE int fclose(FILE *stream) {
    REAL(int, fclose, (FILE *));
    if (!head || !stream_of(stream, -1))
        return real(stream);
    fflush(stream);
    lock();
    struct stream *found = stream_of(stream, -1);
    if (found)
        *found = (struct stream){0};
    unlock();
    return real(stream);
}

/* ---- opening ---- */

static int open_file(int directory, const char *path, int flags, mode_t mode) {
    if (!head || !(flags & (O_CREAT | O_TRUNC)))
        return (int)syscall(SYS_openat, directory, path, flags, mode);
    struct stat before = {0};
    lock();
    bool existed = stat_of(directory, path, 0, &before);
    int descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (descriptor >= 0)
        note_created(directory, path, descriptor, existed, (uint64_t)before.st_size,
                     flags & O_TRUNC);
    unlock();
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
    if ((flags & MAP_SHARED) && (protection & PROT_WRITE) && is_ours(descriptor, &status))
        atomic_fetch_add(&head->unrecorded, 1);
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
    add((struct disk_op){.kind = DISK_WRITE,
                         .node = status->st_ino,
                         .offset = offset,
                         .length = length,
                         .bytes = is_zero(bytes, length) ? NULL : bytes});
}

/* offset -1: where the file is. */
static ssize_t write_vector(int descriptor, const struct iovec *vector, int count, off_t offset) {
    struct stat status;
    bool ours = is_ours(descriptor, &status);
    uint64_t at = (uint64_t)offset;
    if (ours) {
        lock();
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
    unlock();
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
        atomic_fetch_add(&head->unrecorded, 1);
    if (again >= 0)
        syscall(SYS_close, again);
}

VISIBLE ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length,
                                unsigned flags) {
    struct stat status;
    bool ours = is_ours(to, &status);
    uint64_t at = 0;
    if (ours) {
        lock();
        at = (uint64_t)(to_at ? *to_at : lseek(to, 0, SEEK_CUR));
    }
    ssize_t r = syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
    if (ours) {
        if (r > 0)
            add_copied(to, &status, at, r);
        unlock();
    }
    return r;
}

static ssize_t send_to_file(int to, int from, off_t *from_at, size_t length) {
    struct stat status;
    bool ours = is_ours(to, &status);
    uint64_t at = 0;
    if (ours) {
        lock();
        at = (uint64_t)lseek(to, 0, SEEK_CUR);
    }
    ssize_t r = syscall(SYS_sendfile, to, from, from_at, length);
    if (ours) {
        if (r > 0)
            add_copied(to, &status, at, r);
        unlock();
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
    if (!is_ours(descriptor, &status))
        return (int)syscall(SYS_ftruncate, descriptor, size);
    lock();
    int r = (int)syscall(SYS_ftruncate, descriptor, size);
    if (r == 0)
        add((struct disk_op){
            .kind = DISK_TRUNCATE, .node = status.st_ino, .length = (uint64_t)size});
    unlock();
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
    if (!is_ours(descriptor, &status))
        return (int)syscall(SYS_fallocate, descriptor, mode, offset, length);
    lock();
    (void)!fstat(descriptor, &status);
    int r = (int)syscall(SYS_fallocate, descriptor, mode, offset, length);
    if (r == 0 && mode == 0 && offset + length > status.st_size)
        add((struct disk_op){
            .kind = DISK_TRUNCATE, .node = status.st_ino, .length = (uint64_t)(offset + length)});
    if (r == 0 && mode != 0)
        atomic_fetch_add(&head->unrecorded, 1);
    unlock();
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
    bool ours = head && fstat(descriptor, &status) == 0 && status.st_dev == head->device &&
                (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    errno = number;
    if (!ours)
        return (int)syscall(call, descriptor);
    take_stream(NULL, descriptor);
    if (is_swallowed)
        return 0;
    size_t begun = (size_t)atomic_load(&head->count);
    int r = (int)syscall(call, descriptor);
    if (r == 0) {
        lock();
        add((struct disk_op){.kind = kind, .node = status.st_ino, .begin = begun});
        unlock();
    }
    return r;
}

VISIBLE int fsync(int descriptor) {
    return sync_file(descriptor, DISK_SYNC, SYS_fsync, swallows_fsync);
}

VISIBLE int fdatasync(int descriptor) {
    return sync_file(descriptor, DISK_DATASYNC, SYS_fdatasync, swallows_fdatasync);
}

VISIBLE int syncfs(int descriptor) {
    size_t begun = head ? (size_t)atomic_load(&head->count) : 0;
    int r = (int)syscall(SYS_syncfs, descriptor);
    if (r == 0 && head) {
        lock();
        add((struct disk_op){.kind = DISK_SYNC_ALL, .begin = begun});
        unlock();
    }
    return r;
}

/* ---- names ---- */

static int rename_name(int from, const char *name, int to, const char *other, unsigned flags) {
    if (!head)
        return (int)syscall(SYS_renameat2, from, name, to, other, flags);
    struct place source, target;
    lock();
    bool is_found = find_place(from, name, &source) && find_place(to, other, &target);
    int r = (int)syscall(SYS_renameat2, from, name, to, other, flags);
    if (r == 0 && is_found)
        add((struct disk_op){.kind = flags & RENAME_EXCHANGE ? DISK_EXCHANGE : DISK_RENAME,
                             .folder = source.folder,
                             .name = source.name,
                             .other_folder = target.folder,
                             .other_name = target.name});
    unlock();
    return r;
}

VISIBLE int rename(const char *from, const char *to) {
    return rename_name(AT_FDCWD, from, AT_FDCWD, to, 0);
}

VISIBLE int renameat(int from, const char *name, int to, const char *other) {
    return rename_name(from, name, to, other, 0);
}

VISIBLE int renameat2(int from, const char *name, int to, const char *other, unsigned flags) {
    return rename_name(from, name, to, other, flags);
}

static int remove_name(int directory, const char *path, int flags) {
    if (!head)
        return (int)syscall(SYS_unlinkat, directory, path, flags);
    struct place place;
    lock();
    bool is_found = find_place(directory, path, &place);
    int r = (int)syscall(SYS_unlinkat, directory, path, flags);
    if (r == 0 && is_found)
        add((struct disk_op){.kind = DISK_UNLINK, .folder = place.folder, .name = place.name});
    unlock();
    return r;
}

VISIBLE int unlink(const char *path) {
    return remove_name(AT_FDCWD, path, 0);
}

VISIBLE int unlinkat(int directory, const char *path, int flags) {
    return remove_name(directory, path, flags);
}

VISIBLE int rmdir(const char *path) {
    return remove_name(AT_FDCWD, path, AT_REMOVEDIR);
}

VISIBLE int remove(const char *path) {
    int r = remove_name(AT_FDCWD, path, 0);
    return r < 0 && errno == EISDIR ? remove_name(AT_FDCWD, path, AT_REMOVEDIR) : r;
}

/* What has just got this name. */
static void add_named(int directory, const char *path, struct disk_op op) {
    struct place place;
    struct stat status;
    if (!find_place(directory, path, &place) ||
        !stat_of(directory, path, AT_SYMLINK_NOFOLLOW, &status))
        return;
    op.node = status.st_ino;
    op.folder = place.folder;
    op.name = place.name;
    add(op);
    if (op.kind == DISK_MKDIR)
        add((struct disk_op){
            .kind = DISK_MODE, .node = status.st_ino, .offset = status.st_mode & 07777});
}

VISIBLE int mkdirat(int directory, const char *path, mode_t mode) {
    if (!head)
        return (int)syscall(SYS_mkdirat, directory, path, mode);
    lock();
    int r = (int)syscall(SYS_mkdirat, directory, path, mode);
    if (r == 0)
        add_named(directory, path, (struct disk_op){.kind = DISK_MKDIR});
    unlock();
    return r;
}

VISIBLE int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}

VISIBLE int symlinkat(const char *target, int directory, const char *path) {
    if (!head)
        return (int)syscall(SYS_symlinkat, target, directory, path);
    lock();
    int r = (int)syscall(SYS_symlinkat, target, directory, path);
    if (r == 0)
        add_named(
            directory, path,
            (struct disk_op){.kind = DISK_SYMLINK, .bytes = target, .length = strlen(target)});
    unlock();
    return r;
}

VISIBLE int symlink(const char *target, const char *path) {
    return symlinkat(target, AT_FDCWD, path);
}

VISIBLE int linkat(int from, const char *path, int to, const char *other, int flags) {
    if (!head)
        return (int)syscall(SYS_linkat, from, path, to, other, flags);
    lock();
    int r = (int)syscall(SYS_linkat, from, path, to, other, flags);
    if (r == 0)
        add_named(to, other, (struct disk_op){.kind = DISK_LINK});
    unlock();
    return r;
}

VISIBLE int link(const char *path, const char *other) {
    return linkat(AT_FDCWD, path, AT_FDCWD, other, 0);
}

static void add_mode(const struct stat *status) {
    add((struct disk_op){
        .kind = DISK_MODE, .node = status->st_ino, .offset = status->st_mode & 07777});
}

VISIBLE int fchmod(int descriptor, mode_t mode) {
    int r = (int)syscall(SYS_fchmod, descriptor, mode);
    struct stat status;
    if (r == 0 && head && fstat(descriptor, &status) == 0 && status.st_dev == head->device) {
        lock();
        add_mode(&status);
        unlock();
    }
    return r;
}

VISIBLE int fchmodat(int directory, const char *path, mode_t mode, int flags) {
    REAL(int, fchmodat, (int, const char *, mode_t, int));
    int r = real(directory, path, mode, flags);
    struct stat status;
    if (r == 0 && head && stat_of(directory, path, flags, &status) &&
        status.st_dev == head->device) {
        lock();
        add_mode(&status);
        unlock();
    }
    return r;
}

VISIBLE int chmod(const char *path, mode_t mode) {
    return fchmodat(AT_FDCWD, path, mode, 0);
}
