/* Sealing: closed segments are compressed, chained by hash, and take the place of what they were
 * made from. seal.h has the bytes, segment_file.h reads both kinds.
 *
 * Sealed are the segments from the first one on, in their order, as far as they are closed for
 * good: a later one has begun, no write can go back to them any more, and all of them is on the
 * disk. The one being written never is. Each is verified as it is read, written under another name,
 * synced, read back and compared, renamed; only then the plain file goes. So a crash anywhere
 * leaves one whole copy, and the next run finishes what is left of this one.
 *
 * It may run beside the archive's writer and readers: it takes no lock of theirs, and who has the
 * plain file open keeps it. One at a time; a second one is told so.
 *
 * Not here: undoing it. `zstd -d` does that, in the folder, with the archive at rest. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"

#include <stddef.h>
#include <stdint.h>

struct archive_seal_report {
    size_t sealed;         /* segments sealed now */
    size_t before;         /* that were already */
    size_t left;           /* that are not: open, or behind `until` */
    uint64_t size, stored; /* bytes of those sealed now: as they were, and now */
    uint64_t position;     /* of the last record in a sealed segment */
};

/* Seals all closed segments whose last record is not behind `until` (UINT64_MAX: all). progress may
 * be NULL; its stage is "seal", in bytes. ERROR_NOT_FOUND: no archive. ERROR_EXISTS: another
 * process seals it. ERROR_DAMAGED: a segment is not whole; it stays as it is, and those before it
 * are sealed. ERROR_SYSTEM. ERROR_INTERRUPTED. On failure, too, *ret_report says what was done. */
int archive_seal(const char *archive, uint64_t until, struct progress *progress,
                 struct archive_seal_report *ret_report, struct error *ret_error);
