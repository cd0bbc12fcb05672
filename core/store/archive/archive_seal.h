/* Sealing: closed segments are compressed, chained by hash, and replace the files they were made
 * from. seal.h has the bytes, segment_file.h reads both kinds.
 *
 * Segments are sealed in order from the first one on, as far as they are closed for good: a later
 * one has started, no write can be rolled back into them any more, and all of their bytes are on
 * disk. The one being written never is. Each is verified as it is read, written under a temporary
 * name, synced, read back, compared and renamed; only then is the plain file removed. So a crash at
 * any point leaves one whole copy, and the next run finishes the work.
 *
 * It may run beside the archive's writer and readers: it takes none of their locks, and a process
 * that has the plain file open keeps it. One run at a time; a second one gets ERROR_EXISTS.
 *
 * Not here: undoing it. `zstd -d` does that, in the folder, while nothing writes to the archive. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"

#include <stddef.h>
#include <stdint.h>

struct archive_seal_report {
    size_t sealed;         /* segments sealed now */
    size_t before;         /* that were already */
    size_t left;           /* that are not: open, or after `until` */
    uint64_t size, stored; /* bytes of those sealed now: as they were, and now */
    uint64_t position;     /* of the last record in a sealed segment */
};

/* Seals all closed segments whose last record is not after `until` (UINT64_MAX: all). progress may
 * be NULL; its stage is "seal", in bytes. ERROR_NOT_FOUND: no archive. ERROR_EXISTS: another
 * process is sealing it. ERROR_DAMAGED: a segment is not whole; it stays as it is, and those before
 * it are sealed. ERROR_SYSTEM. ERROR_INTERRUPTED. *ret_report is filled after a failure too. */
int archive_seal(const char *archive, uint64_t until, struct progress *progress,
                 struct archive_seal_report *ret_report, struct error *ret_error);
