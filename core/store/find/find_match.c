/* One filter after the other, as the query lists them. */
#include "find_match.h"

static bool is_in_range(int64_t time_us, int64_t from_us, int64_t until_us) {
    return (from_us == 0 || time_us >= from_us) && (until_us == 0 || time_us < until_us);
}

static bool has_rule(const struct find_query *query, const struct decision *decision) {
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        if (text_equal(reason->rule, query->rule) &&
            (query->shadow || (!reason->shadow && !reason->suppressed)))
            return true;
    }
    return false;
}

static bool has_keys(const struct find_query *query, const struct transaction *transaction) {
    for (size_t i = 0; i < query->key_count; i++)
        if (!text_equal(transaction->fields[query->keys[i].field], query->keys[i].value))
            return false;
    return true;
}

static bool is_decided_so(const struct find_query *query, const struct decision *decision) {
    if (query->verdicts != 0 && !(query->verdicts >> decision->verdict & 1))
        return false;
    if (query->has_score &&
        (decision->score < query->score_min || decision->score > query->score_max))
        return false;
    return query->rule.length == 0 || has_rule(query, decision);
}

bool find_matches(const struct find_query *query, const struct record *record) {
    const struct transaction *transaction = &record->transaction.transaction;
    if (!is_in_range(transaction->event_time_us, query->from_us, query->until_us) ||
        !is_in_range(record->receive_time_us, query->received_from_us, query->received_until_us))
        return false;
    if (query->has_amount && (transaction->amount_minor < query->amount_min ||
                              transaction->amount_minor > query->amount_max))
        return false;
    if (query->currency.length > 0 && !text_equal(transaction->currency, query->currency))
        return false;
    if (query->id.length > 0 && !text_equal(transaction->id, query->id))
        return false;
    return is_decided_so(query, &record->transaction.decision) && has_keys(query, transaction);
}
