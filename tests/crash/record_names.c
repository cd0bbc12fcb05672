/* Calls that change names and modes. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int rename_name(int from, const char *name, int to, const char *other, unsigned flags) {
    if (!record_head)
        return (int)syscall(SYS_renameat2, from, name, to, other, flags);
    struct record_place source, target;
    record_lock();
    bool is_found = record_find_place(from, name, &source) && record_find_place(to, other, &target);
    int r = (int)syscall(SYS_renameat2, from, name, to, other, flags);
    if (r == 0 && is_found)
        record_add((struct disk_op){.kind = flags & RENAME_EXCHANGE ? DISK_EXCHANGE : DISK_RENAME,
                                    .folder = source.folder,
                                    .name = source.name,
                                    .other_folder = target.folder,
                                    .other_name = target.name});
    record_unlock();
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
    if (!record_head)
        return (int)syscall(SYS_unlinkat, directory, path, flags);
    struct record_place place;
    record_lock();
    bool is_found = record_find_place(directory, path, &place);
    int r = (int)syscall(SYS_unlinkat, directory, path, flags);
    if (r == 0 && is_found)
        record_add(
            (struct disk_op){.kind = DISK_UNLINK, .folder = place.folder, .name = place.name});
    record_unlock();
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
    struct record_place place;
    struct stat status;
    if (!record_find_place(directory, path, &place) ||
        !record_stat(directory, path, AT_SYMLINK_NOFOLLOW, &status))
        return;
    op.node = status.st_ino;
    op.folder = place.folder;
    op.name = place.name;
    record_add(op);
    if (op.kind == DISK_MKDIR)
        record_add((struct disk_op){
            .kind = DISK_MODE, .node = status.st_ino, .offset = status.st_mode & 07777});
}

VISIBLE int mkdirat(int directory, const char *path, mode_t mode) {
    if (!record_head)
        return (int)syscall(SYS_mkdirat, directory, path, mode);
    record_lock();
    int r = (int)syscall(SYS_mkdirat, directory, path, mode);
    if (r == 0)
        add_named(directory, path, (struct disk_op){.kind = DISK_MKDIR});
    record_unlock();
    return r;
}

VISIBLE int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}

VISIBLE int symlinkat(const char *target, int directory, const char *path) {
    if (!record_head)
        return (int)syscall(SYS_symlinkat, target, directory, path);
    record_lock();
    int r = (int)syscall(SYS_symlinkat, target, directory, path);
    if (r == 0)
        add_named(
            directory, path,
            (struct disk_op){.kind = DISK_SYMLINK, .bytes = target, .length = strlen(target)});
    record_unlock();
    return r;
}

VISIBLE int symlink(const char *target, const char *path) {
    return symlinkat(target, AT_FDCWD, path);
}

VISIBLE int linkat(int from, const char *path, int to, const char *other, int flags) {
    if (!record_head)
        return (int)syscall(SYS_linkat, from, path, to, other, flags);
    record_lock();
    int r = (int)syscall(SYS_linkat, from, path, to, other, flags);
    if (r == 0)
        add_named(to, other, (struct disk_op){.kind = DISK_LINK});
    record_unlock();
    return r;
}

VISIBLE int link(const char *path, const char *other) {
    return linkat(AT_FDCWD, path, AT_FDCWD, other, 0);
}

static void add_mode(const struct stat *status) {
    record_add((struct disk_op){
        .kind = DISK_MODE, .node = status->st_ino, .offset = status->st_mode & 07777});
}

VISIBLE int fchmod(int descriptor, mode_t mode) {
    int r = (int)syscall(SYS_fchmod, descriptor, mode);
    struct stat status;
    if (r == 0 && record_head && fstat(descriptor, &status) == 0 &&
        status.st_dev == record_head->device) {
        record_lock();
        add_mode(&status);
        record_unlock();
    }
    return r;
}

VISIBLE int fchmodat(int directory, const char *path, mode_t mode, int flags) {
    REAL(int, fchmodat, (int, const char *, mode_t, int));
    int r = real(directory, path, mode, flags);
    struct stat status;
    if (r == 0 && record_head && record_stat(directory, path, flags, &status) &&
        status.st_dev == record_head->device) {
        record_lock();
        add_mode(&status);
        record_unlock();
    }
    return r;
}

VISIBLE int chmod(const char *path, mode_t mode) {
    return fchmodat(AT_FDCWD, path, mode, 0);
}
