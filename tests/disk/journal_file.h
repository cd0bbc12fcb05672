/* A journal in a file that several processes map and append to: tests/crash/record.c writes it, the
 * functions below make a journal of it.
 *
 * The file is a head and then records, each a multiple of 8 bytes long: struct journal_record, both
 * names with a 0 behind each, the bytes. Whoever appends holds the lock while it does what it
 * records, so that the order is the one that the kernel saw. */
#pragma once

#include "disk_journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define JOURNAL_MAGIC "HARDISK1"

struct journal_head {
    char magic[8];
    uint64_t room;               /* bytes of the file */
    _Atomic uint64_t used;       /* of them, the head included */
    _Atomic uint64_t count;      /* records */
    _Atomic uint64_t unrecorded; /* calls that a recorder saw and cannot express */
    uint64_t device, root;       /* the folder that is recorded */
    pthread_mutex_t mutex;       /* shared by processes, robust */
};

struct journal_record {
    uint32_t length; /* of all of it */
    uint16_t kind;   /* enum disk_kind */
    uint16_t has_bytes;
    uint32_t process, thread;
    uint64_t node, folder, other_folder; /* inodes */
    uint64_t offset, bytes, begin;       /* bytes: op.length */
    uint32_t name_length, other_name_length;
};

/* A new file at `path` with what is in the folder now, all of it synced. -1: errno says why, or
 * EINVAL: the folder has something else than files, folders and links. */
int journal_file_create(const char *path, const char *folder);
/* NULL: errno says why, or EINVAL: it is no journal. *ret_start: operations that made the folder as
 * it was in the beginning; no crash comes before. *ret_unrecorded: see above. */
struct disk_journal *journal_file_load(const char *path, size_t *ret_start,
                                       uint64_t *ret_unrecorded);

/* For recorders. NULL: errno says why, or EINVAL. */
struct journal_head *journal_file_map(const char *path);
/* With the lock held. The journal is full: the process ends. */
void journal_file_append(struct journal_head *head, const struct disk_op *op);
