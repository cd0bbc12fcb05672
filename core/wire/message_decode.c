/* Bytes as requests and responses. Sizes first, then counts, then enums; single transactions and
 * outcomes are left to transaction_check() and outcome_check(). */
#include "field_text.h"
#include "message.h"
#include "protobuf.h"

#include <inttypes.h>

#define NAME_MAX_BYTES 128

/* An empty message is a valid one with nothing in it; NULL from the arena means its limit. */
static void *array_alloc(struct arena *arena, size_t count, size_t size) {
    return arena_calloc(arena, count ? count : 1, size);
}

/* ---------------------------------------------------------------------------------------------
 * Requests */

static int decode_score(const Harrier__V1__ScoreRequest *in, struct arena *arena,
                        struct score_request *ret_score, struct error *ret_error) {
    int r = field_check_count("transactions", in->n_transactions, TRANSACTION_BATCH_MAX, ret_error);
    if (r < 0)
        return r;
    struct transaction *transactions = array_alloc(arena, in->n_transactions, sizeof *transactions);
    if (!transactions)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_transactions; i++)
        if (transaction_from_protobuf(in->transactions[i], arena, &transactions[i]) < 0)
            return protobuf_exhausted("a request", arena, ret_error);
    *ret_score = (struct score_request){
        .transactions = transactions,
        .transaction_count = in->n_transactions,
        .dry_run = in->dry_run != 0,
        .return_features = in->return_features != 0,
    };
    return 0;
}

static int decode_outcomes(const Harrier__V1__ReportOutcomeRequest *in, struct arena *arena,
                           struct outcome_request *ret_outcome, struct error *ret_error) {
    int r = field_check_count("outcomes", in->n_outcomes, TRANSACTION_BATCH_MAX, ret_error);
    if (r < 0)
        return r;
    struct outcome *outcomes = array_alloc(arena, in->n_outcomes, sizeof *outcomes);
    if (!outcomes)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_outcomes; i++)
        outcomes[i] = (struct outcome){
            .transaction_id = text_from_bytes(in->outcomes[i]->transaction_id),
            .label = label_from_protobuf((int)in->outcomes[i]->label),
            .known_time_us = in->outcomes[i]->known_time_us,
            .source = text_from_bytes(in->outcomes[i]->source),
        };
    *ret_outcome = (struct outcome_request){.outcomes = outcomes, .outcome_count = in->n_outcomes};
    return 0;
}

static int decode_entity(const Harrier__V1__GetEntityRequest *in, struct arena *arena,
                         struct entity_request *ret_entity, struct error *ret_error) {
    struct text entity = text_from_bytes(in->entity);
    int r = field_check_required("entity", entity, NAME_MAX_BYTES, ret_error);
    if (r < 0)
        return r;
    if (in->n_key == 0 || in->n_key > ENTITY_KEY_PARTS_MAX)
        return error_set(ret_error, ERROR_INVALID, "key has %zu parts; expected 1 to %d", in->n_key,
                         ENTITY_KEY_PARTS_MAX);
    struct text *key = array_alloc(arena, in->n_key, sizeof *key);
    if (!key)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_key; i++) {
        key[i] = text_from_bytes(in->key[i]);
        r = field_check_text("key", key[i], TRANSACTION_ATTRIBUTE_MAX, ret_error);
        if (r < 0)
            return r;
    }
    r = field_check_time("at_time_us", in->at_time_us, ret_error);
    if (r < 0)
        return r;
    *ret_entity = (struct entity_request){
        .entity = entity, .key = key, .key_count = in->n_key, .at_time_us = in->at_time_us};
    return 0;
}

static int decode_call(const Harrier__V1__Request *in, struct arena *arena, struct request *request,
                       struct error *ret_error) {
    switch (in->call_case) {
    case HARRIER__V1__REQUEST__CALL_SCORE:
        request->call = CALL_SCORE;
        return decode_score(in->score, arena, &request->score, ret_error);
    case HARRIER__V1__REQUEST__CALL_REPORT_OUTCOME:
        request->call = CALL_REPORT_OUTCOME;
        return decode_outcomes(in->report_outcome, arena, &request->outcome, ret_error);
    case HARRIER__V1__REQUEST__CALL_GET_ENTITY:
        request->call = CALL_GET_ENTITY;
        return decode_entity(in->get_entity, arena, &request->entity, ret_error);
    case HARRIER__V1__REQUEST__CALL_STATUS:
        request->call = CALL_STATUS;
        request->status.state_hash = in->status->state_hash != 0;
        return 0;
    default:
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the request has no call that this version knows; expected score, "
                         "report_outcome, get_entity or status");
    }
}

int message_decode_request(const void *bytes, size_t length, struct arena *arena,
                           struct request *ret_request, struct error *ret_error) {
    if (length > MESSAGE_SIZE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "a request of %zu bytes; expected at most %u: send fewer at a time",
                         length, MESSAGE_SIZE_MAX);
    const Harrier__V1__Request *in =
        protobuf_unpack(&harrier__v1__request__descriptor, "a request", ERROR_INVALID, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    if (in->protocol != MESSAGE_PROTOCOL)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the request speaks protocol %" PRIu32 "; this version speaks %d",
                         in->protocol, MESSAGE_PROTOCOL);
    struct request request = {.deadline_us = in->deadline_us};
    int r = decode_call(in, arena, &request, ret_error);
    if (r == 0)
        *ret_request = request;
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Responses */

/* A code that a later version added is still an error, and its sentence still says which. */
static enum error_code code_from_protobuf(Harrier__V1__ErrorCode code) {
    switch (code) {
    case HARRIER__V1__ERROR_CODE__ERROR_INVALID:
        return ERROR_INVALID;
    case HARRIER__V1__ERROR_CODE__ERROR_UNSUPPORTED:
        return ERROR_UNSUPPORTED;
    case HARRIER__V1__ERROR_CODE__ERROR_NOT_FOUND:
        return ERROR_NOT_FOUND;
    case HARRIER__V1__ERROR_CODE__ERROR_ID_CONFLICT:
        return ERROR_ID_CONFLICT;
    case HARRIER__V1__ERROR_CODE__ERROR_TOO_LARGE:
        return ERROR_TOO_LARGE;
    case HARRIER__V1__ERROR_CODE__ERROR_DEADLINE:
        return ERROR_DEADLINE;
    case HARRIER__V1__ERROR_CODE__ERROR_UNAVAILABLE:
        return ERROR_UNAVAILABLE;
    default:
        return ERROR_INTERNAL;
    }
}

static struct wire_error decode_error(const Harrier__V1__Error *in) {
    return (struct wire_error){.code = code_from_protobuf(in->code),
                               .field = text_from_bytes(in->field),
                               .message = text_from_bytes(in->message)};
}

static struct value decode_value(const Harrier__V1__NamedValue *in) {
    switch (in->value_case) {
    case HARRIER__V1__NAMED_VALUE__VALUE_FLAG:
        return value_bool(in->flag != 0);
    case HARRIER__V1__NAMED_VALUE__VALUE_INTEGER:
        return value_int(in->integer);
    case HARRIER__V1__NAMED_VALUE__VALUE_NUMBER:
        return value_double(in->number);
    case HARRIER__V1__NAMED_VALUE__VALUE_TEXT:
        return value_text(text_from_bytes(in->text));
    case HARRIER__V1__NAMED_VALUE__VALUE_TIMESTAMP_US:
        return value_timestamp(in->timestamp_us);
    case HARRIER__V1__NAMED_VALUE__VALUE_DURATION_US:
        return value_duration(in->duration_us);
    default:
        return value_absent();
    }
}

static int decode_values(Harrier__V1__NamedValue *const *in, size_t count, struct arena *arena,
                         const struct named_value **ret_values, struct error *ret_error) {
    struct named_value *values = array_alloc(arena, count, sizeof *values);
    if (!values)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < count; i++)
        values[i] = (struct named_value){.name = text_from_bytes(in[i]->name),
                                         .value = decode_value(in[i])};
    *ret_values = values;
    return 0;
}

static int check_verdicts(const struct decision *decision, struct error *ret_error) {
    bool known = decision->verdict != VERDICT_COUNT;
    for (size_t i = 0; i < decision->reason_count; i++)
        known &= decision->reasons[i].verdict != VERDICT_COUNT;
    if (known)
        return 0;
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "the decision about %s has a verdict that this version does not know",
                     field_quote(decision->transaction_id).string);
}

static int decode_decision(const Harrier__V1__Decision *in, struct arena *arena,
                           struct decision *ret_decision, struct error *ret_error) {
    struct decision decision = {
        .transaction_id = text_from_bytes(in->transaction_id),
        .verdict = verdict_from_protobuf((int)in->verdict),
        .score = in->score,
        .reason_count = in->n_reasons,
        .snapshot_id = in->snapshot_id,
        .generation_id = in->generation_id,
        .position = in->position,
        .degraded = in->degraded != 0,
        .degraded_reason = text_from_bytes(in->degraded_reason),
        .duplicate = in->duplicate != 0,
        .dry_run = in->dry_run != 0,
        .server_us = in->server_us,
        .rule_errors = in->rule_errors,
        .feature_count = in->n_features,
    };
    if (reasons_from_protobuf(in->reasons, in->n_reasons, arena, &decision.reasons) < 0)
        return protobuf_exhausted("a response", arena, ret_error);
    int r = check_verdicts(&decision, ret_error);
    if (r == 0)
        r = decode_values(in->features, in->n_features, arena, &decision.features, ret_error);
    if (r == 0)
        *ret_decision = decision;
    return r;
}

static int decode_score_answer(const Harrier__V1__ScoreResponse *in, struct arena *arena,
                               struct response *response, struct error *ret_error) {
    struct score_result *results = array_alloc(arena, in->n_results, sizeof *results);
    if (!results)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_results; i++) {
        const Harrier__V1__ScoreResult *result = in->results[i];
        int r = 0;
        if (result->result_case == HARRIER__V1__SCORE_RESULT__RESULT_DECISION)
            r = decode_decision(result->decision, arena, &results[i].decision, ret_error);
        else if (result->result_case == HARRIER__V1__SCORE_RESULT__RESULT_ERROR)
            results[i].error = decode_error(result->error);
        else
            r = error_set(ret_error, ERROR_UNSUPPORTED,
                          "results[%zu] has neither a decision nor an error", i);
        if (r < 0)
            return r;
    }
    response->call = CALL_SCORE;
    response->score.results = results;
    response->score.count = in->n_results;
    return 0;
}

static int decode_accepted(const Harrier__V1__OutcomeAccepted *in, struct outcome_result *result,
                           struct error *ret_error) {
    result->transaction_id = text_from_bytes(in->transaction_id);
    result->position = in->position;
    result->changed = in->changed != 0;
    result->previous = label_from_protobuf((int)in->previous);
    if (result->previous == LABEL_COUNT)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the outcome of %s has a previous label that this version does not know",
                         field_quote(result->transaction_id).string);
    return 0;
}

static int decode_outcome_answer(const Harrier__V1__ReportOutcomeResponse *in, struct arena *arena,
                                 struct response *response, struct error *ret_error) {
    struct outcome_result *results = array_alloc(arena, in->n_results, sizeof *results);
    if (!results)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_results; i++) {
        const Harrier__V1__OutcomeResult *result = in->results[i];
        int r = 0;
        if (result->result_case == HARRIER__V1__OUTCOME_RESULT__RESULT_ACCEPTED)
            r = decode_accepted(result->accepted, &results[i], ret_error);
        else if (result->result_case == HARRIER__V1__OUTCOME_RESULT__RESULT_ERROR)
            results[i].error = decode_error(result->error);
        else
            r = error_set(ret_error, ERROR_UNSUPPORTED,
                          "results[%zu] is neither accepted nor an error", i);
        if (r < 0)
            return r;
    }
    response->call = CALL_REPORT_OUTCOME;
    response->outcome.results = results;
    response->outcome.count = in->n_results;
    return 0;
}

static int decode_entity_answer(const Harrier__V1__GetEntityResponse *in, struct arena *arena,
                                struct response *response, struct error *ret_error) {
    const struct named_value *features;
    int r = decode_values(in->features, in->n_features, arena, &features, ret_error);
    if (r < 0)
        return r;
    response->call = CALL_GET_ENTITY;
    response->entity = (struct entity_response){
        .features = features,
        .feature_count = in->n_features,
        .newest_time_us = in->newest_time_us,
        .entries = in->entries,
        .state_bytes = in->state_bytes,
        .state_hash = in->state_hash,
        .at_time_us = in->at_time_us,
    };
    return 0;
}

static void decode_status_answer(const Harrier__V1__StatusResponse *in, struct response *response) {
    response->call = CALL_STATUS;
    response->status = (struct status_response){
        .version = text_from_bytes(in->version),
        .state = text_from_bytes(in->state),
        .state_reason = text_from_bytes(in->state_reason),
        .started_time_us = in->started_time_us,
        .policy_name = text_from_bytes(in->policy_name),
        .snapshot_id = in->snapshot_id,
        .reload_error = text_from_bytes(in->reload_error),
        .generation_id = in->generation_id,
        .generation_position = in->generation_position,
        .generation_time_us = in->generation_time_us,
        .position = in->position,
        .synced_position = in->synced_position,
        .transactions = in->transactions,
        .outcomes = in->outcomes,
        .newest_event_time_us = in->newest_event_time_us,
        .overlay_entities = in->overlay_entities,
        .overlay_bytes = in->overlay_bytes,
        .state_hash = in->state_hash,
        .duplicates = in->duplicates,
        .rejected = in->rejected,
        .stale = in->stale != 0,
        .overlay_memory_bytes = in->overlay_memory_bytes,
        .swap_state = text_from_bytes(in->swap_state),
        .swap_reason = text_from_bytes(in->swap_reason),
        .compared_entities = in->compared_entities,
        .differing_entities = in->differing_entities,
    };
    for (size_t i = 0; i < in->n_labels; i++) {
        enum label label = label_from_protobuf((int)in->labels[i]->label);
        /* A label that a later version added has no place here; the totals include it. */
        if (label != LABEL_COUNT)
            response->status.labels[label] = in->labels[i]->transactions;
    }
}

static int decode_answer(const Harrier__V1__Response *in, struct arena *arena,
                         struct response *response, struct error *ret_error) {
    switch (in->answer_case) {
    case HARRIER__V1__RESPONSE__ANSWER_SCORE:
        return decode_score_answer(in->score, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_REPORT_OUTCOME:
        return decode_outcome_answer(in->report_outcome, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_GET_ENTITY:
        return decode_entity_answer(in->get_entity, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_STATUS:
        decode_status_answer(in->status, response);
        return 0;
    default:
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the response has neither an error nor an answer that this version knows");
    }
}

int message_decode_response(const void *bytes, size_t length, struct arena *arena,
                            struct response *ret_response, struct error *ret_error) {
    if (length > MESSAGE_RESPONSE_SIZE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "a response of %zu bytes; expected at most %u",
                         length, MESSAGE_RESPONSE_SIZE_MAX);
    const Harrier__V1__Response *in =
        protobuf_unpack(&harrier__v1__response__descriptor, "a response", ERROR_INVALID, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    struct response response = {0};
    int r = 0;
    if (in->error)
        response.error = decode_error(in->error);
    else
        r = decode_answer(in, arena, &response, ret_error);
    if (r == 0)
        *ret_response = response;
    return r;
}
