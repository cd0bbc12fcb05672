/* Responses as bytes: one function for each call's answer. The fast writer (message_bytes.c) takes
 * Score and ReportOutcome; the generated structs of the others live in a scratch arena for the time
 * of the call. Texts that may be long are cut to the limits that harrier.proto states. */
#include "core/base/check.h"
#include "core/wire/bytes/protobuf.h"
#include "core/wire/types/field_text.h"
#include "explanation_encode.h"
#include "find_encode.h"
#include "message_bytes.h"
#include "message_parts.h"

const char *reload_result_name(enum reload_result result) {
    static const char *const names[RELOAD_RESULT_COUNT] = {"none", "adopted", "unchanged",
                                                           "refused"};
    return (size_t)result < RELOAD_RESULT_COUNT ? names[result] : "none";
}

/* The text of struct error goes away with its owner, so it is copied; a full arena must not lose
 * the error itself. */
struct wire_error wire_error_from(const struct error *error, struct text field,
                                  struct arena *arena) {
    struct text message = arena_text(arena, field_cut(text_of(error->text), ERROR_MESSAGE_MAX));
    if (!message.data) /* the arena is full: the name of the code at least */
        message = text_of(error_code_name(error->code));
    return (struct wire_error){
        .code = error->code, .field = arena_text(arena, field), .message = message};
}

/* Messages are cut to what harrier.proto promises; a field name is one of ours and short. */
static Harrier__V1__Error *encode_error(const struct wire_error *error, struct arena *scratch) {
    Harrier__V1__Error *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__error__init(out);
    out->code = (Harrier__V1__ErrorCode)error_code_to_protobuf(error->code);
    out->field = bytes_from_text(error->field);
    out->message = bytes_from_text(field_cut(error->message, ERROR_MESSAGE_MAX));
    out->primary = bytes_from_text(error->primary);
    out->fallback = (Harrier__V1__Verdict)error->fallback;
    return out;
}

/* Score and ReportOutcome get here only if the fast writer has refused them because they may exceed
 * the limit: the generated code knows their exact size. */
static void encode_score_answer(const struct response *response, struct arena *scratch,
                                Harrier__V1__Response *out) {
    size_t count = response->score.count;
    Harrier__V1__ScoreResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__score_response__init(answer);
    Harrier__V1__ScoreResult *results;
    answer->n_results = count;
    NEW_MESSAGES(scratch, count, results, answer->results, harrier__v1__score_result__init);
    for (size_t i = 0; i < count; i++) {
        const struct score_result *in = &response->score.results[i];
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__SCORE_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__SCORE_RESULT__RESULT_DECISION;
            results[i].decision = decision_to_protobuf(&in->decision, scratch);
        }
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
    Harrier__V1__OutcomeResult *results;
    answer->n_results = count;
    NEW_MESSAGES(scratch, count, results, answer->results, harrier__v1__outcome_result__init);
    for (size_t i = 0; i < count; i++) {
        const struct outcome_result *in = &response->outcome.results[i];
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__OUTCOME_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__OUTCOME_RESULT__RESULT_ACCEPTED;
            results[i].accepted = encode_accepted(in, scratch);
        }
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_REPORT_OUTCOME;
    out->report_outcome = answer;
}

static Harrier__V1__AmendmentAccepted *encode_amended(const struct amendment_result *in,
                                                      struct arena *scratch) {
    Harrier__V1__AmendmentAccepted *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__amendment_accepted__init(out);
    out->transaction_id = bytes_from_text(in->transaction_id);
    out->position = in->position;
    out->changed = in->changed;
    out->previous = amended_to_protobuf(&in->previous, scratch);
    out->now = amended_to_protobuf(&in->now, scratch);
    return out;
}

static Harrier__V1__BackfillAccepted *encode_backfilled(const struct backfill_result *in,
                                                        struct arena *scratch) {
    Harrier__V1__BackfillAccepted *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__backfill_accepted__init(out);
    out->transaction_id = bytes_from_text(in->transaction_id);
    out->position = in->position;
    out->duplicate = in->duplicate;
    out->verdict = (Harrier__V1__Verdict)in->verdict;
    out->score = in->score;
    out->outcome_recorded = in->outcome_recorded;
    out->amendment_recorded = in->amendment_recorded;
    return out;
}

static void encode_backfill_answer(const struct response *response, struct arena *scratch,
                                   Harrier__V1__Response *out) {
    size_t count = response->backfill.count;
    Harrier__V1__BackfillResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__backfill_response__init(answer);
    Harrier__V1__BackfillResult *results;
    answer->n_results = count;
    NEW_MESSAGES(scratch, count, results, answer->results, harrier__v1__backfill_result__init);
    for (size_t i = 0; i < count; i++) {
        const struct backfill_result *in = &response->backfill.results[i];
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__BACKFILL_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__BACKFILL_RESULT__RESULT_ACCEPTED;
            results[i].accepted = encode_backfilled(in, scratch);
        }
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_BACKFILL;
    out->backfill = answer;
}

static void encode_amend_answer(const struct response *response, struct arena *scratch,
                                Harrier__V1__Response *out) {
    size_t count = response->amend.count;
    Harrier__V1__AmendResponse *answer = scratch_calloc(scratch, 1, sizeof *answer);
    harrier__v1__amend_response__init(answer);
    Harrier__V1__AmendmentResult *results;
    answer->n_results = count;
    NEW_MESSAGES(scratch, count, results, answer->results, harrier__v1__amendment_result__init);
    for (size_t i = 0; i < count; i++) {
        const struct amendment_result *in = &response->amend.results[i];
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__AMENDMENT_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__AMENDMENT_RESULT__RESULT_ACCEPTED;
            results[i].accepted = encode_amended(in, scratch);
        }
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_AMEND;
    out->amend = answer;
}

/* GetEntity: the features are those of Decision.features, by the same conversion. */
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

/* Labels without transactions are left out. */
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

/* The same fields in two messages, Status and Reload. */
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

static void encode_missing(const struct status_source *in, struct arena *scratch,
                           Harrier__V1__SourceStatus *out) {
    Harrier__V1__SourceRange *ranges;
    out->n_missing = in->missing_count;
    NEW_MESSAGES(scratch, in->missing_count, ranges, out->missing, harrier__v1__source_range__init);
    for (size_t i = 0; i < in->missing_count; i++) {
        ranges[i].first = in->missing[i].first;
        ranges[i].last = in->missing[i].last;
    }
}

static void encode_sources(const struct status_response *in, struct arena *scratch,
                           Harrier__V1__StatusResponse *answer) {
    Harrier__V1__SourceStatus *sources;
    answer->ids_since_time_us = in->ids_since_us;
    answer->other_source_transactions = in->other_source_transactions;
    answer->backup_time_us = in->backup_time_us;
    answer->backup_position = in->backup_position;
    answer->n_sources = in->source_count;
    NEW_MESSAGES(scratch, in->source_count, sources, answer->sources,
                 harrier__v1__source_status__init);
    for (size_t i = 0; i < in->source_count; i++) {
        const struct status_source *source = &in->sources[i];
        sources[i].source = bytes_from_text(source->source);
        sources[i].transactions = source->transactions;
        sources[i].last_receive_time_us = source->last_receive_us;
        sources[i].first = source->first;
        sources[i].highest = source->highest;
        sources[i].gaps = source->gaps;
        sources[i].missed = source->missed;
        sources[i].late = source->late;
        sources[i].repeats = source->repeats;
        sources[i].restarts = source->restarts;
        encode_missing(source, scratch, &sources[i]);
    }
}

static void encode_brakes(const struct status_response *in, struct arena *scratch,
                          Harrier__V1__StatusResponse *answer) {
    Harrier__V1__Brake *brakes;
    answer->brake_count = in->brake_count;
    answer->n_brakes = in->described_brakes;
    NEW_MESSAGES(scratch, in->described_brakes, brakes, answer->brakes, harrier__v1__brake__init);
    for (size_t i = 0; i < in->described_brakes; i++) {
        const struct status_brake *brake = &in->brakes[i];
        brakes[i].rule = bytes_from_text(brake->rule);
        brakes[i].definition = brake->definition;
        brakes[i].applies = brake->applies;
        brakes[i].pulled_time_us = brake->pulled_time_us;
        brakes[i].position = brake->position;
        brakes[i].source = bytes_from_text(brake->source);
        brakes[i].reason = bytes_from_text(field_cut(brake->reason, ERROR_MESSAGE_MAX));
    }
}

static void encode_experiment(const struct status_response *in, struct arena *scratch,
                              Harrier__V1__StatusResponse *answer) {
    const struct status_experiment *experiment = &in->experiment;
    answer->challenger_error = bytes_from_text(field_cut(in->challenger_error, ERROR_MESSAGE_MAX));
    if (experiment->name.length == 0)
        return;
    Harrier__V1__Experiment *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__experiment__init(out);
    out->name = bytes_from_text(experiment->name);
    out->key = bytes_from_text(experiment->key);
    out->share_e4 = experiment->share;
    out->policy_name = bytes_from_text(experiment->policy_name);
    out->snapshot_id = experiment->snapshot_id;
    out->position = experiment->position;
    out->since_time_us = experiment->since_us;
    out->champion_decisions = experiment->decisions[ARM_CHAMPION];
    out->challenger_decisions = experiment->decisions[ARM_CHALLENGER];
    answer->experiment = out;
}

/* Status and Reload. Reasons and errors are sentences of any length inside the server; here they
 * are cut to ERROR_MESSAGE_MAX. */
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
    answer->node = bytes_from_text(in->node);
    answer->primary = bytes_from_text(in->primary);
    answer->committed_position = in->committed_position;
    encode_brakes(in, scratch, answer);
    encode_sources(in, scratch, answer);
    encode_experiment(in, scratch, answer);
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_STATUS;
    out->status = answer;
}

/* Lists: changes one by one, each with its own result; then summaries and entries, a page at a
 * time. */
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
    Harrier__V1__ListChangeResult *results;
    answer->n_results = count;
    NEW_MESSAGES(scratch, count, results, answer->results, harrier__v1__list_change_result__init);
    for (size_t i = 0; i < count; i++) {
        const struct list_change_result *in = &response->list_change.results[i];
        if (in->error.code) {
            results[i].result_case = HARRIER__V1__LIST_CHANGE_RESULT__RESULT_ERROR;
            results[i].error = encode_error(&in->error, scratch);
        } else {
            results[i].result_case = HARRIER__V1__LIST_CHANGE_RESULT__RESULT_CHANGED;
            results[i].changed = encode_changed(in, scratch);
        }
    }
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_CHANGE_LIST;
    out->change_list = answer;
}

static void encode_summary(const struct list_summary *in, Harrier__V1__ListSummary *out) {
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
    Harrier__V1__ListSummary *lists;
    Harrier__V1__ListEntry *entries;
    answer->n_lists = in->list_count;
    NEW_MESSAGES(scratch, in->list_count, lists, answer->lists, harrier__v1__list_summary__init);
    for (size_t i = 0; i < in->list_count; i++)
        encode_summary(&in->lists[i], &lists[i]);
    answer->n_entries = in->entry_count;
    NEW_MESSAGES(scratch, in->entry_count, entries, answer->entries, harrier__v1__list_entry__init);
    for (size_t i = 0; i < in->entry_count; i++)
        encode_list_entry(&in->entries[i], &entries[i]);
    answer->next_position = in->next_position;
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_GET_LIST;
    out->get_list = answer;
}

/* Messages of a check have lines for every error of a policy; those of the policy in force may be
 * longer than those of a shadow. */
static void encode_shadow_reload(const struct folder_reload *in, Harrier__V1__ShadowReload *out) {
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
    Harrier__V1__ShadowReload *shadows;
    answer->n_shadows = in->shadow_count;
    NEW_MESSAGES(scratch, in->shadow_count, shadows, answer->shadows,
                 harrier__v1__shadow_reload__init);
    for (size_t i = 0; i < in->shadow_count; i++)
        encode_shadow_reload(&in->shadows[i], &shadows[i]);
    out->answer_case = HARRIER__V1__RESPONSE__ANSWER_RELOAD;
    out->reload = answer;
}

/* One of these for each call; `out` points at the structs that it has made in the scratch arena. */
static void encode_answer(const struct response *response, struct arena *scratch,
                          Harrier__V1__Response *out) {
    switch (response->call) {
    case CALL_SCORE:
        encode_score_answer(response, scratch, out);
        return;
    case CALL_REPORT_OUTCOME:
        encode_outcome_answer(response, scratch, out);
        return;
    case CALL_BACKFILL:
        encode_backfill_answer(response, scratch, out);
        return;
    case CALL_AMEND:
        encode_amend_answer(response, scratch, out);
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
    case CALL_CHANGE_BRAKE:
        out->answer_case = HARRIER__V1__RESPONSE__ANSWER_CHANGE_BRAKE;
        out->change_brake = scratch_calloc(scratch, 1, sizeof *out->change_brake);
        harrier__v1__change_brake_response__init(out->change_brake);
        out->change_brake->changed = response->brake_change.changed;
        out->change_brake->position = response->brake_change.position;
        out->change_brake->definition = response->brake_change.definition;
        return;
    case CALL_EXPLAIN:
        out->answer_case = HARRIER__V1__RESPONSE__ANSWER_EXPLAIN;
        out->explain = explanation_to_protobuf(response->explain, scratch);
        return;
    case CALL_FIND:
        out->answer_case = HARRIER__V1__RESPONSE__ANSWER_FIND;
        out->find = find_response_to_protobuf(&response->find, scratch);
        return;
    case CALL_NONE:
    case CALL_COUNT:
        break;
    }
    check(!"a response has an error or the answer to a call");
}

/* An answer that is too large is replaced by an error that says so: what was scored is archived
 * already, and asking again with the same ids returns it. */
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
            .message =
                TEXT_LITERAL("the answer exceeds 8 MiB; ask for fewer at a time, or without "
                             "features: what was scored is kept, and the same ids return it")};
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
