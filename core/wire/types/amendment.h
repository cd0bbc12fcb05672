/* What becomes known about a transaction's money after it was decided: it is voided, captured with
 * another amount than was authorised, or refunded. As plain values; numbers of enums are on the
 * wire. */
#pragma once

#include "transaction.h"

enum amendment_kind {
    AMENDMENT_NONE = 0,
    AMENDMENT_VOID = 1,    /* it never took place */
    AMENDMENT_CAPTURE = 2, /* amount_minor is what was really taken */
    AMENDMENT_REFUND = 3,  /* amount_minor is what has been paid back so far, in total */
    AMENDMENT_RESTORE = 4, /* a void was a mistake */
    AMENDMENT_KIND_COUNT
};

const char *amendment_kind_name(enum amendment_kind kind); /* "void", …; "" for AMENDMENT_NONE */
bool amendment_kind_parse(struct text name, enum amendment_kind *ret_kind);

#define AMENDMENT_SOURCE_MAX 128 /* bytes */

/* Totals, not differences: an amendment that is sent again changes nothing. Amounts are in minor
 * units of the transaction's currency. */
struct amendment {
    struct text transaction_id;
    enum amendment_kind kind; /* AMENDMENT_KIND_COUNT: a number that this version does not know */
    int64_t amount_minor;     /* of CAPTURE and REFUND; else 0 */
    int64_t known_time_us;    /* 0: when it was received */
    struct text source;
    struct text currency; /* of the amount, if that is known; it must be the transaction's */
};

/* The rules for every amendment; *ret_field as for transaction_check(). */
int amendment_check(const struct amendment *amendment, struct text *ret_field,
                    struct error *ret_error);

/* What a transaction is by now. */
struct amended {
    bool is_voided;
    int64_t amount_minor;   /* captured; as scored until a capture */
    int64_t refunded_minor; /* 0 … amount_minor */
};

struct amended amended_of(const struct transaction *transaction); /* as it was scored */
static inline bool amended_equal(const struct amended *a, const struct amended *b) {
    return a->is_voided == b->is_voided && a->amount_minor == b->amount_minor &&
           a->refunded_minor == b->refunded_minor;
}

/* What the amendment, which has passed amendment_check(), makes of it. transaction: as it was
 * scored. ERROR_INVALID: the two contradict each other, such as a refund of more than was taken;
 * *ret_field is set. */
int amendment_apply(const struct amendment *amendment, const struct transaction *transaction,
                    const struct amended *before, struct amended *ret_now, struct text *ret_field,
                    struct error *ret_error);

/* The other way round: the kind and the amount of the one amendment that makes `now` of `before`.
 * AMENDMENT_NONE: they are equal, or it takes several. */
struct amendment amendment_between(const struct amended *before, const struct amended *now);
