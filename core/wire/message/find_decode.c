/* A verdict, label or field that this version does not know is kept as one that the check refuses,
 * so that it names what is wrong. */
#include "find_decode.h"

#include "message_parts.h"

static int decode_keys(const Harrier__V1__FindRequest *in, struct arena *arena,
                       struct find_query *query, struct error *ret_error) {
    if (in->n_keys > FIELD_COUNT)
        return error_set(ret_error, ERROR_TOO_LARGE, "%zu keys; expected at most %d", in->n_keys,
                         FIELD_COUNT);
    struct find_key *keys = array_alloc(arena, in->n_keys, sizeof *keys);
    if (!keys)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_keys; i++)
        keys[i] = (struct find_key){
            .field = transaction_field_parse(text_from_bytes(in->keys[i]->field)),
            .value = text_from_bytes(in->keys[i]->value),
        };
    query->keys = keys;
    query->key_count = in->n_keys;
    return 0;
}

static void decode_ranges(const Harrier__V1__FindRequest *in, struct find_query *query) {
    if (in->score) {
        query->has_score = true;
        query->score_min = in->score->min;
        query->score_max = in->score->max;
    }
    if (in->amount) {
        query->has_amount = true;
        query->amount_min = in->amount->min_minor;
        query->amount_max = in->amount->max_minor;
    }
}

int find_query_from_protobuf(const Harrier__V1__FindRequest *in, struct arena *arena,
                             struct find_query *ret_query, struct error *ret_error) {
    struct find_query query = {
        .from_us = in->from_us,
        .until_us = in->until_us,
        .received_from_us = in->received_from_us,
        .received_until_us = in->received_until_us,
        .currency = text_from_bytes(in->currency),
        .rule = text_from_bytes(in->rule),
        .shadow = in->shadow != 0,
        .id = text_from_bytes(in->transaction_id),
        .limit = in->limit,
        .cursor = text_from_bytes(in->cursor),
    };
    for (size_t i = 0; i < in->n_verdicts; i++)
        query.verdicts |= 1u << verdict_from_protobuf((int)in->verdicts[i]);
    for (size_t i = 0; i < in->n_labels; i++)
        query.labels |= 1u << label_from_protobuf((int)in->labels[i]);
    decode_ranges(in, &query);
    int r = decode_keys(in, arena, &query, ret_error);
    if (r == 0)
        *ret_query = query;
    return r;
}

static int decode_found(const Harrier__V1__FoundTransaction *in, struct arena *arena,
                        struct found_transaction *out, struct error *ret_error) {
    enum label label = label_from_protobuf((int)in->label);
    if (!in->transaction || !in->decision)
        return error_set(ret_error, ERROR_INVALID,
                         "a found transaction lacks its transaction or its decision");
    if (label == LABEL_COUNT)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "a found transaction has a label that this version does not know");
    *out = (struct found_transaction){
        .receive_time_us = in->receive_time_us,
        .label = label,
        .outcome_us = in->outcome_receive_time_us,
        .outcome_known_us = in->outcome_known_time_us,
        .is_amended = in->amended != NULL,
        .amended = amended_from_protobuf(in->amended),
        .amended_us = in->amended_time_us,
        .is_backfilled = in->backfilled != 0,
    };
    if (transaction_from_protobuf(in->transaction, arena, &out->transaction) < 0)
        return protobuf_exhausted("a response", arena, ret_error);
    return decision_from_protobuf(in->decision, arena, &out->decision, ret_error);
}

int find_response_from_protobuf(const Harrier__V1__FindResponse *in, struct arena *arena,
                                struct find_response *ret_response, struct error *ret_error) {
    struct found_transaction *found = array_alloc(arena, in->n_transactions, sizeof *found);
    int r = found ? 0 : protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_transactions && r == 0; i++)
        r = decode_found(in->transactions[i], arena, &found[i], ret_error);
    if (r == 0)
        *ret_response = (struct find_response){
            .found = found,
            .found_count = in->n_transactions,
            .cursor = text_from_bytes(in->cursor),
            .is_incomplete = in->incomplete != 0,
        };
    return r;
}
