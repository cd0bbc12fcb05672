/* harrier archive verify: is every byte of an archive as it was written, and is every record valid?
 *
 * Segments are checked in parallel (core/store/upkeep/archive_check.h). Each is then compared with
 * the header of the next one and the seals around it, which proves that all of them are one
 * history. A damaged segment does not stop the check of the others. Behind the last sync mark,
 * where a server may be writing, complete records are read as well. A note of an earlier state
 * (archive_note.h) is compared with the archive. Takes no lock and changes nothing.
 *
 * Not here: whether decisions and tables follow from the records. `harrier replay` (without a
 * policy) and `harrier verify` check that. */
#pragma once

#include "archive_note.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive.h"
#include "core/store/archive/archive_begin.h"
#include "core/wire/record/record.h"

#include <stddef.h>
#include <stdint.h>

struct archive_verify_options {
    const char *archive;                 /* folder */
    size_t threads;                      /* at least 1 */
    const struct archive_note *expected; /* NULL: nothing to compare */
};

/* What became of the expected note. */
enum archive_expectation {
    EXPECTATION_OPEN, /* there is none, or the archive is damaged */
    EXPECTATION_HOLDS,
    EXPECTATION_OTHER_CHAIN,
    EXPECTATION_AFTER_END,
    EXPECTATION_OTHER_SEAL,
    EXPECTATION_NO_SEAL, /* the chain is right, but there is no seal to compare */
};

struct archive_verify_report {
    struct archive_begin begin;       /* .place.position 0: it begins with record 1 */
    size_t segments, sealed, damaged; /* damaged: as reported to the listener */
    uint64_t bytes;
    uint64_t records, by_type[RECORD_TYPE_COUNT]; /* of undamaged segments, and behind the mark */
    uint64_t unsynced;                            /* records behind the last sync mark */
    uint64_t torn_bytes; /* behind the last record: an incomplete record, from a crash or being
                            written, or zeros; opening for writing removes it */
    struct archive_place synced, end;
    /* The newest seal that covers all before it; position 0: none. */
    struct archive_note sealed_up_to;
    int64_t sealed_time_us; /* when its last record was received */
    enum archive_expectation expectation;
    uint64_t found_chain; /* EXPECTATION_OTHER_CHAIN: the archive's */
    double seconds;
};

struct archive_verify_listener {
    /* In the order of the segments, at most one for each of them and one for the end. */
    void (*fault)(struct archive_verify_listener *self, const struct error *fault);
    /* What is no damage, and cannot be proved by the archive alone. NULL is allowed. */
    void (*note)(struct archive_verify_listener *self, const struct error *note);
};

/* 0: everything was checked; ->damaged counts what was found, and from ->end on the rest is only
 * filled if it is 0.
 * Stage "verify", counted in bytes. ERROR_NOT_FOUND: no archive, or no record in it. ERROR_DAMAGED:
 * a header, or the last segment, is damaged so that not even the segments can be listed.
 * ERROR_SYSTEM: a file cannot be read. ERROR_INTERRUPTED. progress may be NULL. */
int archive_verify_run(const struct archive_verify_options *options, struct progress *progress,
                       struct archive_verify_listener *listener,
                       struct archive_verify_report *ret_report, struct error *ret_error);
