/* Nothing of core/ in here: the recorder is loaded into programs that have their own. */
#include "journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES (UINT64_C(4) << 30) /* a hole until it is written to */
#define PIECE      (1 << 16)

_Static_assert(sizeof(struct journal_head) % 8 == 0, "records are aligned");

static size_t padded(size_t length) {
    return (length + 7) & ~(size_t)7;
}

struct journal_head *journal_file_map(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0)
        return NULL;
    struct journal_head *head = NULL;
    errno = EINVAL;
    if ((size_t)status.st_size > sizeof *head)
        head = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int number = errno;
    close(file);
    errno = number;
    return head == MAP_FAILED ? NULL : head;
}

void journal_file_append(struct journal_head *head, const struct disk_op *op) {
    size_t name = op->name ? strlen(op->name) : 0;
    size_t other = op->other_name ? strlen(op->other_name) : 0;
    size_t bytes = op->bytes ? (size_t)op->length : 0;
    size_t length = padded(sizeof(struct journal_record) + name + 1 + other + 1 + bytes);
    uint64_t used = atomic_load(&head->used);
    if (length > head->room - used || length > UINT32_MAX) {
        static const char words[] = "record: the journal is full\n";
        (void)!write(STDERR_FILENO, words, sizeof words - 1);
        abort();
    }
    char *to = (char *)head + used;
    const struct journal_record record = {
        .length = (uint32_t)length,
        .kind = (uint16_t)op->kind,
        .has_bytes = op->bytes != NULL,
        .process = op->process,
        .thread = op->thread,
        .node = op->node,
        .folder = op->folder,
        .other_folder = op->other_folder,
        .offset = op->offset,
        .bytes = op->length,
        .begin = op->begin,
        .name_length = (uint32_t)name,
        .other_name_length = (uint32_t)other,
    };
    memcpy(to, &record, sizeof record);
    to += sizeof record;
    if (name)
        memcpy(to, op->name, name);
    to[name] = 0;
    to += name + 1;
    if (other)
        memcpy(to, op->other_name, other);
    to[other] = 0;
    to += other + 1;
    if (bytes)
        memcpy(to, op->bytes, bytes);
    atomic_store(&head->used, used + length);
    atomic_fetch_add(&head->count, 1);
}

/* ---- the folder as it is ---- */

static int put_file(struct journal_head *head, int folder, const char *name, uint64_t node) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    char *piece = malloc(PIECE);
    ssize_t length = 0;
    uint64_t at = 0;
    while (piece && (length = pread(file, piece, PIECE, (off_t)at)) > 0) {
        bool is_zero = piece[0] == 0 && memcmp(piece, piece + 1, (size_t)length - 1) == 0;
        journal_file_append(head, &(struct disk_op){.kind = DISK_WRITE,
                                                    .node = node,
                                                    .offset = at,
                                                    .length = (uint64_t)length,
                                                    .bytes = is_zero ? NULL : piece});
        at += (uint64_t)length;
    }
    int number = errno;
    free(piece);
    close(file);
    errno = number;
    return piece && length == 0 ? 0 : -1;
}

static int put_folder(struct journal_head *head, int folder, uint64_t number);

static int put_entry(struct journal_head *head, int folder, uint64_t number, const char *name) {
    struct stat status;
    char target[4096];
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    struct disk_op op = {.node = status.st_ino, .folder = number, .name = name};
    if (S_ISLNK(status.st_mode)) {
        ssize_t length = readlinkat(folder, name, target, sizeof target);
        if (length < 0)
            return -1;
        op.kind = DISK_SYMLINK;
        op.bytes = target;
        op.length = (uint64_t)length;
    } else if (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode)) {
        op.kind = S_ISDIR(status.st_mode) ? DISK_MKDIR : DISK_CREATE;
    } else {
        errno = EINVAL;
        return -1;
    }
    journal_file_append(head, &op);
    if (op.kind == DISK_SYMLINK)
        return 0;
    journal_file_append(head, &(struct disk_op){.kind = DISK_MODE,
                                                .node = status.st_ino,
                                                .offset = status.st_mode & 07777});
    if (op.kind == DISK_CREATE)
        return put_file(head, folder, name, status.st_ino);
    int inside = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return inside < 0 ? -1 : put_folder(head, inside, status.st_ino);
}

/* Takes over the descriptor. */
static int put_folder(struct journal_head *head, int folder, uint64_t number) {
    DIR *listing = fdopendir(folder);
    if (!listing)
        return -1;
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = put_entry(head, folder, number, entry->d_name);
    }
    int saved = errno;
    closedir(listing);
    errno = saved;
    return r;
}

int journal_file_create(const char *path, const char *folder) {
    struct stat status;
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0 || fstat(opened, &status) < 0)
        return -1;
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)FILE_BYTES) < 0)
        return -1;
    close(file);
    struct journal_head *head = journal_file_map(path);
    if (!head)
        return -1;
    memcpy(head->magic, JOURNAL_MAGIC, sizeof head->magic);
    head->room = FILE_BYTES;
    head->used = sizeof *head;
    head->device = status.st_dev;
    head->root = status.st_ino;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&head->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    int r = put_folder(head, opened, status.st_ino);
    journal_file_append(head, &(struct disk_op){.kind = DISK_SYNC_ALL, .begin = head->count});
    munmap(head, FILE_BYTES);
    return r;
}
