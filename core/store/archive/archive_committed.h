/* How far an archive is known to be committed on the log of its cluster: PATH/committed. An archive
 * without this file is in no cluster, and all of it counts.
 *
 * What comes after may still be cut off (archive_cut()), so nothing that is to last may contain it:
 * archive_parts.h ends there, and so do rebuilds. The file is written often and synced only when it
 * is made: after a crash of the machine an older state of it may be there, which is as true as a
 * newer one. docs/ARCHIVE.md has the bytes. */
#pragma once

#include "archive_place.h"
#include "core/base/error.h"

#include <stdint.h>

struct archive_committed {
    struct archive_place place;
    int64_t offset; /* on the log: reading from here on misses nothing after place; -1: unknown */
};

/* 1: there is no such file, or nothing was written to it yet. ERROR_DAMAGED: neither of its two
 * copies is whole. ERROR_SYSTEM. */
int archive_committed_read(int directory, struct archive_committed *ret_committed,
                           struct error *ret_error);

/* The file, open for writing. One at a time. */
struct archive_committed_file;
/* path: of the archive. Creates the file if it is missing, with this content. ERROR_SYSTEM. */
int archive_committed_open(const char *path, const struct archive_committed *first,
                           struct archive_committed_file **ret_file, struct error *ret_error);
int archive_committed_write(struct archive_committed_file *file,
                            const struct archive_committed *committed, struct error *ret_error);
void archive_committed_close(struct archive_committed_file *file); /* NULL is allowed */
