/* What the files of the recorder share: record.c says what it is. */
#pragma once

#include "tests/disk/journal_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

/* A call that stands in front of the C library's; everything else is hidden. */
#define VISIBLE __attribute__((visibility("default")))

/* The next definition of this function, found at its first call. */
#define REAL(type, name, parameters)                                                               \
    static type(*real) parameters;                                                                 \
    if (!real)                                                                                     \
    real = (type(*) parameters)dlsym(RTLD_NEXT, #name)

extern struct journal_head *record_head; /* NULL: nothing is recorded */
extern bool record_swallows_fsync, record_swallows_fdatasync;

/* One lock of all processes: an operation is done and added under it. errno stays what it was, as
 * with all functions below. */
void record_lock(void);
void record_unlock(void);
void record_add(struct disk_op op);

/* A file of the recorded file system? */
bool record_is_ours(int descriptor, struct stat *ret_status);

/* The folder that a path's last name is in, and that name. */
struct record_place {
    uint64_t folder;
    char name[NAME_MAX + 1];
};
bool record_find_place(int directory, const char *path, struct record_place *ret_place);
bool record_stat(int directory, const char *path, int flags, struct stat *ret_status);
/* A file was opened for creating or truncating it. */
void record_created(int directory, const char *path, int descriptor, bool existed,
                    uint64_t size_before, bool truncates);
/* What a stream has written by itself, if it is one; stream NULL: the one with this descriptor. */
void record_take_stream(FILE *stream, int descriptor);
