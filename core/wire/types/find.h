/* What a search of the archive asks for, as plain values: a filter for each property that a
 * transaction may have, all of which must hold. */
#pragma once

#include "amendment.h"
#include "decision.h"
#include "transaction.h"

#define FIND_LIMIT_DEFAULT 100
#define FIND_LIMIT_MAX     1000 /* transactions in one answer */
#define FIND_RULE_MAX      128  /* bytes */
#define FIND_CURSOR_MAX    64   /* bytes */

/* Is this field the text, byte by byte? */
struct find_key {
    enum transaction_field field; /* FIELD_COUNT: a name that this version does not know */
    struct text value;
};

/* Ranges of times are [from, until); 0: no bound. Other ranges include both ends. */
struct find_query {
    int64_t from_us, until_us;                   /* event times */
    int64_t received_from_us, received_until_us; /* times of receipt */
    unsigned verdicts;                           /* bit n: enum verdict n; 0: all */
    bool has_score;
    uint32_t score_min, score_max;
    bool has_amount; /* of the amount that was scored, in minor units of the currency */
    int64_t amount_min, amount_max;
    struct text currency; /* "": all */
    struct text rule;     /* that had effect; "": any or none */
    bool shadow;          /* the rule may also have fired in shadow, or been suppressed */
    const struct find_key *keys;
    size_t key_count;   /* at most FIELD_COUNT */
    unsigned labels;    /* bit n: enum label n is what is known by now; 0: all */
    struct text id;     /* "": any */
    uint32_t limit;     /* 0: FIND_LIMIT_DEFAULT */
    struct text cursor; /* of the page before; "": the first page */
};

/* A transaction that was found, with what became of it. */
struct found_transaction {
    struct transaction transaction;
    struct decision decision; /* as archived, with its position */
    int64_t receive_time_us;
    enum label label; /* the last one; NONE: none was reported, or it was withdrawn; then the times
                         are 0 */
    int64_t outcome_us;       /* when it was received */
    int64_t outcome_known_us; /* when it became known, by the client's clock */
    bool is_amended;
    struct amended amended; /* what the transaction was after its last amendment */
    int64_t amended_us;     /* when that was received */
    bool is_backfilled;     /* history that came late: nobody acted on the decision */
};

/* The rules for every search, wherever it comes from; *ret_field as for transaction_check(). */
int find_query_check(const struct find_query *query, struct text *ret_field,
                     struct error *ret_error);
