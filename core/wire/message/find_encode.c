/* Sets of verdicts and labels are repeated fields, in rising order; a range is there or not. */
#include "find_encode.h"

#include "message_parts.h"

static void add_verdicts(const struct find_query *query, struct arena *scratch,
                         Harrier__V1__FindRequest *out) {
    out->verdicts = scratch_calloc(scratch, VERDICT_COUNT, sizeof *out->verdicts);
    for (unsigned verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (query->verdicts >> verdict & 1)
            out->verdicts[out->n_verdicts++] = (Harrier__V1__Verdict)verdict;
}

static void add_labels(const struct find_query *query, struct arena *scratch,
                       Harrier__V1__FindRequest *out) {
    out->labels = scratch_calloc(scratch, LABEL_COUNT, sizeof *out->labels);
    for (unsigned label = LABEL_NONE; label < LABEL_COUNT; label++)
        if (query->labels >> label & 1)
            out->labels[out->n_labels++] = (Harrier__V1__Label)label;
}

static void add_ranges(const struct find_query *query, struct arena *scratch,
                       Harrier__V1__FindRequest *out) {
    if (query->has_score) {
        out->score = scratch_calloc(scratch, 1, sizeof *out->score);
        harrier__v1__score_range__init(out->score);
        out->score->min = query->score_min;
        out->score->max = query->score_max;
    }
    if (query->has_amount) {
        out->amount = scratch_calloc(scratch, 1, sizeof *out->amount);
        harrier__v1__amount_range__init(out->amount);
        out->amount->min_minor = query->amount_min;
        out->amount->max_minor = query->amount_max;
    }
}

static void add_keys(const struct find_query *query, struct arena *scratch,
                     Harrier__V1__FindRequest *out) {
    Harrier__V1__FindKey *keys;
    out->n_keys = query->key_count;
    NEW_MESSAGES(scratch, query->key_count, keys, out->keys, harrier__v1__find_key__init);
    for (size_t i = 0; i < query->key_count; i++) {
        keys[i].field = bytes_from_text(text_of(transaction_field_name(query->keys[i].field)));
        keys[i].value = bytes_from_text(query->keys[i].value);
    }
}

Harrier__V1__FindRequest *find_query_to_protobuf(const struct find_query *query,
                                                 struct arena *scratch) {
    Harrier__V1__FindRequest *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__find_request__init(out);
    out->from_us = query->from_us;
    out->until_us = query->until_us;
    out->received_from_us = query->received_from_us;
    out->received_until_us = query->received_until_us;
    out->currency = bytes_from_text(query->currency);
    out->rule = bytes_from_text(query->rule);
    out->shadow = query->shadow;
    out->transaction_id = bytes_from_text(query->id);
    out->limit = query->limit;
    out->cursor = bytes_from_text(query->cursor);
    add_verdicts(query, scratch, out);
    add_labels(query, scratch, out);
    add_ranges(query, scratch, out);
    add_keys(query, scratch, out);
    return out;
}

static void encode_found(const struct found_transaction *in, struct arena *scratch,
                         Harrier__V1__FoundTransaction *out) {
    out->transaction = transaction_to_protobuf(&in->transaction, scratch);
    out->decision = decision_to_protobuf(&in->decision, scratch);
    out->receive_time_us = in->receive_time_us;
    out->label = (Harrier__V1__Label)in->label;
    out->outcome_receive_time_us = in->outcome_us;
    out->outcome_known_time_us = in->outcome_known_us;
    if (in->is_amended)
        out->amended = amended_to_protobuf(&in->amended, scratch);
    out->amended_time_us = in->amended_us;
    out->backfilled = in->is_backfilled;
}

Harrier__V1__FindResponse *find_response_to_protobuf(const struct find_response *response,
                                                     struct arena *scratch) {
    Harrier__V1__FindResponse *out = scratch_calloc(scratch, 1, sizeof *out);
    Harrier__V1__FoundTransaction *found;
    harrier__v1__find_response__init(out);
    out->n_transactions = response->found_count;
    NEW_MESSAGES(scratch, response->found_count, found, out->transactions,
                 harrier__v1__found_transaction__init);
    for (size_t i = 0; i < response->found_count; i++)
        encode_found(&response->found[i], scratch, &found[i]);
    out->cursor = bytes_from_text(response->cursor);
    out->incomplete = response->is_incomplete;
    return out;
}
