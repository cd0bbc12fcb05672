#include "amendment.h"

#include "field_text.h"

#include <inttypes.h>

static const char *const kind_names[AMENDMENT_KIND_COUNT] = {
    [AMENDMENT_NONE] = "",         [AMENDMENT_VOID] = "void",       [AMENDMENT_CAPTURE] = "capture",
    [AMENDMENT_REFUND] = "refund", [AMENDMENT_RESTORE] = "restore",
};

const char *amendment_kind_name(enum amendment_kind kind) {
    return kind < AMENDMENT_KIND_COUNT ? kind_names[kind] : "";
}

bool amendment_kind_parse(struct text name, enum amendment_kind *ret_kind) {
    for (int kind = AMENDMENT_NONE + 1; kind < AMENDMENT_KIND_COUNT; kind++)
        if (text_is(name, kind_names[kind])) {
            *ret_kind = (enum amendment_kind)kind;
            return true;
        }
    return false;
}

static bool has_amount(enum amendment_kind kind) {
    return kind == AMENDMENT_CAPTURE || kind == AMENDMENT_REFUND;
}

static int check_amount(const struct amendment *amendment, struct error *ret_error) {
    int64_t amount = amendment->amount_minor;
    if (!has_amount(amendment->kind) && amount != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "amount_minor %" PRId64 " with a %s; expected 0: only a capture and a "
                         "refund have an amount",
                         amount, amendment_kind_name(amendment->kind));
    if (amount < 0 || amount > TRANSACTION_AMOUNT_MINOR_MAX)
        return error_set(ret_error, ERROR_INVALID,
                         "amount_minor %" PRId64 " is out of range; expected 0 to %" PRId64, amount,
                         TRANSACTION_AMOUNT_MINOR_MAX);
    return 0;
}

static int check_currency(const struct amendment *amendment, struct error *ret_error) {
    if (amendment->currency.length == 0 || currency_digits(amendment->currency) >= 0)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "currency %s is not an ISO 4217 code in use; expected the transaction's "
                     "currency, or none",
                     field_quote(amendment->currency).string);
}

/* In the order of harrier.proto, so that the first invalid field is the one that is named. */
int amendment_check(const struct amendment *amendment, struct text *ret_field,
                    struct error *ret_error) {
    struct text field = TEXT_LITERAL("transaction_id");
    int r = field_check_required("transaction_id", amendment->transaction_id, TRANSACTION_ID_MAX,
                                 ret_error);
    if (r == 0) {
        field = TEXT_LITERAL("kind");
        if (amendment->kind == AMENDMENT_NONE || amendment->kind >= AMENDMENT_KIND_COUNT)
            r = error_set(ret_error, ERROR_INVALID,
                          "kind is missing, or not one that this version knows; expected void, "
                          "capture, refund or restore");
    }
    if (r == 0) {
        field = TEXT_LITERAL("amount_minor");
        r = check_amount(amendment, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("known_time_us");
        r = field_check_time("known_time_us", amendment->known_time_us, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("source");
        r = field_check_text("source", amendment->source, AMENDMENT_SOURCE_MAX, ret_error);
    }
    if (r == 0) {
        field = TEXT_LITERAL("currency");
        r = check_currency(amendment, ret_error);
    }
    if (r < 0)
        *ret_field = field;
    return r;
}

struct amended amended_of(const struct transaction *transaction) {
    return (struct amended){.amount_minor = transaction->amount_minor};
}

/* A refund of more than was taken, or a capture of less than was refunded: one of the two reports
 * is wrong. */
static int check_refund(const struct amended *now, const struct transaction *transaction,
                        struct error *ret_error) {
    if (now->refunded_minor <= now->amount_minor)
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "%" PRId64 " refunded of %" PRId64 " (minor units of %" TEXT_FORMAT
                     "); expected no more than was taken",
                     now->refunded_minor, now->amount_minor, TEXT_ARGS(transaction->currency));
}

int amendment_apply(const struct amendment *amendment, const struct transaction *transaction,
                    const struct amended *before, struct amended *ret_now, struct text *ret_field,
                    struct error *ret_error) {
    struct amended now = *before;
    *ret_field = TEXT_LITERAL("kind");
    if (has_amount(amendment->kind) && transaction->currency.length == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "a transaction without an amount cannot have a %s; expected void or "
                         "restore",
                         amendment_kind_name(amendment->kind));
    if (amendment->currency.length > 0 && transaction->currency.length > 0 &&
        !text_equal(amendment->currency, transaction->currency)) {
        *ret_field = TEXT_LITERAL("currency");
        return error_set(ret_error, ERROR_INVALID,
                         "currency is %" TEXT_FORMAT ", but the transaction's is %" TEXT_FORMAT
                         "; expected an amount in %" TEXT_FORMAT,
                         TEXT_ARGS(amendment->currency), TEXT_ARGS(transaction->currency),
                         TEXT_ARGS(transaction->currency));
    }
    if (has_amount(amendment->kind) && before->is_voided)
        return error_set(ret_error, ERROR_INVALID,
                         "a %s of a transaction that is voided; if it did take place, restore it "
                         "first",
                         amendment_kind_name(amendment->kind));
    if (amendment->kind == AMENDMENT_VOID || amendment->kind == AMENDMENT_RESTORE)
        now.is_voided = amendment->kind == AMENDMENT_VOID;
    else if (amendment->kind == AMENDMENT_CAPTURE)
        now.amount_minor = amendment->amount_minor;
    else
        now.refunded_minor = amendment->amount_minor;
    *ret_field = TEXT_LITERAL("amount_minor");
    int r = check_refund(&now, transaction, ret_error);
    if (r == 0)
        *ret_now = now;
    return r;
}

struct amendment amendment_between(const struct amended *before, const struct amended *now) {
    bool is_captured = now->amount_minor != before->amount_minor;
    bool is_refunded = now->refunded_minor != before->refunded_minor;
    if ((now->is_voided != before->is_voided) + is_captured + is_refunded != 1)
        return (struct amendment){.kind = AMENDMENT_NONE};
    if (is_captured)
        return (struct amendment){.kind = AMENDMENT_CAPTURE, .amount_minor = now->amount_minor};
    if (is_refunded)
        return (struct amendment){.kind = AMENDMENT_REFUND, .amount_minor = now->refunded_minor};
    return (struct amendment){.kind = now->is_voided ? AMENDMENT_VOID : AMENDMENT_RESTORE};
}
