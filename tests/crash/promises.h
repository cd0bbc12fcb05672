/* What clients and people were told during a recorded run, from the marks in its journal. A mark is
 * a line of words:
 *
 *   decided ID VERDICT SCORE POSITION    an answer to a transaction
 *   reported ID LABEL                    an answer to an outcome
 *   listed LIST ENTRY                    an answer to a change of a list
 *   synced POSITION                      the server's status: on disk up to there
 *   published ID                         a rebuild ended well; ID of its tables
 *   backed-up COUNT                      a backup ended well and has so many points
 *   restored POSITION                    a restore ended well with this as its last record
 *   person WORD COUNT NUMBER             an erasure is about to begin: COUNT records have WORD, and
 *                                        no transaction from this number on
 *   erased                               it ended well
 *   pruned POSITION                      a prune ended well; the archive begins behind it */
#pragma once

#include "tests/disk/disk_journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROMISE_WORD_MAX 128

enum promise_kind {
    PROMISE_DECIDED,
    PROMISE_REPORTED,
    PROMISE_LISTED,
    PROMISE_SYNCED,
    PROMISE_PUBLISHED,
    PROMISE_BACKED_UP,
    PROMISE_RESTORED,
    PROMISE_PERSON,
    PROMISE_ERASED,
    PROMISE_PRUNED,
    PROMISE_KINDS,
};

struct promise {
    enum promise_kind kind;
    size_t index;                                        /* in the journal: kept from there on */
    char name[PROMISE_WORD_MAX], what[PROMISE_WORD_MAX]; /* ID and VERDICT, LIST and ENTRY … */
    uint64_t number, position;
};

struct promises {
    struct promise *all;
    size_t count;
    uint64_t acknowledged; /* how many promise that a record is there */
};

/* false: the mark *ret_index is none of the above. */
bool promises_read(const struct disk_journal *journal, struct promises *ret_promises,
                   size_t *ret_index);
void promises_deinit(struct promises *promises);
