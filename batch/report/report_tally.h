/* Sums over a replay's rows. All are integers, so partial sums add up to the same total whichever
 * worker took which row; figures are computed from them at the end. Private to the report.
 *
 * Each row counts once for each side, by its class (from its outcome), verdict and score. Amounts
 * are in minor units of the policy's base currency; sums and sums of squares have 128 bits, enough
 * for 10^12 rows of 10^13 squared. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/types/decision.h"
#include "report_curve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 report_sum;

/* Whose decisions. */
enum report_side { REPORT_REPLAYED, REPORT_AGAINST, REPORT_SIDES };

/* How a transaction is classified. The last two are left out of every figure about whether
 * decisions were right. */
enum report_class {
    REPORT_POSITIVE,  /* fraud, chargeback */
    REPORT_NEGATIVE,  /* legit */
    REPORT_UNKNOWN,   /* no outcome: counted as legit */
    REPORT_IMMATURE,  /* too recent for all outcomes to be known */
    REPORT_SUSPECTED, /* suspected: neither confirmed nor cleared */
    REPORT_CLASSES
};

static inline bool report_class_counts(enum report_class class) {
    return class <= REPORT_UNKNOWN;
}

/* One row, reduced to what the sums need. */
struct report_fact {
    enum report_class class;
    bool has_outcome, has_amount;
    int64_t amount_minor; /* 0 without one */
    int64_t day;          /* since 1970-01-01, UTC, of the event time */
    enum verdict verdicts[REPORT_SIDES];
    uint32_t scores[REPORT_SIDES];
};

struct report_cell {
    uint64_t rows;
    report_sum amount, squares;
};

struct report_side_tally {
    struct report_cell cells[REPORT_CLASSES][VERDICT_COUNT];
    struct report_scores scores; /* unknown ones count as negatives */
    uint64_t unknown[REPORT_SCORES];
};

struct report_day_side {
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t caught; /* positives with a verdict other than approve */
};

struct report_day_tally {
    int64_t day;
    uint64_t transactions, positive, without_outcome;
    struct report_day_side sides[REPORT_SIDES];
};

struct report_tally {
    struct report_side_tally sides[REPORT_SIDES];
    uint64_t matrix[VERDICT_COUNT][VERDICT_COUNT]; /* rows, [against][replayed] */
    uint64_t other_scores;                         /* rows with equal verdicts, different scores */
    uint64_t without_amount;
    struct report_day_tally *days; /* by day */
    size_t day_count, day_room;
    size_t last_day; /* index of the one that was added to last */
};

void report_tally_init(struct report_tally *tally);
void report_tally_deinit(struct report_tally *tally);
void report_tally_add(struct report_tally *tally, const struct report_fact *fact);
void report_tally_merge(struct report_tally *to, const struct report_tally *from);

/* ---- encoding, for checkpoints of a replay ---- */

/* Every part of a report has such a pair. Decoding goes into an empty object; if the cursor has
 * failed afterwards (the bytes are not from an encoder), the object can only be freed. */
void report_tally_encode(const struct report_tally *tally, struct buffer *out);
void report_tally_decode(struct report_tally *tally, struct cursor *cursor);

/* Building blocks of the encoders. */
void report_counts_encode(const uint64_t *counts, size_t count, struct buffer *out);
void report_counts_decode(struct cursor *cursor, size_t count, uint64_t *ret_counts);
void report_sum_encode(report_sum sum, struct buffer *out);
report_sum report_sum_decode(struct cursor *cursor);
/* A day; the cursor fails if no event time can lie in it. */
int64_t report_day_decode(struct cursor *cursor);
/* A whole number; the cursor fails unless it is below the bound. */
uint64_t report_number_decode(struct cursor *cursor, uint64_t bound);

/* ---- figures ---- */

/* An alert: the transaction is reviewed, challenged or declined. */
static inline bool report_is_alert(enum verdict verdict) {
    return verdict > VERDICT_APPROVE;
}

uint64_t report_rows(const struct report_tally *tally);
uint64_t report_class_rows(const struct report_tally *tally, enum report_class class);
uint64_t report_verdict_rows(const struct report_side_tally *side, enum verdict verdict);

/* How good the verdicts of a side were, in rows and in money (minor units). */
struct report_detection {
    uint64_t true_positive, false_positive, false_negative, true_negative;
    report_sum caught, missed;   /* amounts of positives with an alert, without one */
    report_sum declined_wrongly; /* amounts of negatives that were declined */
    report_sum review_cost;      /* the price of a review for each verdict "review" */
    report_sum net;              /* caught − declined_wrongly − review_cost */
    double net_half;             /* half the width of net's 95 % confidence interval */
};

/* The interval treats transactions as independent draws: the variance of a sum over n of them is
 * estimated by n · Σ(x − x̄)²/n = Σx² − (Σx)²/n, which is also the bootstrap estimate (B. Efron, R.
 * Tibshirani, An Introduction to the Bootstrap, 1993, ch. 5), and the sum is nearly normal. */
struct report_detection report_detection(const struct report_side_tally *side,
                                         int64_t review_price_minor);

/* The same for any sum over n rows, of Σx and Σx²: half the width of its interval. */
double report_sum_half(uint64_t rows, report_sum sum, report_sum squares);
