/* Bytes as requests: sizes first, then counts, then enums; single transactions and outcomes are
 * left to transaction_check() and outcome_check(). The fast reader (message_bytes.c) takes Score
 * and ReportOutcome in their usual form; everything else goes through the generated code. */
#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/field_text.h"
#include "find_decode.h"
#include "message_bytes.h"
#include "message_parts.h"

#include <inttypes.h>

#define NAME_MAX_BYTES 128

/* Counts are checked before anything is allocated for the items; enums keep unknown numbers as
 * VERDICT_COUNT or LABEL_COUNT, which the checks of single items refuse. */
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
        outcomes[i] = outcome_from_protobuf(in->outcomes[i]);
    *ret_outcome = (struct outcome_request){.outcomes = outcomes, .outcome_count = in->n_outcomes};
    return 0;
}

/* These requests are about one thing, so all of it is checked here and a fault fails the request.
 */
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

/* As with outcomes, single changes are left to list_change_check(): one invalid change must not
 * fail the others. */
static int decode_list_changes(const Harrier__V1__ChangeListRequest *in, struct arena *arena,
                               struct list_change_request *ret_changes, struct error *ret_error) {
    int r = field_check_count("changes", in->n_changes, LIST_CHANGES_MAX, ret_error);
    if (r < 0)
        return r;
    struct list_change *changes = array_alloc(arena, in->n_changes, sizeof *changes);
    if (!changes)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_changes; i++)
        changes[i] = (struct list_change){
            .list = text_from_bytes(in->changes[i]->list),
            .value = text_from_bytes(in->changes[i]->value),
            .remove = in->changes[i]->remove != 0,
            .expiry_time_us = in->changes[i]->expiry_time_us,
            .source = text_from_bytes(in->changes[i]->source),
            .reason = text_from_bytes(in->changes[i]->reason),
        };
    *ret_changes = (struct list_change_request){.changes = changes, .change_count = in->n_changes};
    return 0;
}

static int decode_amendments(const Harrier__V1__AmendRequest *in, struct arena *arena,
                             struct amend_request *ret_amend, struct error *ret_error) {
    int r = field_check_count("amendments", in->n_amendments, TRANSACTION_BATCH_MAX, ret_error);
    if (r < 0)
        return r;
    struct amendment *amendments = array_alloc(arena, in->n_amendments, sizeof *amendments);
    if (!amendments)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_amendments; i++)
        amendments[i] = amendment_from_protobuf(in->amendments[i]);
    *ret_amend =
        (struct amend_request){.amendments = amendments, .amendment_count = in->n_amendments};
    return 0;
}

/* An item without a transaction gets one without an id, which transaction_check() refuses. */
static int decode_item(const Harrier__V1__BackfillItem *in, struct arena *arena,
                       struct backfill_item *item) {
    *item = (struct backfill_item){.has_outcome = in->outcome != NULL,
                                   .has_amendment = in->amendment != NULL};
    if (in->outcome)
        item->outcome = outcome_from_protobuf(in->outcome);
    if (in->amendment)
        item->amendment = amendment_from_protobuf(in->amendment);
    return in->transaction ? transaction_from_protobuf(in->transaction, arena, &item->transaction)
                           : 0;
}

static int decode_backfill(const Harrier__V1__BackfillRequest *in, struct arena *arena,
                           struct backfill_request *ret_backfill, struct error *ret_error) {
    int r = field_check_count("items", in->n_items, TRANSACTION_BATCH_MAX, ret_error);
    if (r < 0)
        return r;
    struct backfill_item *items = array_alloc(arena, in->n_items, sizeof *items);
    if (!items)
        return protobuf_exhausted("a request", arena, ret_error);
    for (size_t i = 0; i < in->n_items; i++)
        if (decode_item(in->items[i], arena, &items[i]) < 0)
            return protobuf_exhausted("a request", arena, ret_error);
    *ret_backfill = (struct backfill_request){.items = items, .item_count = in->n_items};
    return 0;
}

static int decode_list(const Harrier__V1__GetListRequest *in, struct list_request *ret_list,
                       struct error *ret_error) {
    struct text list = text_from_bytes(in->list);
    int r = field_check_text("list", list, NAME_MAX_BYTES, ret_error);
    if (r < 0)
        return r;
    if (in->limit > LIST_PAGE_MAX)
        return error_set(ret_error, ERROR_INVALID, "limit is %" PRIu32 "; expected at most %d",
                         in->limit, LIST_PAGE_MAX);
    *ret_list = (struct list_request){
        .list = list, .after_position = in->after_position, .limit = in->limit};
    return 0;
}

/* Checked when it is performed, as list changes are: a mistake is then told with its field. */
static struct brake_change decode_brake_change(const Harrier__V1__ChangeBrakeRequest *in) {
    return (struct brake_change){.rule = text_from_bytes(in->rule),
                                 .of_policy = in->policy != 0,
                                 .pull = in->pull != 0,
                                 .definition = in->definition,
                                 .source = text_from_bytes(in->source),
                                 .reason = text_from_bytes(in->reason)};
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
    case HARRIER__V1__REQUEST__CALL_CHANGE_LIST:
        request->call = CALL_CHANGE_LIST;
        return decode_list_changes(in->change_list, arena, &request->list_change, ret_error);
    case HARRIER__V1__REQUEST__CALL_GET_LIST:
        request->call = CALL_GET_LIST;
        return decode_list(in->get_list, &request->list, ret_error);
    case HARRIER__V1__REQUEST__CALL_RELOAD:
        request->call = CALL_RELOAD;
        request->reload.wait = in->reload->wait != 0;
        return 0;
    case HARRIER__V1__REQUEST__CALL_EXPLAIN:
        request->call = CALL_EXPLAIN;
        request->explain.transaction_id = text_from_bytes(in->explain->transaction_id);
        return field_check_required("transaction_id", request->explain.transaction_id,
                                    TRANSACTION_ID_MAX, ret_error);
    case HARRIER__V1__REQUEST__CALL_AMEND:
        request->call = CALL_AMEND;
        return decode_amendments(in->amend, arena, &request->amend, ret_error);
    case HARRIER__V1__REQUEST__CALL_CHANGE_BRAKE:
        request->call = CALL_CHANGE_BRAKE;
        request->brake_change = decode_brake_change(in->change_brake);
        return 0;
    case HARRIER__V1__REQUEST__CALL_FIND:
        request->call = CALL_FIND;
        return find_query_from_protobuf(in->find, arena, &request->find, ret_error);
    case HARRIER__V1__REQUEST__CALL_BACKFILL:
        request->call = CALL_BACKFILL;
        return decode_backfill(in->backfill, arena, &request->backfill, ret_error);
    default:
        return error_set(
            ret_error, ERROR_UNSUPPORTED,
            "the request has no call that this version knows; expected score, report_outcome, "
            "get_entity, status, change_list, get_list, reload, explain, amend, "
            "change_brake, find or backfill");
    }
}

/* The protocol is checked before the call: in another protocol the call may mean something else. */
int message_unpack_request(const void *bytes, size_t length, struct arena *arena,
                           struct request *ret_request, struct error *ret_error) {
    const Harrier__V1__Request *in =
        protobuf_unpack(&harrier__v1__request__descriptor, "a request", ERROR_INVALID, bytes,
                        length, arena, ret_error);
    if (!in)
        return -(int)ret_error->code;
    if (in->protocol != MESSAGE_PROTOCOL)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the request speaks protocol %" PRIu32 "; this version speaks %d",
                         in->protocol, MESSAGE_PROTOCOL);
    struct request request = {.deadline_us = in->deadline_us,
                              .token = text_from_bytes(in->token),
                              .traceparent = text_from_bytes(in->traceparent)};
    int r = decode_call(in, arena, &request, ret_error);
    if (r == 0)
        *ret_request = request;
    return r;
}

/* The fast reader may leave memory in the arena before it gives up: it is taken back. */
int message_decode_request(const void *bytes, size_t length, struct arena *arena,
                           struct request *ret_request, struct error *ret_error) {
    if (length > MESSAGE_SIZE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "a request of %zu bytes; expected at most %u: send fewer at a time",
                         length, MESSAGE_SIZE_MAX);
    struct arena_mark mark = arena_mark(arena);
    struct request request;
    if (message_read_request(bytes, length, arena, &request)) {
        *ret_request = request;
        return 0;
    }
    arena_rewind(arena, mark);
    return message_unpack_request(bytes, length, arena, ret_request, ret_error);
}
