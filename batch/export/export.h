/* harrier export: the transactions of an archive, each with its decision and with what became of
 * it by the archive's end.
 *
 * Two passes over the same records. An outcome may come long after its transaction, so the first
 * pass collects outcomes and amendments and sorts them by their transactions, in a temporary file
 * when they do not fit into memory; the second one reads the transactions and takes from the sorted
 * ones what belongs to each. So memory has a limit, whatever the size of the archive.
 *
 * Ends at the last sync mark that there was at opening: a server may be running. Nothing is decided
 * here, and no policy is loaded: what the archive says is passed on. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/archive/archive_place.h"
#include "core/wire/record/record.h"
#include "export_attributes.h"

#include <stdbool.h>
#include <stdint.h>

struct export;

struct export_options {
    const char *archive;
    int64_t from_us, to_us; /* event times in [from, to); 0: no bound */
    unsigned verdicts;      /* bit n: transactions with enum verdict n; 0: all */
    bool attributes;        /* find out which there are: the first pass then decodes everything */
    size_t memory_bytes;    /* for outcomes and amendments; 0: 64 MiB */
};

struct export_row {
    const struct record *record; /* RECORD_TRANSACTION, with its position */
    /* The last outcome. label NONE: none was reported, or it was withdrawn; the times then mean
     * nothing. */
    enum label label;
    int64_t outcome_us;       /* when it was received: later decisions saw it */
    int64_t outcome_known_us; /* when it became known, by the client's clock */
    /* What the transaction was after its last amendment. */
    bool is_amended;
    struct amended amended;
    int64_t amended_us; /* when that was received */
};

/* The first pass; stage "scan", in records. archive must outlive the export. ERROR_NOT_FOUND: there
 * is no such archive, or nothing synced in it. ERROR_TOO_LARGE: too many attributes. ERROR_DAMAGED,
 * ERROR_SYSTEM, ERROR_INTERRUPTED. progress may be NULL. */
int export_open(const struct export_options *options, struct progress *progress,
                struct export **ret_export, struct error *ret_error);
void export_close(struct export *export); /* NULL is allowed */

/* Of the transactions in the range; empty unless they were asked for. */
const struct export_attributes *export_attributes(const struct export *export);

struct export_taker {
    /* Each row, in the order of positions; valid during the call. < 0 ends the run. */
    int (*take)(void *user, const struct export_row *row, struct error *ret_error);
    void *user;
};

/* The second pass, once; stage "export". Errors as above, and the taker's. */
int export_run(struct export *export, const struct export_taker *taker, struct progress *progress,
               struct error *ret_error);
