/* The check of searches, in the order of harrier.proto: the first invalid filter is the one that is
 * named. */
#include "find.h"

#include "core/base/text.h"
#include "field_text.h"

#include <inttypes.h>

static int check_range(const char *from_name, int64_t from_us, const char *until_name,
                       int64_t until_us, struct text *ret_field, struct error *ret_error) {
    *ret_field = text_of(from_name);
    int r = field_check_time(from_name, from_us, ret_error);
    if (r < 0)
        return r;
    *ret_field = text_of(until_name);
    r = field_check_time(until_name, until_us, ret_error);
    if (r == 0 && until_us != 0 && from_us >= until_us)
        r = error_set(ret_error, ERROR_INVALID, "%s is not after %s: the range is empty",
                      until_name, from_name);
    return r;
}

static int check_score(const struct find_query *query, struct text *ret_field,
                       struct error *ret_error) {
    *ret_field = TEXT_LITERAL("score_max");
    if (!query->has_score ||
        (query->score_min <= query->score_max && query->score_max <= DECISION_SCORE_MAX))
        return 0;
    return error_set(ret_error, ERROR_INVALID,
                     "scores %" PRIu32 " to %" PRIu32 "; expected a range within 0 to %d",
                     query->score_min, query->score_max, DECISION_SCORE_MAX);
}

static int check_amount(const struct find_query *query, struct text *ret_field,
                        struct error *ret_error) {
    *ret_field = TEXT_LITERAL("amount_max");
    if (query->has_amount && (query->amount_min < 0 || query->amount_min > query->amount_max ||
                              query->amount_max > TRANSACTION_AMOUNT_MINOR_MAX))
        return error_set(ret_error, ERROR_INVALID,
                         "amounts %" PRId64 " to %" PRId64
                         "; expected a range within 0 to %" PRId64,
                         query->amount_min, query->amount_max, TRANSACTION_AMOUNT_MINOR_MAX);
    *ret_field = TEXT_LITERAL("currency");
    if (query->has_amount && query->currency.length == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "a range of amounts without a currency; expected its code, such as EUR");
    if (query->currency.length > 0 && currency_digits(query->currency) < 0)
        return error_set(ret_error, ERROR_INVALID, "currency %s is not an ISO 4217 code",
                         field_quote(query->currency).string);
    return 0;
}

/* "card, customer, … or phone" */
static const char *list_fields(char *ret_string, size_t size) {
    const char *names[FIELD_COUNT];
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++)
        names[field] = transaction_field_name(field);
    return text_join_names(names, FIELD_COUNT, " or ", ret_string, size);
}

static int check_keys(const struct find_query *query, struct error *ret_error) {
    if (query->key_count > FIELD_COUNT)
        return error_set(ret_error, ERROR_TOO_LARGE, "%zu keys; expected at most %d",
                         query->key_count, FIELD_COUNT);
    for (size_t i = 0; i < query->key_count; i++) {
        const struct find_key *key = &query->keys[i];
        if (key->field >= FIELD_COUNT) {
            char names[300];
            return error_set(ret_error, ERROR_INVALID,
                             "a key's field is not one that this version knows; expected %s",
                             list_fields(names, sizeof names));
        }
        int r = field_check_required(transaction_field_name(key->field), key->value,
                                     TRANSACTION_FIELD_MAX, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_texts(const struct find_query *query, struct text *ret_field,
                       struct error *ret_error) {
    *ret_field = TEXT_LITERAL("rule");
    int r = field_check_text("rule", query->rule, FIND_RULE_MAX, ret_error);
    if (r < 0)
        return r;
    *ret_field = TEXT_LITERAL("shadow");
    if (query->shadow && query->rule.length == 0)
        return error_set(ret_error, ERROR_INVALID, "shadow without a rule");
    *ret_field = TEXT_LITERAL("keys");
    r = check_keys(query, ret_error);
    if (r < 0)
        return r;
    *ret_field = TEXT_LITERAL("labels");
    if (query->labels >> LABEL_COUNT != 0)
        return error_set(ret_error, ERROR_INVALID,
                         "a label is not one that this version knows; expected none, legit, fraud, "
                         "chargeback or suspected");
    *ret_field = TEXT_LITERAL("transaction_id");
    return field_check_text("transaction_id", query->id, TRANSACTION_ID_MAX, ret_error);
}

int find_query_check(const struct find_query *query, struct text *ret_field,
                     struct error *ret_error) {
    struct text field;
    int r = check_range("from_us", query->from_us, "until_us", query->until_us, &field, ret_error);
    if (r == 0)
        r = check_range("received_from_us", query->received_from_us, "received_until_us",
                        query->received_until_us, &field, ret_error);
    if (r == 0 && (query->verdicts & 1 || query->verdicts >> VERDICT_COUNT != 0)) {
        field = TEXT_LITERAL("verdicts");
        r = error_set(ret_error, ERROR_INVALID,
                      "a verdict is not one that this version knows; expected approve, review, "
                      "challenge or decline");
    }
    if (r == 0)
        r = check_score(query, &field, ret_error);
    if (r == 0)
        r = check_amount(query, &field, ret_error);
    if (r == 0)
        r = check_texts(query, &field, ret_error);
    if (r == 0 && query->limit > FIND_LIMIT_MAX) {
        field = TEXT_LITERAL("limit");
        r = error_set(ret_error, ERROR_TOO_LARGE,
                      "a limit of %" PRIu32 " transactions; expected at most %d", query->limit,
                      FIND_LIMIT_MAX);
    }
    if (r == 0) {
        field = TEXT_LITERAL("cursor");
        r = field_check_text("cursor", query->cursor, FIND_CURSOR_MAX, ret_error);
    }
    if (r < 0)
        *ret_field = field;
    return r;
}
