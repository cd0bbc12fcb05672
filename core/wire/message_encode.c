/* Requests and responses as bytes. What is encoded is our own, so nothing is checked here but
 * sizes. message_bytes.c writes those that every transaction and outcome takes; for the others, and
 * for what may be too long, the generated structs live in a scratch arena for the time of one call.
 */
#include "../base/check.h"
#include "field_text.h"
#include "message_bytes.h"
#include "message_parts.h"
#include "protobuf.h"

static const char *const call_names[CALL_COUNT] = {
    [CALL_NONE] = "none",
    [CALL_SCORE] = "score",
    [CALL_REPORT_OUTCOME] = "report_outcome",
    [CALL_GET_ENTITY] = "get_entity",
    [CALL_STATUS] = "status",
    [CALL_CHANGE_LIST] = "change_list",
    [CALL_GET_LIST] = "get_list",
    [CALL_RELOAD] = "reload",
    [CALL_EXPLAIN] = "explain",
};

const char *reload_result_name(enum reload_result result) {
    static const char *const names[RELOAD_RESULT_COUNT] = {"none", "adopted", "unchanged",
                                                           "refused"};
    return (size_t)result < RELOAD_RESULT_COUNT ? names[result] : "none";
}

const char *call_name(enum call call) {
    return (size_t)call < CALL_COUNT ? call_names[call] : "none";
}

/* ---------------------------------------------------------------------------------------------
 * Requests */

static int encode_score(const struct score_request *score, struct arena *scratch,
                        Harrier__V1__Request *out) {
    size_t count = score->transaction_count;
    Harrier__V1__ScoreRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__score_request__init(request);
    request->n_transactions = count;
    request->transactions = scratch_calloc(scratch, count, sizeof *request->transactions);
    for (size_t i = 0; i < count; i++)
        request->transactions[i] = transaction_to_protobuf(&score->transactions[i], scratch);
    request->dry_run = score->dry_run;
    request->return_features = score->return_features;
    out->call_case = HARRIER__V1__REQUEST__CALL_SCORE;
    out->score = request;
    return 0;
}

static int encode_outcomes(const struct outcome_request *outcome, struct arena *scratch,
                           Harrier__V1__Request *out) {
    size_t count = outcome->outcome_count;
    Harrier__V1__ReportOutcomeRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__report_outcome_request__init(request);
    Harrier__V1__Outcome *outcomes = scratch_calloc(scratch, count, sizeof *outcomes);
    request->n_outcomes = count;
    request->outcomes = scratch_calloc(scratch, count, sizeof *request->outcomes);
    for (size_t i = 0; i < count; i++) {
        const struct outcome *in = &outcome->outcomes[i];
        harrier__v1__outcome__init(&outcomes[i]);
        outcomes[i].transaction_id = bytes_from_text(in->transaction_id);
        outcomes[i].label = (Harrier__V1__Label)in->label;
        outcomes[i].known_time_us = in->known_time_us;
        outcomes[i].source = bytes_from_text(in->source);
        request->outcomes[i] = &outcomes[i];
    }
    out->call_case = HARRIER__V1__REQUEST__CALL_REPORT_OUTCOME;
    out->report_outcome = request;
    return 0;
}

static int encode_entity(const struct entity_request *entity, struct arena *scratch,
                         Harrier__V1__Request *out, struct error *ret_error) {
    if (entity->key_count == 0 || entity->key_count > ENTITY_KEY_PARTS_MAX)
        return error_set(ret_error, ERROR_INVALID, "key has %zu parts; expected 1 to %d",
                         entity->key_count, ENTITY_KEY_PARTS_MAX);
    Harrier__V1__GetEntityRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__get_entity_request__init(request);
    request->entity = bytes_from_text(entity->entity);
    request->n_key = entity->key_count;
    request->key = scratch_calloc(scratch, entity->key_count, sizeof *request->key);
    for (size_t i = 0; i < entity->key_count; i++)
        request->key[i] = bytes_from_text(entity->key[i]);
    request->at_time_us = entity->at_time_us;
    out->call_case = HARRIER__V1__REQUEST__CALL_GET_ENTITY;
    out->get_entity = request;
    return 0;
}

static int encode_list_changes(const struct list_change_request *list_change, struct arena *scratch,
                               Harrier__V1__Request *out, struct error *ret_error) {
    size_t count = list_change->change_count;
    int r = field_check_count("changes", count, LIST_CHANGES_MAX, ret_error);
    if (r < 0)
        return r;
    Harrier__V1__ChangeListRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__change_list_request__init(request);
    Harrier__V1__ListChange *changes = scratch_calloc(scratch, count, sizeof *changes);
    request->n_changes = count;
    request->changes = scratch_calloc(scratch, count, sizeof *request->changes);
    for (size_t i = 0; i < count; i++) {
        const struct list_change *in = &list_change->changes[i];
        harrier__v1__list_change__init(&changes[i]);
        changes[i].list = bytes_from_text(in->list);
        changes[i].value = bytes_from_text(in->value);
        changes[i].remove = in->remove;
        changes[i].expiry_time_us = in->expiry_time_us;
        changes[i].source = bytes_from_text(in->source);
        changes[i].reason = bytes_from_text(in->reason);
        request->changes[i] = &changes[i];
    }
    out->call_case = HARRIER__V1__REQUEST__CALL_CHANGE_LIST;
    out->change_list = request;
    return 0;
}

static int encode_list(const struct list_request *list, struct arena *scratch,
                       Harrier__V1__Request *out) {
    Harrier__V1__GetListRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__get_list_request__init(request);
    request->list = bytes_from_text(list->list);
    request->after_position = list->after_position;
    request->limit = list->limit;
    out->call_case = HARRIER__V1__REQUEST__CALL_GET_LIST;
    out->get_list = request;
    return 0;
}

static int encode_call(const struct request *request, struct arena *scratch,
                       Harrier__V1__Request *out, struct error *ret_error) {
    switch (request->call) {
    case CALL_SCORE:
        return encode_score(&request->score, scratch, out);
    case CALL_REPORT_OUTCOME:
        return encode_outcomes(&request->outcome, scratch, out);
    case CALL_GET_ENTITY:
        return encode_entity(&request->entity, scratch, out, ret_error);
    case CALL_STATUS:
        out->call_case = HARRIER__V1__REQUEST__CALL_STATUS;
        out->status = scratch_calloc(scratch, 1, sizeof *out->status);
        harrier__v1__status_request__init(out->status);
        out->status->state_hash = request->status.state_hash;
        return 0;
    case CALL_CHANGE_LIST:
        return encode_list_changes(&request->list_change, scratch, out, ret_error);
    case CALL_GET_LIST:
        return encode_list(&request->list, scratch, out);
    case CALL_RELOAD:
        out->call_case = HARRIER__V1__REQUEST__CALL_RELOAD;
        out->reload = scratch_calloc(scratch, 1, sizeof *out->reload);
        harrier__v1__reload_request__init(out->reload);
        out->reload->wait = request->reload.wait;
        return 0;
    case CALL_EXPLAIN:
        out->call_case = HARRIER__V1__REQUEST__CALL_EXPLAIN;
        out->explain = scratch_calloc(scratch, 1, sizeof *out->explain);
        harrier__v1__explain_request__init(out->explain);
        out->explain->transaction_id = bytes_from_text(request->explain.transaction_id);
        return 0;
    case CALL_NONE:
    case CALL_COUNT:
        break;
    }
    return error_set(ret_error, ERROR_INVALID, "a request without a call");
}

int message_pack_request(const struct request *request, bool head, struct buffer *buffer,
                         struct error *ret_error) {
    struct arena scratch;
    scratch_init(&scratch);
    Harrier__V1__Request out;
    harrier__v1__request__init(&out);
    if (head) {
        out.protocol = MESSAGE_PROTOCOL;
        out.deadline_us = request->deadline_us;
        out.token = bytes_from_text(request->token);
    }
    out.traceparent = bytes_from_text(request->traceparent);
    int r = encode_call(request, &scratch, &out, ret_error);
    if (r == 0) {
        size_t size = protobuf_c_message_get_packed_size(&out.base);
        size_t limit = head ? MESSAGE_SIZE_MAX : MESSAGE_SIZE_MAX - MESSAGE_HEAD_MAX;
        if (size > limit)
            r = error_set(ret_error, ERROR_TOO_LARGE,
                          "a request of %zu bytes; expected at most %zu: send fewer at a time",
                          size, limit);
        else
            protobuf_pack(&out.base, buffer);
    }
    arena_deinit(&scratch);
    return r;
}

static int check_counts(const struct request *request, struct error *ret_error) {
    if (request->call == CALL_SCORE)
        return field_check_count("transactions", request->score.transaction_count,
                                 TRANSACTION_BATCH_MAX, ret_error);
    if (request->call == CALL_REPORT_OUTCOME)
        return field_check_count("outcomes", request->outcome.outcome_count, TRANSACTION_BATCH_MAX,
                                 ret_error);
    return 0;
}

/* head: with what message_encode_head() writes; else room is kept for it. */
static int encode_request(const struct request *request, bool head, struct buffer *buffer,
                          struct error *ret_error) {
    int r = check_counts(request, ret_error);
    if (r < 0)
        return r;
    if (message_write_request(request, head, buffer))
        return 0;
    return message_pack_request(request, head, buffer, ret_error);
}

int message_encode_request(const struct request *request, struct buffer *buffer,
                           struct error *ret_error) {
    return encode_request(request, true, buffer, ret_error);
}

int message_encode_rest(const struct request *request, struct buffer *buffer,
                        struct error *ret_error) {
    return encode_request(request, false, buffer, ret_error);
}

/* Fields 1 to 3, by hand: this happens for each sending. */
size_t message_encode_head(uint64_t deadline_us, struct text token,
                           uint8_t head[MESSAGE_HEAD_MAX]) {
    enum { PROTOCOL_TAG = 1 << 3, DEADLINE_TAG = 2 << 3, TOKEN_TAG = 3 << 3 | 2 };
    uint8_t *at = head;
    check(token.length <= MESSAGE_TOKEN_MAX);
    *at++ = PROTOCOL_TAG;
    *at++ = MESSAGE_PROTOCOL;
    if (deadline_us > 0) {
        *at++ = DEADLINE_TAG;
        at = varint_put(at, deadline_us);
    }
    if (token.length > 0) {
        *at++ = TOKEN_TAG;
        at = varint_put(at, token.length);
        memcpy(at, token.data, token.length);
        at += token.length;
    }
    return (size_t)(at - head);
}

/* ---------------------------------------------------------------------------------------------
 * Responses */

struct wire_error wire_error_from(const struct error *error, struct text field,
                                  struct arena *arena) {
    struct text message = arena_text(arena, field_cut(text_of(error->text), ERROR_MESSAGE_MAX));
    if (!message.data) /* no room left: say at least what kind of error */
        message = text_of(error_code_name(error->code));
    return (struct wire_error){
        .code = error->code, .field = arena_text(arena, field), .message = message};
}

int error_code_to_protobuf(enum error_code code) {
    switch (code) {
    case ERROR_INVALID:
        return HARRIER__V1__ERROR_CODE__ERROR_INVALID;
    case ERROR_UNSUPPORTED:
        return HARRIER__V1__ERROR_CODE__ERROR_UNSUPPORTED;
    case ERROR_NOT_FOUND:
        return HARRIER__V1__ERROR_CODE__ERROR_NOT_FOUND;
    case ERROR_ID_CONFLICT:
        return HARRIER__V1__ERROR_CODE__ERROR_ID_CONFLICT;
    case ERROR_TOO_LARGE:
        return HARRIER__V1__ERROR_CODE__ERROR_TOO_LARGE;
    case ERROR_DEADLINE:
        return HARRIER__V1__ERROR_CODE__ERROR_DEADLINE;
    case ERROR_UNAVAILABLE:
        return HARRIER__V1__ERROR_CODE__ERROR_UNAVAILABLE;
    case ERROR_DENIED:
        return HARRIER__V1__ERROR_CODE__ERROR_DENIED;
    default:
        return HARRIER__V1__ERROR_CODE__ERROR_INTERNAL;
    }
}

static Harrier__V1__Error *encode_error(const struct wire_error *error, struct arena *scratch) {
    Harrier__V1__Error *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__error__init(out);
    out->code = (Harrier__V1__ErrorCode)error_code_to_protobuf(error->code);
    out->field = bytes_from_text(error->field);
    out->message = bytes_from_text(field_cut(error->message, ERROR_MESSAGE_MAX));
    return out;
}

static void encode_value(const struct named_value *in, Harrier__V1__NamedValue *out) {
    harrier__v1__named_value__init(out);
    out->name = bytes_from_text(in->name);
    switch (in->value.type) {
    case VALUE_BOOL:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_FLAG;
        out->flag = in->value.boolean;
        break;
    case VALUE_INT:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_INTEGER;
        out->integer = in->value.integer;
        break;
    case VALUE_DOUBLE:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_NUMBER;
        out->number = in->value.number;
        break;
    case VALUE_TEXT:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_TEXT;
        out->text = bytes_from_text(in->value.text);
        break;
    case VALUE_TIMESTAMP:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_TIMESTAMP_US;
        out->timestamp_us = in->value.integer;
        break;
    case VALUE_DURATION:
        out->value_case = HARRIER__V1__NAMED_VALUE__VALUE_DURATION_US;
        out->duration_us = in->value.integer;
        break;
    case VALUE_ABSENT:
    case VALUE_ERROR: /* no value either; Decision.rule_errors counts them */
    case VALUE_LIST:  /* no policy's name stands for one */
    case VALUE_MAP:
        break;
    }
}

Harrier__V1__NamedValue **values_to_protobuf(const struct named_value *values, size_t count,
                                             struct arena *scratch) {
    if (count == 0)
        return NULL;
    Harrier__V1__NamedValue *out = scratch_calloc(scratch, count, sizeof *out);
    Harrier__V1__NamedValue **pointers = scratch_calloc(scratch, count, sizeof *pointers);
    for (size_t i = 0; i < count; i++) {
        encode_value(&values[i], &out[i]);
        pointers[i] = &out[i];
    }
    return pointers;
}

Harrier__V1__Decision *decision_to_protobuf(const struct decision *decision,
                                            struct arena *scratch) {
    Harrier__V1__Decision *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__decision__init(out);
    out->transaction_id = bytes_from_text(decision->transaction_id);
    out->verdict = (Harrier__V1__Verdict)decision->verdict;
    out->score = decision->score;
    out->n_reasons = decision->reason_count;
    out->reasons = reasons_to_protobuf(decision->reasons, decision->reason_count, scratch);
    out->snapshot_id = decision->snapshot_id;
    out->generation_id = decision->generation_id;
    out->position = decision->position;
    out->degraded = decision->degraded;
    out->degraded_reason = bytes_from_text(decision->degraded_reason);
    out->duplicate = decision->duplicate;
    out->dry_run = decision->dry_run;
    out->server_us = decision->server_us;
    out->rule_errors = decision->rule_errors;
    out->n_features = decision->feature_count;
    out->features = values_to_protobuf(decision->features, decision->feature_count, scratch);
    return out;
}

static void encode_score_answer(const struct response *response, struct arena *scratch,
                                Harrier__V1__Response *out) {
    size_t count = response->score.count;
    Harrier__V1__ScoreResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__score_response__init(answer);
    Harrier__V1__ScoreResult *results = scratch_calloc(scratch, count, sizeof *results);
    answer->n_results = count;
    answer->results = scratch_calloc(scratch, count, sizeof *answer->results);
    for (size_t i = 0; i < count; i++) {
        const struct score_result *in = &response->score.results[i];
        harrier__v1__score_result__init(&results[i]);
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__SCORE_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__SCORE_RESULT__RESULT_DECISION;
            results[i].decision = decision_to_protobuf(&in->decision, scratch);
        }
        answer->results[i] = &results[i];
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_SCORE;
    out->score = answer;
}

static Harrier__V1__OutcomeAccepted *encode_accepted(const struct outcome_result *in,
                                                     struct arena *scratch) {
    Harrier__V1__OutcomeAccepted *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__outcome_accepted__init(out);
    out->transaction_id = bytes_from_text(in->transaction_id);
    out->position = in->position;
    out->changed = in->changed;
    out->previous = (Harrier__V1__Label)in->previous;
    return out;
}

static void encode_outcome_answer(const struct response *response, struct arena *scratch,
                                  Harrier__V1__Response *out) {
    size_t count = response->outcome.count;
    Harrier__V1__ReportOutcomeResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__report_outcome_response__init(answer);
    Harrier__V1__OutcomeResult *results = scratch_calloc(scratch, count, sizeof *results);
    answer->n_results = count;
    answer->results = scratch_calloc(scratch, count, sizeof *answer->results);
    for (size_t i = 0; i < count; i++) {
        const struct outcome_result *in = &response->outcome.results[i];
        harrier__v1__outcome_result__init(&results[i]);
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__OUTCOME_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__OUTCOME_RESULT__RESULT_ACCEPTED;
            results[i].accepted = encode_accepted(in, scratch);
        }
        answer->results[i] = &results[i];
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_REPORT_OUTCOME;
    out->report_outcome = answer;
}

static void encode_entity_answer(const struct response *response, struct arena *scratch,
                                 Harrier__V1__Response *out) {
    const struct entity_response *in = &response->entity;
    Harrier__V1__GetEntityResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__get_entity_response__init(answer);
    answer->n_features = in->feature_count;
    answer->features = values_to_protobuf(in->features, in->feature_count, scratch);
    answer->newest_time_us = in->newest_time_us;
    answer->entries = in->entries;
    answer->state_bytes = in->state_bytes;
    answer->state_hash = in->state_hash;
    answer->at_time_us = in->at_time_us;
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_GET_ENTITY;
    out->get_entity = answer;
}

static void encode_labels(const struct status_response *in, struct arena *scratch,
                          Harrier__V1__StatusResponse *answer) {
    Harrier__V1__LabelCount *counts = scratch_calloc(scratch, LABEL_COUNT, sizeof *counts);
    answer->labels = scratch_calloc(scratch, LABEL_COUNT, sizeof *answer->labels);
    for (enum label label = LABEL_NONE + 1; label < LABEL_COUNT; label++) {
        if (in->labels[label] == 0)
            continue;
        harrier__v1__label_count__init(&counts[label]);
        counts[label].label = (Harrier__V1__Label)label;
        counts[label].transactions = in->labels[label];
        answer->labels[answer->n_labels++] = &counts[label];
    }
}

ProtobufCBinaryData *texts_to_protobuf(const struct text *names, size_t count,
                                       struct arena *scratch) {
    ProtobufCBinaryData *out = scratch_calloc(scratch, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = bytes_from_text(names[i]);
    return out;
}

/* The same fields of two messages. */
#define ENCODE_WARMING(in, scratch, out)                                                           \
    do {                                                                                           \
        (out)->n_warming_features = (in)->named_features;                                          \
        (out)->warming_features =                                                                  \
            texts_to_protobuf((in)->features, (in)->named_features, (scratch));                    \
        (out)->warming_feature_count = (in)->feature_count;                                        \
        (out)->n_warming_rules = (in)->named_rules;                                                \
        (out)->warming_rules = texts_to_protobuf((in)->rules, (in)->named_rules, (scratch));       \
        (out)->warming_rule_count = (in)->rule_count;                                              \
    } while (0)

static void encode_status_answer(const struct response *response, struct arena *scratch,
                                 Harrier__V1__Response *out) {
    const struct status_response *in = &response->status;
    Harrier__V1__StatusResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__status_response__init(answer);
    answer->version = bytes_from_text(in->version);
    answer->state = bytes_from_text(in->state);
    answer->state_reason = bytes_from_text(field_cut(in->state_reason, ERROR_MESSAGE_MAX));
    answer->started_time_us = in->started_time_us;
    answer->policy_name = bytes_from_text(in->policy_name);
    answer->snapshot_id = in->snapshot_id;
    answer->reload_error = bytes_from_text(field_cut(in->reload_error, ERROR_MESSAGE_MAX));
    answer->refused_since_time_us = in->refused_since_time_us;
    ENCODE_WARMING(&in->warming, scratch, answer);
    answer->generation_id = in->generation_id;
    answer->generation_position = in->generation_position;
    answer->generation_time_us = in->generation_time_us;
    answer->position = in->position;
    answer->synced_position = in->synced_position;
    answer->transactions = in->transactions;
    answer->outcomes = in->outcomes;
    encode_labels(in, scratch, answer);
    answer->newest_event_time_us = in->newest_event_time_us;
    answer->overlay_entities = in->overlay_entities;
    answer->overlay_bytes = in->overlay_bytes;
    answer->state_hash = in->state_hash;
    answer->duplicates = in->duplicates;
    answer->rejected = in->rejected;
    answer->stale = in->stale;
    answer->overlay_memory_bytes = in->overlay_memory_bytes;
    answer->swap_state = bytes_from_text(in->swap_state);
    answer->swap_reason = bytes_from_text(field_cut(in->swap_reason, ERROR_MESSAGE_MAX));
    answer->compared_entities = in->compared_entities;
    answer->differing_entities = in->differing_entities;
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_STATUS;
    out->status = answer;
}

static Harrier__V1__ListChanged *encode_changed(const struct list_change_result *in,
                                                struct arena *scratch) {
    Harrier__V1__ListChanged *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__list_changed__init(out);
    out->list = bytes_from_text(in->list);
    out->value = bytes_from_text(in->value);
    out->position = in->position;
    out->changed = in->changed;
    out->was_there = in->was_there;
    out->previous_expiry_time_us = in->previous_expiry_time_us;
    out->in_policy = in->in_policy;
    return out;
}

static void encode_list_change_answer(const struct response *response, struct arena *scratch,
                                      Harrier__V1__Response *out) {
    size_t count = response->list_change.count;
    Harrier__V1__ChangeListResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__change_list_response__init(answer);
    Harrier__V1__ListChangeResult *results = scratch_calloc(scratch, count, sizeof *results);
    answer->n_results = count;
    answer->results = scratch_calloc(scratch, count, sizeof *answer->results);
    for (size_t i = 0; i < count; i++) {
        const struct list_change_result *in = &response->list_change.results[i];
        harrier__v1__list_change_result__init(&results[i]);
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__LIST_CHANGE_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__LIST_CHANGE_RESULT__RESULT_CHANGED;
            results[i].changed = encode_changed(in, scratch);
        }
        answer->results[i] = &results[i];
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_CHANGE_LIST;
    out->change_list = answer;
}

static void encode_summary(const struct list_summary *in, Harrier__V1__ListSummary *out) {
    harrier__v1__list_summary__init(out);
    out->list = bytes_from_text(in->list);
    out->type = bytes_from_text(in->type);
    out->about = bytes_from_text(in->about);
    out->file = bytes_from_text(in->file);
    out->declared = in->declared;
    out->runtime = in->runtime;
    out->policy_entries = in->policy_entries;
    out->added_entries = in->added_entries;
    out->used_entries = in->used_entries;
    out->changes = in->changes;
    out->last_change_time_us = in->last_change_time_us;
}

static void encode_list_entry(const struct list_addition *in, Harrier__V1__ListEntry *out) {
    harrier__v1__list_entry__init(out);
    out->value = bytes_from_text(in->value);
    out->expiry_time_us = in->expiry_time_us;
    out->position = in->position;
    out->receive_time_us = in->receive_time_us;
    out->source = bytes_from_text(in->source);
    out->reason = bytes_from_text(in->reason);
}

static void encode_list_answer(const struct response *response, struct arena *scratch,
                               Harrier__V1__Response *out) {
    const struct list_response *in = &response->list;
    Harrier__V1__GetListResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__get_list_response__init(answer);
    Harrier__V1__ListSummary *lists = scratch_calloc(scratch, in->list_count, sizeof *lists);
    Harrier__V1__ListEntry *entries = scratch_calloc(scratch, in->entry_count, sizeof *entries);
    answer->n_lists = in->list_count;
    answer->lists = scratch_calloc(scratch, in->list_count, sizeof *answer->lists);
    answer->n_entries = in->entry_count;
    answer->entries = scratch_calloc(scratch, in->entry_count, sizeof *answer->entries);
    for (size_t i = 0; i < in->list_count; i++) {
        encode_summary(&in->lists[i], &lists[i]);
        answer->lists[i] = &lists[i];
    }
    for (size_t i = 0; i < in->entry_count; i++) {
        encode_list_entry(&in->entries[i], &entries[i]);
        answer->entries[i] = &entries[i];
    }
    answer->next_position = in->next_position;
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_GET_LIST;
    out->get_list = answer;
}

static void encode_shadow_reload(const struct folder_reload *in, Harrier__V1__ShadowReload *out) {
    harrier__v1__shadow_reload__init(out);
    out->folder = bytes_from_text(field_cut(in->folder, ERROR_MESSAGE_MAX));
    out->result = (Harrier__V1__ReloadResult)in->result;
    out->policy_name = bytes_from_text(in->policy_name);
    out->snapshot_id = in->snapshot_id;
    out->error = bytes_from_text(field_cut(in->error, ERROR_MESSAGE_MAX));
    out->messages = bytes_from_text(field_cut(in->messages, RELOAD_SHADOW_MESSAGES_MAX));
}

static void encode_reload_answer(const struct response *response, struct arena *scratch,
                                 Harrier__V1__Response *out) {
    const struct reload_response *in = &response->reload;
    Harrier__V1__ReloadResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__reload_response__init(answer);
    answer->result = (Harrier__V1__ReloadResult)in->policy.result;
    answer->policy_name = bytes_from_text(in->policy.policy_name);
    answer->snapshot_id = in->policy.snapshot_id;
    answer->error = bytes_from_text(field_cut(in->policy.error, ERROR_MESSAGE_MAX));
    answer->messages = bytes_from_text(field_cut(in->policy.messages, RELOAD_MESSAGES_MAX));
    ENCODE_WARMING(&in->warming, scratch, answer);
    Harrier__V1__ShadowReload *shadows = scratch_calloc(scratch, in->shadow_count, sizeof *shadows);
    answer->n_shadows = in->shadow_count;
    answer->shadows = scratch_calloc(scratch, in->shadow_count, sizeof *answer->shadows);
    for (size_t i = 0; i < in->shadow_count; i++) {
        encode_shadow_reload(&in->shadows[i], &shadows[i]);
        answer->shadows[i] = &shadows[i];
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_RELOAD;
    out->reload = answer;
}

static void encode_answer(const struct response *response, struct arena *scratch,
                          Harrier__V1__Response *out) {
    switch (response->call) {
    case CALL_SCORE:
        encode_score_answer(response, scratch, out);
        return;
    case CALL_REPORT_OUTCOME:
        encode_outcome_answer(response, scratch, out);
        return;
    case CALL_GET_ENTITY:
        encode_entity_answer(response, scratch, out);
        return;
    case CALL_STATUS:
        encode_status_answer(response, scratch, out);
        return;
    case CALL_CHANGE_LIST:
        encode_list_change_answer(response, scratch, out);
        return;
    case CALL_GET_LIST:
        encode_list_answer(response, scratch, out);
        return;
    case CALL_RELOAD:
        encode_reload_answer(response, scratch, out);
        return;
    case CALL_EXPLAIN:
        out->answer_case = HARRIER__V1__RESPONSE__ANSWER_EXPLAIN;
        out->explain = explanation_to_protobuf(response->explain, scratch);
        return;
    case CALL_NONE:
    case CALL_COUNT:
        break;
    }
    check(!"a response has an error or the answer to a call");
}

void message_pack_response(const struct response *response, struct buffer *buffer) {
    struct arena scratch;
    scratch_init(&scratch);
    Harrier__V1__Response out;
    harrier__v1__response__init(&out);
    if (response->error.code)
        out.error = encode_error(&response->error, &scratch);
    else
        encode_answer(response, &scratch, &out);
    if (protobuf_c_message_get_packed_size(&out.base) > MESSAGE_RESPONSE_SIZE_MAX) {
        struct wire_error too_large = {
            .code = ERROR_TOO_LARGE,
            .message = TEXT_LITERAL("the answer is over 8 MiB; ask for fewer at a time, or without "
                                    "features: what was scored stands, the same ids return it")};
        harrier__v1__response__init(&out);
        out.error = encode_error(&too_large, &scratch);
    }
    protobuf_pack(&out.base, buffer);
    arena_deinit(&scratch);
}

void message_encode_response(const struct response *response, struct buffer *buffer) {
    if (!message_write_response(response, buffer))
        message_pack_response(response, buffer);
}
