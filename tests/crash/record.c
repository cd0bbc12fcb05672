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
 * CRASH_FULL=FILE: as long as this file exists, the disk is full, but for the few bytes that close
 * a segment and begin one.
 *
 * Not recorded, but noticed (unrecorded in the journal's head): writing through a mapping, and
 * files without a name. stdio writes from inside the C library: what a stream has written is taken
 * from the file when it is synced, flushed by fflush() or closed. */

#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct journal_head *record_head;
bool record_swallows_fsync, record_swallows_fdatasync;

static void __attribute__((constructor)) begin(void) {
    const char *path = getenv("CRASH_JOURNAL"), *swallowed = getenv("CRASH_SWALLOW");
    if (!path)
        return;
    record_head = journal_file_map(path);
    if (!record_head) {
        perror(path);
        abort(); /* a run that is not recorded would pass for nothing */
    }
    record_swallows_fdatasync = swallowed && strstr(swallowed, "fdatasync");
    record_swallows_fsync = swallowed && strstr(swallowed, "fsync");
}

void record_lock(void) {
    int number = errno;
    if (pthread_mutex_lock(&record_head->mutex) == EOWNERDEAD)
        pthread_mutex_consistent(
            &record_head->mutex); /* it was killed: the last record is whole or absent */
    errno = number;
}

void record_unlock(void) {
    int number = errno;
    pthread_mutex_unlock(&record_head->mutex);
    errno = number;
}

void record_add(struct disk_op op) {
    int number = errno;
    op.process = (uint32_t)getpid();
    op.thread = (uint32_t)syscall(SYS_gettid);
    journal_file_append(record_head, &op);
    errno = number;
}

/* A file of the recorded file system? */
bool record_is_ours(int descriptor, struct stat *ret_status) {
    int number = errno;
    bool ours = record_head && descriptor > STDERR_FILENO && fstat(descriptor, ret_status) == 0 &&
                S_ISREG(ret_status->st_mode) && ret_status->st_dev == record_head->device;
    errno = number;
    return ours;
}

bool record_find_place(int directory, const char *path, struct record_place *ret_place) {
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
        found = fstatat(directory, folder, &status, 0) == 0 && status.st_dev == record_head->device;
        ret_place->folder = found ? status.st_ino : 0;
    }
    errno = number;
    return found;
}

bool record_stat(int directory, const char *path, int flags, struct stat *ret_status) {
    int number = errno;
    bool found = fstatat(directory, path, ret_status, flags) == 0;
    errno = number;
    return found;
}

VISIBLE void record_mark(const char *text); /* for the clients of a recorded server */
void record_mark(const char *text) {
    if (!record_head)
        return;
    record_lock();
    record_add((struct disk_op){.kind = DISK_MARK, .bytes = text, .length = strlen(text)});
    record_unlock();
}

void record_created(int directory, const char *path, int descriptor, bool existed,
                    uint64_t size_before, bool truncates) {
    struct stat status;
    struct record_place place;
    if (!record_is_ours(descriptor, &status))
        return;
    if (!existed && record_find_place(directory, path, &place)) {
        record_add((struct disk_op){.kind = DISK_CREATE,
                                    .node = status.st_ino,
                                    .folder = place.folder,
                                    .name = place.name});
        record_add((struct disk_op){
            .kind = DISK_MODE, .node = status.st_ino, .offset = status.st_mode & 07777});
    } else if (existed && truncates && size_before > 0) {
        record_add((struct disk_op){.kind = DISK_TRUNCATE, .node = status.st_ino});
    }
}
