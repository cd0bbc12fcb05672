/* harrier archive verify: is every byte of an archive what was written, and does it make sense?
 *
 * Segments are gone through in parallel (core/store/archive/archive_check.h); each is verified
 * against the header of the next one and the seals around it, so all of them together are one
 * history. One that is damaged does not keep the others from being looked at. Behind the last sync
 * mark, where a server may be writing, everything whole is read as well. Takes no lock and changes
 * nothing.
 *
 * Not here: whether the states, the decisions or the tables are those of the records: that is for
 * replay and verify. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive.h"
#include "core/wire/record/record.h"

#include <stddef.h>
#include <stdint.h>

struct archive_verify_options {
    const char *archive; /* folder */
    size_t threads;      /* at least 1 */
};

struct archive_verify_report {
    size_t segments, sealed, damaged; /* damaged: told to the listener */
    uint64_t bytes;
    uint64_t records, by_type[RECORD_TYPE_COUNT]; /* of whole segments, and behind the mark */
    uint64_t unsynced;                            /* records behind the last sync mark */
    uint64_t torn_bytes; /* behind the last record: half a record, as a crash leaves it or a server
                            is writing it, or zeros; opening for writing puts that aside */
    struct archive_place synced, end;
    double seconds;
};

struct archive_verify_listener {
    /* In the order of the segments, at most one for each of them and one for the end. */
    void (*fault)(struct archive_verify_listener *self, const struct error *fault);
};

/* 0: all was looked at, and ->damaged says what with; then ->end is not filled. Stage "verify",
 * counted in bytes. ERROR_NOT_FOUND: no archive, or no record in it. ERROR_DAMAGED: a header, or
 * the last segment, is such that the segments cannot even be told apart. ERROR_SYSTEM: a file
 * cannot be read. ERROR_INTERRUPTED. progress may be NULL. */
int archive_verify_run(const struct archive_verify_options *options, struct progress *progress,
                       struct archive_verify_listener *listener,
                       struct archive_verify_report *ret_report, struct error *ret_error);
