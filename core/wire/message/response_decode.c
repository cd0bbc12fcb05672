/* Bytes as responses: one function for each call's answer. The fast reader (message_bytes.c) takes
 * Score and ReportOutcome in their usual form. A later server may send members of enums that this
 * client does not know: what cannot be ignored safely is ERROR_UNSUPPORTED. */
#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/field_text.h"
#include "explanation_decode.h"
#include "find_decode.h"
#include "message_bytes.h"
#include "message_parts.h"

/* Texts are not copied: they point at protobuf-c's copies, which live in the same arena as the
 * response. */
static struct wire_error decode_error(const Harrier__V1__Error *in) {
    bool is_known = in->fallback >= 0 && in->fallback < (int)VERDICT_COUNT;
    return (struct wire_error){.code = error_code_from_protobuf((int)in->code),
                               .field = text_from_bytes(in->field),
                               .message = text_from_bytes(in->message),
                               .primary = text_from_bytes(in->primary),
                               .fallback = is_known ? (enum verdict)in->fallback : VERDICT_NONE};
}

/* Score and ReportOutcome get here if the fast reader did not take them: other orders of fields,
 * unknown fields, or large ones. A result that is neither of the two it may be comes from a later
 * server and cannot be ignored. */
static int decode_score_answer(const Harrier__V1__ScoreResponse *in, struct arena *arena,
                               struct response *response, struct error *ret_error) {
    struct score_result *results = array_alloc(arena, in->n_results, sizeof *results);
    if (!results)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_results; i++) {
        const Harrier__V1__ScoreResult *result = in->results[i];
        int r = 0;
        if (result->result_case == HARRIER__V1__SCORE_RESULT__RESULT_DECISION)
            r = decision_from_protobuf(result->decision, arena, &results[i].decision, ret_error);
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

static int decode_amend_answer(const Harrier__V1__AmendResponse *in, struct arena *arena,
                               struct response *response, struct error *ret_error) {
    struct amendment_result *results = array_alloc(arena, in->n_results, sizeof *results);
    if (!results)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_results; i++) {
        const Harrier__V1__AmendmentResult *result = in->results[i];
        if (result->result_case == HARRIER__V1__AMENDMENT_RESULT__RESULT_ACCEPTED)
            results[i] = (struct amendment_result){
                .transaction_id = text_from_bytes(result->accepted->transaction_id),
                .position = result->accepted->position,
                .changed = result->accepted->changed != 0,
                .previous = amended_from_protobuf(result->accepted->previous),
                .now = amended_from_protobuf(result->accepted->now)};
        else if (result->result_case == HARRIER__V1__AMENDMENT_RESULT__RESULT_ERROR)
            results[i].error = decode_error(result->error);
        else
            return error_set(ret_error, ERROR_UNSUPPORTED,
                             "results[%zu] is neither accepted nor an error", i);
    }
    response->call = CALL_AMEND;
    response->amend.results = results;
    response->amend.count = in->n_results;
    return 0;
}

static int decode_backfill_answer(const Harrier__V1__BackfillResponse *in, struct arena *arena,
                                  struct response *response, struct error *ret_error) {
    struct backfill_result *results = array_alloc(arena, in->n_results, sizeof *results);
    if (!results)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_results; i++) {
        const Harrier__V1__BackfillResult *result = in->results[i];
        const Harrier__V1__BackfillAccepted *accepted = result->accepted;
        if (result->result_case == HARRIER__V1__BACKFILL_RESULT__RESULT_ACCEPTED)
            results[i] = (struct backfill_result){
                .transaction_id = text_from_bytes(accepted->transaction_id),
                .position = accepted->position,
                .duplicate = accepted->duplicate != 0,
                .verdict = verdict_from_protobuf((int)accepted->verdict),
                .score = accepted->score,
                .outcome_recorded = accepted->outcome_recorded != 0,
                .amendment_recorded = accepted->amendment_recorded != 0};
        else if (result->result_case == HARRIER__V1__BACKFILL_RESULT__RESULT_ERROR)
            results[i].error = decode_error(result->error);
        else
            return error_set(ret_error, ERROR_UNSUPPORTED,
                             "results[%zu] is neither accepted nor an error", i);
        if (results[i].verdict == VERDICT_COUNT)
            return error_set(ret_error, ERROR_UNSUPPORTED,
                             "results[%zu] has a verdict that this version does not know", i);
    }
    response->call = CALL_BACKFILL;
    response->backfill.results = results;
    response->backfill.count = in->n_results;
    return 0;
}

/* GetEntity, lists, status, reload: rare calls, of which only the generated code makes structs.
 * Times and counts are passed on as they are; what they may be is the server's business. */
static int decode_entity_answer(const Harrier__V1__GetEntityResponse *in, struct arena *arena,
                                struct response *response, struct error *ret_error) {
    const struct named_value *features;
    int r = values_from_protobuf(in->features, in->n_features, arena, &features, ret_error);
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

static struct list_change_result decode_changed(const Harrier__V1__ListChanged *in) {
    return (struct list_change_result){
        .list = text_from_bytes(in->list),
        .value = text_from_bytes(in->value),
        .position = in->position,
        .changed = in->changed != 0,
        .was_there = in->was_there != 0,
        .previous_expiry_time_us = in->previous_expiry_time_us,
        .in_policy = in->in_policy != 0,
    };
}

static int decode_list_change_answer(const Harrier__V1__ChangeListResponse *in, struct arena *arena,
                                     struct response *response, struct error *ret_error) {
    struct list_change_result *results = array_alloc(arena, in->n_results, sizeof *results);
    if (!results)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_results; i++) {
        const Harrier__V1__ListChangeResult *result = in->results[i];
        if (result->result_case == HARRIER__V1__LIST_CHANGE_RESULT__RESULT_CHANGED)
            results[i] = decode_changed(result->changed);
        else if (result->result_case == HARRIER__V1__LIST_CHANGE_RESULT__RESULT_ERROR)
            results[i].error = decode_error(result->error);
        else
            return error_set(ret_error, ERROR_UNSUPPORTED,
                             "results[%zu] is neither a change nor an error", i);
    }
    response->call = CALL_CHANGE_LIST;
    response->list_change.results = results;
    response->list_change.count = in->n_results;
    return 0;
}

static struct list_summary decode_summary(const Harrier__V1__ListSummary *in) {
    return (struct list_summary){
        .list = text_from_bytes(in->list),
        .type = text_from_bytes(in->type),
        .about = text_from_bytes(in->about),
        .file = text_from_bytes(in->file),
        .declared = in->declared != 0,
        .runtime = in->runtime != 0,
        .policy_entries = in->policy_entries,
        .added_entries = in->added_entries,
        .used_entries = in->used_entries,
        .changes = in->changes,
        .last_change_time_us = in->last_change_time_us,
    };
}

static int decode_list_answer(const Harrier__V1__GetListResponse *in, struct arena *arena,
                              struct response *response, struct error *ret_error) {
    struct list_summary *lists = array_alloc(arena, in->n_lists, sizeof *lists);
    struct list_addition *entries = array_alloc(arena, in->n_entries, sizeof *entries);
    if (!lists || !entries)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_lists; i++)
        lists[i] = decode_summary(in->lists[i]);
    for (size_t i = 0; i < in->n_entries; i++)
        entries[i] = (struct list_addition){.value = text_from_bytes(in->entries[i]->value),
                                            .expiry_time_us = in->entries[i]->expiry_time_us,
                                            .position = in->entries[i]->position,
                                            .receive_time_us = in->entries[i]->receive_time_us,
                                            .source = text_from_bytes(in->entries[i]->source),
                                            .reason = text_from_bytes(in->entries[i]->reason)};
    response->call = CALL_GET_LIST;
    response->list = (struct list_response){.lists = lists,
                                            .list_count = in->n_lists,
                                            .entries = entries,
                                            .entry_count = in->n_entries,
                                            .next_position = in->next_position};
    return 0;
}

/* The same fields in two messages, Status and Reload. */
#define DECODE_WARMING(in, arena)                                                                  \
    {.features = texts_from_protobuf((in)->warming_features, (in)->n_warming_features, (arena)),   \
     .named_features = (in)->n_warming_features,                                                   \
     .feature_count = (in)->warming_feature_count,                                                 \
     .rules = texts_from_protobuf((in)->warming_rules, (in)->n_warming_rules, (arena)),            \
     .named_rules = (in)->n_warming_rules,                                                         \
     .rule_count = (in)->warming_rule_count}

/* DECODE_WARMING cannot fail in the middle of an initialiser, so the arena is checked afterwards.
 */
static int check_names(const struct warming *warming, struct arena *arena,
                       struct error *ret_error) {
    return warming->features && warming->rules ? 0
                                               : protobuf_exhausted("a response", arena, ret_error);
}

/* Ranges beyond the limit are left out, as of a later version. */
static void decode_missing(const Harrier__V1__SourceStatus *in, struct status_source *source) {
    for (size_t i = 0; i < in->n_missing && i < STATUS_RANGES_MAX; i++)
        source->missing[source->missing_count++] =
            (struct source_range){.first = in->missing[i]->first, .last = in->missing[i]->last};
}

static int decode_sources(const Harrier__V1__StatusResponse *in, struct arena *arena,
                          struct status_response *status, struct error *ret_error) {
    struct status_source *sources = array_alloc(arena, in->n_sources, sizeof *sources);
    if (!sources)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_sources; i++) {
        const Harrier__V1__SourceStatus *source = in->sources[i];
        sources[i] = (struct status_source){.source = text_from_bytes(source->source),
                                            .transactions = source->transactions,
                                            .last_receive_us = source->last_receive_time_us,
                                            .first = source->first,
                                            .highest = source->highest,
                                            .gaps = source->gaps,
                                            .missed = source->missed,
                                            .late = source->late,
                                            .repeats = source->repeats,
                                            .restarts = source->restarts};
        decode_missing(source, &sources[i]);
    }
    status->sources = sources;
    status->source_count = in->n_sources;
    status->ids_since_us = in->ids_since_time_us;
    status->other_source_transactions = in->other_source_transactions;
    status->backup_time_us = in->backup_time_us;
    status->backup_position = in->backup_position;
    return 0;
}

static int decode_brakes(const Harrier__V1__StatusResponse *in, struct arena *arena,
                         struct status_response *status, struct error *ret_error) {
    struct status_brake *brakes = array_alloc(arena, in->n_brakes, sizeof *brakes);
    if (!brakes)
        return protobuf_exhausted("a response", arena, ret_error);
    for (size_t i = 0; i < in->n_brakes; i++)
        brakes[i] = (struct status_brake){.rule = text_from_bytes(in->brakes[i]->rule),
                                          .definition = in->brakes[i]->definition,
                                          .applies = in->brakes[i]->applies != 0,
                                          .pulled_time_us = in->brakes[i]->pulled_time_us,
                                          .position = in->brakes[i]->position,
                                          .source = text_from_bytes(in->brakes[i]->source),
                                          .reason = text_from_bytes(in->brakes[i]->reason)};
    status->brakes = brakes;
    status->described_brakes = in->n_brakes;
    status->brake_count = in->brake_count;
    return 0;
}

static struct status_experiment decode_experiment(const Harrier__V1__Experiment *in) {
    if (!in)
        return (struct status_experiment){0};
    return (struct status_experiment){
        .name = text_from_bytes(in->name),
        .key = text_from_bytes(in->key),
        .share = in->share_e4,
        .policy_name = text_from_bytes(in->policy_name),
        .snapshot_id = in->snapshot_id,
        .position = in->position,
        .since_us = in->since_time_us,
        .decisions =
            {[ARM_CHAMPION] = in->champion_decisions, [ARM_CHALLENGER] = in->challenger_decisions},
    };
}

static int decode_status_answer(const Harrier__V1__StatusResponse *in, struct arena *arena,
                                struct response *response, struct error *ret_error) {
    response->call = CALL_STATUS;
    response->status = (struct status_response){
        .version = text_from_bytes(in->version),
        .state = text_from_bytes(in->state),
        .state_reason = text_from_bytes(in->state_reason),
        .started_time_us = in->started_time_us,
        .policy_name = text_from_bytes(in->policy_name),
        .snapshot_id = in->snapshot_id,
        .reload_error = text_from_bytes(in->reload_error),
        .refused_since_time_us = in->refused_since_time_us,
        .warming = DECODE_WARMING(in, arena),
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
        .node = text_from_bytes(in->node),
        .primary = text_from_bytes(in->primary),
        .committed_position = in->committed_position,
        .experiment = decode_experiment(in->experiment),
        .challenger_error = text_from_bytes(in->challenger_error),
    };
    for (size_t i = 0; i < in->n_labels; i++) {
        enum label label = label_from_protobuf((int)in->labels[i]->label);
        /* A label that a later version added is left out; the totals include it. */
        if (label != LABEL_COUNT)
            response->status.labels[label] = in->labels[i]->transactions;
    }
    int r = decode_brakes(in, arena, &response->status, ret_error);
    if (r == 0)
        r = decode_sources(in, arena, &response->status, ret_error);
    return r < 0 ? r : check_names(&response->status.warming, arena, ret_error);
}

/* A result that a later version added: the client cannot know whether the policy was adopted. */
static int decode_reload_result(Harrier__V1__ReloadResult in, enum reload_result *ret_result,
                                struct error *ret_error) {
    if ((int)in < 0 || (int)in >= RELOAD_RESULT_COUNT)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the reload has a result that this version does not know");
    *ret_result = (enum reload_result)in;
    return 0;
}

static int decode_shadow_reload(const Harrier__V1__ShadowReload *in, struct folder_reload *ret_out,
                                struct error *ret_error) {
    *ret_out = (struct folder_reload){
        .folder = text_from_bytes(in->folder),
        .policy_name = text_from_bytes(in->policy_name),
        .snapshot_id = in->snapshot_id,
        .error = text_from_bytes(in->error),
        .messages = text_from_bytes(in->messages),
    };
    return decode_reload_result(in->result, &ret_out->result, ret_error);
}

static int decode_reload_answer(const Harrier__V1__ReloadResponse *in, struct arena *arena,
                                struct response *response, struct error *ret_error) {
    struct folder_reload *shadows = array_alloc(arena, in->n_shadows, sizeof *shadows);
    if (!shadows)
        return protobuf_exhausted("a response", arena, ret_error);
    response->call = CALL_RELOAD;
    response->reload = (struct reload_response){
        .policy = {.policy_name = text_from_bytes(in->policy_name),
                   .snapshot_id = in->snapshot_id,
                   .error = text_from_bytes(in->error),
                   .messages = text_from_bytes(in->messages)},
        .warming = DECODE_WARMING(in, arena),
        .shadows = shadows,
        .shadow_count = in->n_shadows,
    };
    int r = decode_reload_result(in->result, &response->reload.policy.result, ret_error);
    for (size_t i = 0; i < in->n_shadows && r == 0; i++)
        r = decode_shadow_reload(in->shadows[i], &shadows[i], ret_error);
    return r < 0 ? r : check_names(&response->reload.warming, arena, ret_error);
}

/* The answer is recognised by its member of the oneof, not by what was asked: a client that gets
 * the answer to another call notices. */
static int decode_answer(const Harrier__V1__Response *in, struct arena *arena,
                         struct response *response, struct error *ret_error) {
    switch (in->answer_case) {
    case HARRIER__V1__RESPONSE__ANSWER_SCORE:
        return decode_score_answer(in->score, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_REPORT_OUTCOME:
        return decode_outcome_answer(in->report_outcome, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_AMEND:
        return decode_amend_answer(in->amend, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_BACKFILL:
        return decode_backfill_answer(in->backfill, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_GET_ENTITY:
        return decode_entity_answer(in->get_entity, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_STATUS:
        return decode_status_answer(in->status, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_CHANGE_LIST:
        return decode_list_change_answer(in->change_list, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_GET_LIST:
        return decode_list_answer(in->get_list, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_RELOAD:
        return decode_reload_answer(in->reload, arena, response, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_CHANGE_BRAKE:
        response->call = CALL_CHANGE_BRAKE;
        response->brake_change.changed = in->change_brake->changed != 0;
        response->brake_change.position = in->change_brake->position;
        response->brake_change.definition = in->change_brake->definition;
        return 0;
    case HARRIER__V1__RESPONSE__ANSWER_EXPLAIN:
        response->call = CALL_EXPLAIN;
        return explanation_from_protobuf(in->explain, arena, &response->explain, ret_error);
    case HARRIER__V1__RESPONSE__ANSWER_FIND:
        response->call = CALL_FIND;
        return find_response_from_protobuf(in->find, arena, &response->find, ret_error);
    default:
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the response has neither an error nor an answer that this version knows");
    }
}

int message_unpack_response(const void *bytes, size_t length, struct arena *arena,
                            struct response *ret_response, struct error *ret_error) {
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

/* As message_decode_request(): the fast reader first, and its memory is taken back if it gives up.
 */
int message_decode_response(const void *bytes, size_t length, struct arena *arena,
                            struct response *ret_response, struct error *ret_error) {
    if (length > MESSAGE_RESPONSE_SIZE_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "a response of %zu bytes; expected at most %u",
                         length, MESSAGE_RESPONSE_SIZE_MAX);
    struct arena_mark mark = arena_mark(arena);
    struct response response;
    if (message_read_response(bytes, length, arena, &response)) {
        *ret_response = response;
        return 0;
    }
    arena_rewind(arena, mark);
    return message_unpack_response(bytes, length, arena, ret_response, ret_error);
}
