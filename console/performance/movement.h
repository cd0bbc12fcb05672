/* What a record changes in the figures: a decision adds a transaction, an outcome moves it from one
 * class to another, and an amendment changes its amount. Each is what there was and what there is
 * now, so that the sum of movements up to a day is what was known on that day. */
#pragma once

#include "batch/report/report_tally.h"
#include "core/wire/record/record.h"

struct movement {
    uint64_t position; /* of the transaction */
    int32_t day;       /* since 1970-01-01, UTC, of its event time */
    int32_t known;     /* of the receipt of the record */
    char currency[4];
    enum verdict verdict;
    bool is_decision; /* there was nothing before */
    enum report_class before, after;
    int64_t amount_before, amount_after; /* minor units: taken and not refunded; 0 if voided */
    uint32_t subjects;                   /* of a decision: tables.h's set; else not known yet */
};

/* false: the record changes no figure: it is of another type, or its transaction was backfilled, so
 * that nobody acted on the decision. */
bool movement_of(const struct record *record, struct movement *ret_movement);
