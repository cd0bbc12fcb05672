/* Calls of files, in place of libc's. Each does in the page cache what it is to do, tells the disk
 * (disk.h), and may fail, take long, or let another thread go on first. Files outside of the disk
 * are nobody's business here. */
#undef _FILE_OFFSET_BITS /* both names of each call are defined below */

#include "disk.h"
#include "life.h"
#include "model.h"
#include "schedule.h"

#include "core/base/check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 4096
#define DESCRIPTOR_LOG  1 /* of the server's log: its lines go nowhere */

static struct {
    struct node *node; /* NULL: not of the disk */
    int process;
    unsigned failures; /* of syncs of the file, as far as this descriptor was told */
} opened[DESCRIPTORS_MAX];

static struct node *node_of(int descriptor) {
    return schedule_is_running() && descriptor >= 0 && descriptor < DESCRIPTORS_MAX
               ? opened[descriptor].node
               : NULL;
}

static void set_node(int descriptor, struct node *node) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS_MAX) {
        opened[descriptor].node = node;
        opened[descriptor].process = schedule_process();
        opened[descriptor].failures = node ? disk_failures(node) : 0;
    }
}

/* A process was killed: what it had open is closed, and so its locks are released. */
void disk_close_all(int process);
void disk_close_all(int process) {
    for (int i = 3; i < DESCRIPTORS_MAX; i++)
        if (opened[i].node && opened[i].process == process) {
            opened[i].node = NULL;
            syscall(SYS_close, i);
        }
}

/* ---- faults ---- */

static unsigned disk_trouble; /* while above 0 the disk is full or failing */

/* Rarely each call fails alone; more often a run of them does, as with a full disk. */
static int trouble(bool can_be_full) {
    if (schedule_paused)
        return 0;
    if (world->crash_call > 0 && --world->crash_call == 0)
        crash_now();
    schedule_step();
    if (fault_happens(FAULT_SLOW, world->slow_in)) {
        world->is_slowed = true;
        schedule_sleep((int64_t)(1u << chance_below(CHANCE_FAULT, 22)));
    }
    if (can_be_full && disk_trouble > 0) {
        disk_trouble--;
        world->is_disturbed = world->was_full = true;
        return ENOSPC;
    }
    if (can_be_full && fault_happens(FAULT_FULL, world->full_in)) {
        disk_trouble = (unsigned)chance_below(CHANCE_FAULT, 12);
        world->is_disturbed = world->was_full = true;
        return ENOSPC;
    }
    if (fault_happens(FAULT_ERROR, world->error_in)) {
        world->is_disturbed = world->was_full = true;
        return EIO;
    }
    return 0;
}

static int fail(int number) {
    errno = number;
    return -1;
}

/* EIO of what only reads: no step, as reading is none. */
static bool read_fails(const struct node *node) {
    if (!node || schedule_paused || !fault_happens(FAULT_READ, world->read_in))
        return false;
    world->is_disturbed = true;
    trace("%d fails to read %s", schedule_self(), disk_name(node));
    errno = EIO;
    return true;
}

/* ---- opening and closing ---- */

static struct node *folder_at(int descriptor) {
    return descriptor == AT_FDCWD ? disk_root() : node_of(descriptor);
}

static bool is_on_disk(int descriptor, const char *path) {
    if (!schedule_is_running())
        return false;
    if (*path == '/')
        return strncmp(path, world->root, strlen(world->root)) == 0;
    return descriptor != AT_FDCWD && node_of(descriptor);
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    if (!is_on_disk(folder, path)) {
        int elsewhere = (int)syscall(SYS_openat, folder, path, flags, mode);
        set_node(elsewhere, NULL);
        return elsewhere;
    }
    struct node *at = folder_at(folder), *before = disk_find(at, path, true);
    int number = trouble(!before && (flags & O_CREAT));
    if (number && (flags & (O_CREAT | O_TRUNC)))
        return fail(number);
    before = disk_find(at, path, true); /* others may have gone on meanwhile */
    if (read_fails(before))
        return -1;
    int descriptor = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (descriptor < 0)
        return descriptor;
    struct node *node = before ? before : disk_create(at, path);
    if (before && (flags & O_TRUNC))
        disk_truncate(node, 0);
    set_node(descriptor, node);
    return descriptor;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & O_CREAT ? (mode_t)va_arg(arguments, int) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(folder, path, flags, mode);
}

int close(int descriptor) {
    if (node_of(descriptor))
        opened[descriptor].node = NULL;
    return (int)syscall(SYS_close, descriptor);
}

/* libc's own ends the descriptor without close(). */
DIR *opendir(const char *path) {
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return descriptor < 0 ? NULL : fdopendir(descriptor);
}

int closedir(DIR *folder) {
    static int (*libc_closedir)(DIR *);
    if (!libc_closedir)
        *(void **)&libc_closedir = dlsym(RTLD_NEXT, "closedir");
    set_node(dirfd(folder), NULL);
    return libc_closedir(folder);
}

static struct dirent *next_entry(DIR *folder, const char *name) {
    static struct dirent *(*libc_readdir)(DIR *);
    if (!libc_readdir)
        *(void **)&libc_readdir = dlsym(RTLD_NEXT, name);
    return read_fails(node_of(dirfd(folder))) ? NULL : libc_readdir(folder);
}

/* The two are the same here, as struct dirent and struct dirent64 are. */
struct dirent *readdir(DIR *folder) {
    return next_entry(folder, "readdir64");
}

int fcntl(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    int r = (int)syscall(SYS_fcntl, descriptor, command, argument);
    if (r >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC))
        set_node(r, node_of(descriptor));
    return r;
}

/* A thread that waits must let the others go on. */
int flock(int descriptor, int operation) {
    while (true) {
        int r = (int)syscall(SYS_flock, descriptor, operation | LOCK_NB);
        if (r == 0 || errno != EWOULDBLOCK || (operation & LOCK_NB))
            return r;
        schedule_sleep(100);
    }
}

int mkostemp(char *template, int flags) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (char *at = template + strlen(template) - 6; *at; at++)
        *at = letters[chance_below(CHANCE_WORK, sizeof letters - 1)];
    return open_at(AT_FDCWD, template, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
}

/* ---- reading ---- */

ssize_t pread(int descriptor, void *bytes, size_t size, off_t offset) {
    return read_fails(node_of(descriptor)) ? -1
                                           : syscall(SYS_pread64, descriptor, bytes, size, offset);
}

ssize_t read(int descriptor, void *bytes, size_t size) {
    return read_fails(node_of(descriptor)) ? -1 : syscall(SYS_read, descriptor, bytes, size);
}

/* ---- writing ---- */

static ssize_t write_to(int descriptor, struct node *node, const void *bytes, size_t size,
                        uint64_t offset, bool moves) {
    int number = trouble(true);
    if (number == ENOSPC && size > 1 && chance_once(CHANCE_FAULT, 2)) /* a part of it fits */
        size = 1 + chance_below(CHANCE_FAULT, size - 1);
    else if (number)
        return fail(number);
    ssize_t r = moves ? syscall(SYS_write, descriptor, bytes, size)
                      : syscall(SYS_pwrite64, descriptor, bytes, size, offset);
    if (r > 0)
        disk_write(node, offset, bytes, (size_t)r);
    trace("%d writes %s: %zd bytes at %llu", schedule_self(), disk_name(node), r,
          (unsigned long long)offset);
    return r;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset) {
    struct node *node = node_of(descriptor);
    if (!node)
        return syscall(SYS_pwrite64, descriptor, bytes, size, offset);
    return write_to(descriptor, node, bytes, size, (uint64_t)offset, false);
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    struct node *node = node_of(descriptor);
    if (!node)
        return syscall(SYS_write, descriptor, bytes, size);
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return -1;
    bool appends = syscall(SYS_fcntl, descriptor, F_GETFL) & O_APPEND;
    uint64_t offset =
        appends ? (uint64_t)status.st_size : (uint64_t)syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
    return write_to(descriptor, node, bytes, size, offset, true);
}

static ssize_t write_pieces(int descriptor, const struct iovec *pieces, int count, off_t offset,
                            bool moves) {
    ssize_t done = 0;
    for (int i = 0; i < count; i++) {
        ssize_t r = moves
                        ? write(descriptor, pieces[i].iov_base, pieces[i].iov_len)
                        : pwrite(descriptor, pieces[i].iov_base, pieces[i].iov_len, offset + done);
        if (r < 0)
            return done > 0 ? done : -1;
        done += r;
        if ((size_t)r < pieces[i].iov_len)
            break;
    }
    return done;
}

ssize_t pwritev(int descriptor, const struct iovec *pieces, int count, off_t offset) {
    if (!node_of(descriptor))
        return syscall(SYS_pwritev, descriptor, pieces, count, offset, 0);
    return write_pieces(descriptor, pieces, count, offset, false);
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
    if (!node_of(descriptor))
        return syscall(SYS_writev, descriptor, pieces, count);
    return write_pieces(descriptor, pieces, count, 0, true);
}

int ftruncate(int descriptor, off_t size) {
    struct node *node = node_of(descriptor);
    if (!node)
        return (int)syscall(SYS_ftruncate, descriptor, size);
    int number = trouble(false);
    if (number)
        return fail(number);
    int r = (int)syscall(SYS_ftruncate, descriptor, size);
    trace("%d truncates %s to %lld", schedule_self(), disk_name(node), (long long)size);
    if (r == 0)
        disk_truncate(node, (uint64_t)size);
    return r;
}

int posix_fallocate(int descriptor, off_t offset, off_t size) {
    struct node *node = node_of(descriptor);
    if (node)
        broken("posix_fallocate() of %s is not simulated", disk_name(node));
    return syscall(SYS_fallocate, descriptor, 0, offset, size) == 0 ? 0 : errno;
}

/* ---- syncing ---- */

/* Of a folder whose names have changed, or of the last segment when it is full and is being closed:
 * such syncs come once or twice in a segment, among many others. */
static bool is_turn(int descriptor, struct node *node) {
    struct stat status;
    return disk_has_new_names(node) ||
           (node == disk_last_segment() && fstat(descriptor, &status) == 0 &&
            status.st_size >= SEGMENT_BYTES);
}

static int sync_node(int descriptor, struct node *node) {
    /* In front of a sync there are names, or a mark, that nothing has made safe: a short moment, in
     * which a process seldom dies by chance. */
    if (!schedule_paused && world->crash_turn > 0 && is_turn(descriptor, node) &&
        --world->crash_turn == 0)
        crash_now();
    if (!schedule_paused && world->crash_call > 0 && chance_once(CHANCE_FAULT, 32))
        crash_now();
    uint64_t begun = disk_sync_begin();
    bool is_last = node == disk_last_segment();
    uint64_t acknowledged = model_acknowledged();
    if (!schedule_paused && chance_once(CHANCE_SCHEDULE, 2)) /* others write meanwhile */
        schedule_sleep((int64_t)chance_below(CHANCE_SCHEDULE, 3000));
    int number = trouble(false);
    if (!number && opened[descriptor].failures != disk_failures(node)) {
        opened[descriptor].failures = disk_failures(node);
        trace("%d syncs %s: another one has failed", schedule_self(), disk_name(node));
        return fail(EIO);
    }
    trace("%d syncs %s: %s", schedule_self(), disk_name(node), number ? strerror(number) : "done");
    if (number) {
        disk_sync_fail(node);
        opened[descriptor].failures = disk_failures(node);
        return fail(number);
    }
    disk_sync_end(node, begun);
    if (is_last && node == disk_last_segment() && disk_failures(node) == 0)
        model_note_synced(acknowledged);
    if (!schedule_paused)
        life_note_promise();
    return 0;
}

int fdatasync(int descriptor) {
    struct node *node = node_of(descriptor);
    return node ? sync_node(descriptor, node) : 0;
}

int fsync(int descriptor) {
    struct node *node = node_of(descriptor);
    return node ? sync_node(descriptor, node) : 0;
}

int sync_file_range(int descriptor, off_t offset, off_t size, unsigned flags) {
    (void)descriptor, (void)offset, (void)size, (void)flags;
    return 0; /* promises nothing */
}

/* ---- names ---- */

int mkdirat(int folder, const char *path, mode_t mode) {
    if (!is_on_disk(folder, path))
        return (int)syscall(SYS_mkdirat, folder, path, mode);
    struct node *at = folder_at(folder);
    int number = disk_find(at, path, true) ? 0 : trouble(true);
    if (number)
        return fail(number);
    int r = (int)syscall(SYS_mkdirat, folder, path, mode);
    if (r == 0)
        disk_make_folder(at, path);
    return r;
}

int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int folder, const char *path, int flags) {
    if (!is_on_disk(folder, path))
        return (int)syscall(SYS_unlinkat, folder, path, flags);
    struct node *at = folder_at(folder);
    int number = disk_find(at, path, false) ? trouble(false) : 0;
    if (number)
        return fail(number);
    int r = (int)syscall(SYS_unlinkat, folder, path, flags);
    if (r == 0)
        disk_remove(at, path);
    return r;
}

int unlink(const char *path) {
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path) {
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path) {
    int r = unlinkat(AT_FDCWD, path, 0);
    return r < 0 && errno == EISDIR ? rmdir(path) : r;
}

int symlinkat(const char *target, int folder, const char *path) {
    if (!is_on_disk(folder, path))
        return (int)syscall(SYS_symlinkat, target, folder, path);
    int number = trouble(true);
    if (number)
        return fail(number);
    int r = (int)syscall(SYS_symlinkat, target, folder, path);
    if (r == 0)
        disk_make_link(folder_at(folder), path, target);
    return r;
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (!is_on_disk(from_folder, from))
        return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    int number = trouble(true);
    if (number)
        return fail(number);
    int r = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (r == 0)
        disk_rename(folder_at(from_folder), from, folder_at(to_folder), to);
    return r;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renameat2(from_folder, from, to_folder, to, 0);
}

int rename(const char *from, const char *to) {
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- the same by other names ---- */

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));
int fcntl64(int descriptor, int command, ...) __attribute__((alias("fcntl")));
int mkostemp64(char *path, int flags) __attribute__((alias("mkostemp")));
ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset)
    __attribute__((alias("pwrite")));
ssize_t pread64(int descriptor, void *bytes, size_t size, off64_t offset)
    __attribute__((alias("pread")));
struct dirent64 *readdir64(DIR *folder) __attribute__((alias("readdir")));
ssize_t pwritev64(int descriptor, const struct iovec *pieces, int count, off64_t offset)
    __attribute__((alias("pwritev")));
int ftruncate64(int descriptor, off64_t size) __attribute__((alias("ftruncate")));
int posix_fallocate64(int descriptor, off64_t offset, off64_t size)
    __attribute__((alias("posix_fallocate")));

/* Of a build with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
ssize_t __pread_chk(int descriptor, void *bytes, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int descriptor, void *bytes, size_t size, off_t offset, size_t room);
ssize_t __read_chk(int descriptor, void *bytes, size_t size, size_t room);

ssize_t __pread_chk(int descriptor, void *bytes, size_t size, off_t offset, size_t room) {
    check(size <= room);
    return pread(descriptor, bytes, size, offset);
}

ssize_t __pread64_chk(int descriptor, void *bytes, size_t size, off_t offset, size_t room) {
    return __pread_chk(descriptor, bytes, size, offset, room);
}

ssize_t __read_chk(int descriptor, void *bytes, size_t size, size_t room) {
    check(size <= room);
    return read(descriptor, bytes, size);
}

int __open_2(const char *path, int flags) {
    return open_at(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags) {
    return open_at(AT_FDCWD, path, flags, 0);
}

int __openat_2(int folder, const char *path, int flags) {
    return open_at(folder, path, flags, 0);
}

int __openat64_2(int folder, const char *path, int flags) {
    return open_at(folder, path, flags, 0);
}
