/* Requests as bytes. The client checks only sizes and counts; the server checks content. The fast
 * writer (message_bytes.c) takes Score and ReportOutcome; for the others, and for requests that may
 * be too long, the generated structs live in a scratch arena for the time of the call. */
#include "core/base/check.h"
#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/field_text.h"
#include "find_encode.h"
#include "message_bytes.h"
#include "message_parts.h"

/* Names as in harrier.proto: message_json_decode.c finds the field of a call by its name. */
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
    [CALL_AMEND] = "amend",
    [CALL_CHANGE_BRAKE] = "change_brake",
    [CALL_FIND] = "find",
    [CALL_BACKFILL] = "backfill",
};

const char *call_name(enum call call) {
    return (size_t)call < CALL_COUNT ? call_names[call] : "none";
}

/* Score and ReportOutcome get here only if the fast writer has refused them because they may exceed
 * the limit. Texts are the caller's; nothing is copied. */
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

static void write_outcome(const struct outcome *in, Harrier__V1__Outcome *out) {
    out->transaction_id = bytes_from_text(in->transaction_id);
    out->label = (Harrier__V1__Label)in->label;
    out->known_time_us = in->known_time_us;
    out->source = bytes_from_text(in->source);
    out->unless_labelled = in->unless_labelled;
}

static int encode_outcomes(const struct outcome_request *outcome, struct arena *scratch,
                           Harrier__V1__Request *out) {
    size_t count = outcome->outcome_count;
    Harrier__V1__ReportOutcomeRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__report_outcome_request__init(request);
    Harrier__V1__Outcome *outcomes;
    request->n_outcomes = count;
    NEW_MESSAGES(scratch, count, outcomes, request->outcomes, harrier__v1__outcome__init);
    for (size_t i = 0; i < count; i++)
        write_outcome(&outcome->outcomes[i], &outcomes[i]);
    out->call_case = HARRIER__V1__REQUEST__CALL_REPORT_OUTCOME;
    out->report_outcome = request;
    return 0;
}

/* What a server would refuse by count alone is refused here already, so the message names the call
 * and not a connection that was closed. */
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
    Harrier__V1__ListChange *changes;
    request->n_changes = count;
    NEW_MESSAGES(scratch, count, changes, request->changes, harrier__v1__list_change__init);
    for (size_t i = 0; i < count; i++) {
        const struct list_change *in = &list_change->changes[i];
        changes[i].list = bytes_from_text(in->list);
        changes[i].value = bytes_from_text(in->value);
        changes[i].remove = in->remove;
        changes[i].expiry_time_us = in->expiry_time_us;
        changes[i].source = bytes_from_text(in->source);
        changes[i].reason = bytes_from_text(in->reason);
    }
    out->call_case = HARRIER__V1__REQUEST__CALL_CHANGE_LIST;
    out->change_list = request;
    return 0;
}

static void write_amendment(const struct amendment *in, Harrier__V1__Amendment *out) {
    out->transaction_id = bytes_from_text(in->transaction_id);
    out->kind = (Harrier__V1__AmendmentKind)in->kind;
    out->amount_minor = in->amount_minor;
    out->known_time_us = in->known_time_us;
    out->source = bytes_from_text(in->source);
    out->currency = bytes_from_text(in->currency);
}

static int encode_amendments(const struct amend_request *amend, struct arena *scratch,
                             Harrier__V1__Request *out, struct error *ret_error) {
    size_t count = amend->amendment_count;
    int r = field_check_count("amendments", count, TRANSACTION_BATCH_MAX, ret_error);
    if (r < 0)
        return r;
    Harrier__V1__AmendRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__amend_request__init(request);
    Harrier__V1__Amendment *amendments;
    request->n_amendments = count;
    NEW_MESSAGES(scratch, count, amendments, request->amendments, harrier__v1__amendment__init);
    for (size_t i = 0; i < count; i++)
        write_amendment(&amend->amendments[i], &amendments[i]);
    out->call_case = HARRIER__V1__REQUEST__CALL_AMEND;
    out->amend = request;
    return 0;
}

static int encode_backfill(const struct backfill_request *backfill, struct arena *scratch,
                           Harrier__V1__Request *out, struct error *ret_error) {
    size_t count = backfill->item_count;
    int r = field_check_count("items", count, TRANSACTION_BATCH_MAX, ret_error);
    if (r < 0)
        return r;
    Harrier__V1__BackfillRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__backfill_request__init(request);
    Harrier__V1__BackfillItem *items;
    request->n_items = count;
    NEW_MESSAGES(scratch, count, items, request->items, harrier__v1__backfill_item__init);
    for (size_t i = 0; i < count; i++) {
        const struct backfill_item *in = &backfill->items[i];
        items[i].transaction = transaction_to_protobuf(&in->transaction, scratch);
        if (in->has_outcome) {
            items[i].outcome = scratch_calloc(scratch, 1, sizeof *items[i].outcome);
            harrier__v1__outcome__init(items[i].outcome);
            write_outcome(&in->outcome, items[i].outcome);
        }
        if (in->has_amendment) {
            items[i].amendment = scratch_calloc(scratch, 1, sizeof *items[i].amendment);
            harrier__v1__amendment__init(items[i].amendment);
            write_amendment(&in->amendment, items[i].amendment);
        }
    }
    out->call_case = HARRIER__V1__REQUEST__CALL_BACKFILL;
    out->backfill = request;
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

static int encode_brake_change(const struct brake_change *change, struct arena *scratch,
                               Harrier__V1__Request *out) {
    Harrier__V1__ChangeBrakeRequest *request = scratch_calloc(scratch, 1, sizeof *request);
    harrier__v1__change_brake_request__init(request);
    request->rule = bytes_from_text(change->rule);
    request->policy = change->of_policy;
    request->pull = change->pull;
    request->definition = change->definition;
    request->source = bytes_from_text(change->source);
    request->reason = bytes_from_text(change->reason);
    out->call_case = HARRIER__V1__REQUEST__CALL_CHANGE_BRAKE;
    out->change_brake = request;
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
    case CALL_AMEND:
        return encode_amendments(&request->amend, scratch, out, ret_error);
    case CALL_CHANGE_BRAKE:
        return encode_brake_change(&request->brake_change, scratch, out);
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
    case CALL_FIND:
        out->call_case = HARRIER__V1__REQUEST__CALL_FIND;
        out->find = find_query_to_protobuf(&request->find, scratch);
        return 0;
    case CALL_BACKFILL:
        return encode_backfill(&request->backfill, scratch, out, ret_error);
    case CALL_NONE:
    case CALL_COUNT:
        break;
    }
    return error_set(ret_error, ERROR_INVALID, "a request without a call");
}

/* The size is checked before packing: nothing is appended if it fails. Without a head, room for the
 * longest one is kept free. */
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

/* The counts that both ways of writing rely on; list changes have only the general way, which
 * checks its own. */
static int check_counts(const struct request *request, struct error *ret_error) {
    if (request->call == CALL_SCORE)
        return field_check_count("transactions", request->score.transaction_count,
                                 TRANSACTION_BATCH_MAX, ret_error);
    if (request->call == CALL_REPORT_OUTCOME)
        return field_check_count("outcomes", request->outcome.outcome_count, TRANSACTION_BATCH_MAX,
                                 ret_error);
    return 0;
}

/* head: include what message_encode_head() writes; else room for it is kept free. */
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

/* Fields 1 to 3, written directly: this runs for each attempt to send. */
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
