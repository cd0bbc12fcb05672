/* harrier import: writes history into an archive that no server has open.
 *
 * Each transaction takes the same path as in a server (core/store/ingest): a known id is
 * recognised; a new one is decided by the given policy on the states of all transactions before it,
 * appended, and applied. So the archive holds only what a server could have written: replay audits
 * it, a rebuild folds it, a server continues it. If there are tables, the import continues from
 * them.
 *
 * Time comes from the rows. A transaction gets the time of receipt that the caller gives, but never
 * one before the previous record's; an outcome is recorded as soon as history reaches the time at
 * which it became known. Imports are resumable: what is written is always a prefix of the complete
 * result, so importing the same rows again completes an import that ended early.
 *
 * Not here: files and their formats, threads, undoing anything. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stdint.h>

struct import_options {
    const char *archive, *generations; /* folders; the archive's is created if it is missing */
    struct snapshot *rules;            /* the policy that decides */
    const struct pseudonym_keys *keys; /* for the fields that it protects; NULL: it protects none */
    int64_t now_us;                    /* wall clock; later times of receipt are refused */
    int64_t max_ahead_us;              /* an event time further ahead of its receipt is refused */
    uint64_t memory_bytes;             /* for states and ids newer than the tables; 0: no limit */
};

struct import_report {
    uint64_t transactions; /* new */
    uint64_t duplicates;   /* known already, with the same content */
    uint64_t outcomes;     /* recorded */
    uint64_t amendments;   /* recorded */
    uint64_t unchanged;    /* outcomes and amendments that were known already */
    uint64_t waiting;      /* outcomes and amendments whose time is still to come: not recorded */
    uint64_t contradicted; /* amendments that other amendments had made impossible by their time */
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t degraded;
    struct archive_place begin, end;  /* of the archive */
    struct archive_recovery recovery; /* what opening it cut off */
};

struct import;

/* Locks the archive and folds its records behind the tables; stage "fold". ERROR_EXISTS: another
 * process has it open for writing. ERROR_NOT_FOUND: the tables belong to another archive.
 * ERROR_INVALID: the policy needs keys for pseudonyms, or these are not the archive's.
 * ERROR_DAMAGED, ERROR_UNSUPPORTED, ERROR_SYSTEM, ERROR_INTERRUPTED. progress may be NULL. */
int import_open(const struct import_options *options, struct progress *progress,
                struct import **ret_import, struct error *ret_error);

/* One transaction of the history, with its outcome if that is known. */
struct import_row {
    struct transaction transaction;
    int64_t received_us; /* 0: not given; the event time is used */
    enum label label;    /* LABEL_NONE: no outcome is known */
    int64_t known_us;    /* when it became known; 0: at once */
    /* .kind AMENDMENT_NONE: none is known. Its transaction is the row's; .known_time_us 0: at once.
     */
    struct amendment amendment;
};

/* 0: decided and appended; 1: the transaction was known already. < 0: nothing of the row was taken.
 * If import_concerns_row(), only this row is invalid (*ret_field: the field at fault, or empty) and
 * the import continues; after any other error, only import_close() may be called. */
int import_take(struct import *import, const struct import_row *row, struct text *ret_field,
                struct error *ret_error);
bool import_concerns_row(const struct error *error);

/* After the last row: records the outcomes that became known up to now_us and syncs everything. */
int import_finish(struct import *import, struct error *ret_error);
/* Ends the import early: syncs what is recorded. Waiting outcomes are dropped; the same rows bring
 * them again. */
int import_stop(struct import *import, struct error *ret_error);

void import_report(const struct import *import, struct import_report *ret_report);
void import_close(struct import *import); /* NULL is allowed */
