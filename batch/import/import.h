/* harrier import: history into an archive that no server has open.
 *
 * Each transaction goes the way it would have gone through a server (core/store/ingest.h): an id
 * that is known already is recognised, a new one is decided by the given policy on the states of
 * all before it, appended, and applied. So the archive holds nothing but what a server could have
 * written: replay audits it, a rebuild folds it, a server goes on from it. An archive with tables
 * is continued from them.
 *
 * Time is the file's. A transaction is received when the caller says, never before the record in
 * front of it; an outcome is recorded as soon as history reaches the time at which it became known.
 * Written is always a beginning of what would have been written in the end: whatever ends an
 * import, the same rows again complete it.
 *
 * Not here: files and their formats, several threads, taking anything back. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stdint.h>

struct import_options {
    const char *archive, *generations; /* folders; the archive's is made when it is missing */
    struct snapshot *rules;            /* the policy that decides */
    int64_t now_us;                    /* of the wall clock: nothing was received after that */
    int64_t max_ahead_us;              /* event times this far ahead of their receipt are refused */
    uint64_t memory_bytes;             /* for states and ids newer than the tables; 0: no limit */
};

struct import_report {
    uint64_t transactions; /* new */
    uint64_t duplicates;   /* were there already, with the same content */
    uint64_t outcomes;     /* recorded */
    uint64_t unchanged;    /* outcomes that say what was known already */
    uint64_t waiting;      /* outcomes whose time has not come: not recorded */
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t degraded;
    struct archive_place begin, end;  /* of the archive */
    struct archive_recovery recovery; /* what opening it cut off */
};

struct import;

/* Takes the archive's lock and folds what is in it; stage "fold". ERROR_EXISTS: somebody else
 * writes there. ERROR_DAMAGED, ERROR_UNSUPPORTED, ERROR_NOT_FOUND (the tables are of another
 * archive), ERROR_SYSTEM, ERROR_INTERRUPTED. progress may be NULL. */
int import_open(const struct import_options *options, struct progress *progress,
                struct import **ret_import, struct error *ret_error);

/* What history says of one transaction. */
struct import_row {
    struct transaction transaction;
    int64_t received_us; /* 0: nobody says; then when it happened */
    enum label label;    /* LABEL_NONE: no outcome is known */
    int64_t known_us;    /* when it became known; 0: at once */
};

/* 0: decided and appended; 1: the transaction was there already. Otherwise nothing of the row was
 * taken, and import_concerns_row() says whether only this row is wrong (*ret_field is its field at
 * fault, or empty), or all is over but import_close(). */
int import_take(struct import *import, const struct import_row *row, struct text *ret_field,
                struct error *ret_error);
bool import_concerns_row(const struct error *error);

/* There are no more rows: records the outcomes that became known up to now, and brings everything
 * to the disk. */
int import_finish(struct import *import, struct error *ret_error);
/* It ends before that: what is recorded goes to the disk, what waits will come from the same rows
 * again. */
int import_stop(struct import *import, struct error *ret_error);

void import_report(const struct import *import, struct import_report *ret_report);
void import_close(struct import *import); /* NULL is allowed */
