/* Searching the archive: transactions with their decisions and with what became of them, the newest
 * first, that is by falling position.
 *
 * The index (find_image.h) answers most of it; what it lacks is made from the records and, if
 * allowed, written for the next search. It is only a hint: each transaction returned is read from
 * the archive, verified and compared with the filters. Files of the index that are missing,
 * damaged or of another archive are made again.
 *
 * Searches the archive up to the last sync mark; a server may be running. What later records say
 * about a transaction counts, up to there: a label is the one known by now. */
#pragma once

#include "core/base/progress.h"
#include "core/store/archive/archive_parts.h"
#include "core/wire/record/record.h"
#include "core/wire/types/find.h"
#include "find_cursor.h"
#include "find_tally.h"

#include <stdatomic.h>
#include <stdbool.h>

struct find;

enum find_index {
    FIND_NO_INDEX,   /* files are neither read nor written */
    FIND_READ_INDEX, /* but not written */
    FIND_KEEP_INDEX, /* what is missing is written */
};

struct find_options {
    const char *archive;
    enum find_index index;   /* its folder: find_files_folder() */
    bool drop_cache;         /* find_make_index() leaves closed segments out of the page cache */
    const atomic_bool *stop; /* NULL: never; else from any thread */
    /* Bytes of a segment after which a slice ends, and of the end of a growing segment that is not
     * written to a file yet. 0: 64 MiB and 8 MiB. */
    uint64_t slice_bytes, tail_bytes;
    struct progress *progress; /* of making the index, stage "index", in records; may be NULL */
};

/* Opens nothing yet. One thread at a time. */
struct find *find_new(const struct find_options *options);
void find_free(struct find *find); /* NULL is allowed */

struct find_row {
    const struct record *record; /* RECORD_TRANSACTION, with its position */
    enum label label; /* the last one; NONE: none was reported, or it was withdrawn; the times then
                         mean nothing */
    int64_t outcome_us;       /* when it was received */
    int64_t outcome_known_us; /* when it became known, by the client's clock */
    bool is_amended;
    struct amended amended; /* what the transaction was after its last amendment */
    int64_t amended_us;     /* when that was received */
};

struct find_taker {
    /* Valid during the call. < 0 ends the search; 1: enough, the page ends with this row. */
    int (*take)(void *user, const struct find_row *row, struct error *ret_error);
    void *user;
    /* The search has run long enough: asked after each slice. NULL: never. */
    bool (*is_expired)(void *user);
};

struct find_page {
    char cursor[FIND_CURSOR_SIZE]; /* of the next page; "": there is none */
    uint64_t rows;
    bool is_early;       /* it ends before the limit: taken or expired */
    uint64_t made, read; /* slices made of records, and read from files */
    bool cannot_write;   /* the index could not be written: */
    struct error write_error;
};

/* One page: the query has passed find_query_check(). ERROR_NOT_FOUND: no such archive.
 * ERROR_INVALID: the cursor. ERROR_DAMAGED, ERROR_SYSTEM, ERROR_INTERRUPTED, and the taker's. */
int find_run(struct find *find, const struct find_query *query, const struct find_taker *taker,
             struct find_page *ret_page, struct error *ret_error);

/* Counts the newest transactions that match, limit of them at most, or what is found until
 * is_expired (as in struct find_taker, may be NULL) ends it: page.is_early says so, and page.cursor
 * is "" if all are counted. The tally has been initialized. */
int find_count(struct find *find, const struct find_query *query, bool (*is_expired)(void *user),
               void *user, struct find_tally *tally, struct find_page *ret_page,
               struct error *ret_error);

/* Until it is released, all searches are of the archive as it is now, which is opened once: with
 * many segments that is most of a small search's time. It must not be held already, and
 * find_make_index() not be called meanwhile. *ret_end: the position of its last record. Errors as
 * of find_run(); then it is not held. */
int find_hold(struct find *find, uint64_t *ret_end, struct error *ret_error);
void find_release(struct find *find); /* without effect if it is not held */

/* Makes one slice that the index lacks, the newest first. 0: it lacks none; 1: one was made. Errors
 * as above, and those of writing. */
int find_make_index(struct find *find, struct error *ret_error);
