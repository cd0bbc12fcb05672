/* For whoever copies an archive file by file, as a backup does: which names in its folder belong to
 * the history, the bytes of a segment as they are stored, and a segment up to a record.
 *
 * Nothing here takes a lock or changes the archive. */
#pragma once

#include "core/base/error.h"
#include "core/store/archive/archive_place.h"

#include <stdbool.h>
#include <stdint.h>

enum archive_name {
    ARCHIVE_NAME_DAY,  /* a folder of segments */
    ARCHIVE_NAME_KEPT, /* a file, or a folder of files, that a copy needs as well */
    ARCHIVE_NAME_LEFT, /* of this machine or this moment: a copy leaves it out */
};
/* The one list of what is in an archive's folder. A name that this version does not know is kept:
 * what a later one adds beside the segments must not be missing from a copy. */
enum archive_name archive_name_of(const char *name);

/* PATH/epoch: how many erasures have rewritten segments; 0: none has. It stays when what they
 * rewrote is pruned. ERROR_UNAVAILABLE: one is still putting segments in place, or was killed at
 * that, so some are the former ones. ERROR_DAMAGED: the file. */
int archive_copy_epoch(const char *archive, uint64_t *ret_number, struct error *ret_error);

/* A segment's file, open for reading. It stays readable while sealing replaces it. */
struct archive_copy_source;
/* archive: its folder. day and first: of the segment (archive_parts.h). */
int archive_copy_open(const char *archive, int32_t day, uint64_t first,
                      struct archive_copy_source **ret_source, struct error *ret_error);
void archive_copy_close(struct archive_copy_source *source); /* NULL is allowed */

struct archive_copy_file {
    int descriptor;
    const char *name; /* relative to the archive; lives as long as the source */
    bool is_sealed;   /* then: */
    struct archive_place end;
    int64_t end_time_us;         /* when the last record was received */
    const uint8_t *seal;         /* SEAL_HASH_SIZE bytes */
    struct archive_place before; /* the record before its first one */
    int64_t time_before_us;      /* when that was received; INT64_MIN: there is none */
    uint64_t epoch;
};
struct archive_copy_file archive_copy_file(const struct archive_copy_source *source);

/* How far a segment is copied: to the last record that is neither after the position nor received
 * after the time. */
struct archive_copy_limit {
    uint64_t position; /* UINT64_MAX: no limit */
    int64_t time_us;   /* INT64_MAX: no limit */
};

/* What was written. */
struct archive_copy_end {
    struct archive_place place;
    int64_t time_us; /* when that record was received */
    uint64_t bytes;
};

/* Writes the segment up to the limit to the empty file `to`, not sealed: its records as they are,
 * without the sync marks between them, and a sync mark at the end. So the copy is a segment that
 * ends there, and nothing of what was not on disk gets into it. Does not sync. 1: none of its
 * records is within the limit; nothing was written. ERROR_DAMAGED names file and byte. */
int archive_copy_until(struct archive_copy_source *source, struct archive_copy_limit limit, int to,
                       const char *shown, struct archive_copy_end *ret_end,
                       struct error *ret_error);
