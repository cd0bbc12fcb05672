/* The archive's side of an erasure: who appends its records, this process or a running server; and
 * rewriting the segments. */
#pragma once

#include "erase_scan.h"

#include "core/store/archive/archive.h"

struct erase_writer {
    const char *path;        /* of the archive */
    struct archive *archive; /* NULL: another process writes to it, a server */
    int64_t now_us;
    double patience; /* seconds that the server may take */
};

/* ERROR_UNSUPPORTED: the archive is replicated in a cluster. */
int erase_writer_open(struct erase_writer *writer, struct error *ret_error);
void erase_writer_close(struct erase_writer *writer);
/* Appends the record, as the first of a segment if it begins an erasure, and waits until it is on
 * disk. ERROR_UNAVAILABLE: the server does not answer; nothing was appended. */
int erase_writer_append(struct erase_writer *writer, const struct erasure_record *erasure,
                        uint64_t *ret_position, struct error *ret_error);

/* What was changed. */
struct erase_changes {
    struct erased_segment *segments;
    size_t count;
    uint64_t records;
    struct erase_base_changes base;
};

/* Rewrites the segments with hits, and the tables of a pruned archive's beginning, all or none. The
 * segments are sealed first. Records from `before` on stay. */
int erase_rewrite(const char *archive, const struct erase_base_writing *as, uint64_t before,
                  const struct erase_scan *scan, struct progress *progress,
                  struct erase_changes *ret_changes, struct error *ret_error);
