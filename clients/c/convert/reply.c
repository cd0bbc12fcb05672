/* One fill_ function for each call's response; reply_new() chooses. Pointers in the public struct
 * are const, so each array is filled through a local pointer. */
#include "clients/c/convert/reply.h"
#include "clients/c/base/fail.h"
#include "clients/c/convert/explanation.h"

#include <string.h>

/* One result of several failed. Only an internal error leaves open whether it was decided. */
static enum harrier_decided decided(enum error_code code) {
    return public_code(code) == HARRIER_ERROR_INTERNAL ? HARRIER_DECIDED_UNKNOWN
                                                       : HARRIER_DECIDED_NO;
}

static void fill_results(struct reply_memory *memory, const struct response *response) {
    size_t count = response->score.count;
    struct harrier_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct score_result *in = &response->score.results[i];
        out[i] = (struct harrier_result){.error_code = public_code(in->error.code),
                                         .error_decided = decided(in->error.code),
                                         .error_field = reply_string(memory, in->error.field),
                                         .error_message = reply_string(memory, in->error.message),
                                         .decision = reply_decision(memory, &in->decision)};
    }
    memory->reply.results = out;
    memory->reply.result_count = count;
}

static void fill_outcomes(struct reply_memory *memory, const struct response *response) {
    size_t count = response->outcome.count;
    struct harrier_outcome_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct outcome_result *in = &response->outcome.results[i];
        out[i] = (struct harrier_outcome_result){
            .error_code = public_code(in->error.code),
            .error_decided = decided(in->error.code),
            .error_field = reply_string(memory, in->error.field),
            .error_message = reply_string(memory, in->error.message),
            .transaction_id = reply_string(memory, in->transaction_id),
            .position = in->position,
            .changed = in->changed,
            .previous = (enum harrier_label)in->previous};
    }
    memory->reply.outcomes = out;
    memory->reply.outcome_count = count;
}

static void fill_amendments(struct reply_memory *memory, const struct response *response) {
    size_t count = response->amend.count;
    struct harrier_amendment_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct amendment_result *in = &response->amend.results[i];
        out[i] = (struct harrier_amendment_result){
            .error_code = public_code(in->error.code),
            .error_decided = decided(in->error.code),
            .error_field = reply_string(memory, in->error.field),
            .error_message = reply_string(memory, in->error.message),
            .transaction_id = reply_string(memory, in->transaction_id),
            .position = in->position,
            .changed = in->changed,
            .previous = reply_amended(&in->previous),
            .now = reply_amended(&in->now)};
    }
    memory->reply.amendments = out;
    memory->reply.amendment_count = count;
}

static void fill_backfilled(struct reply_memory *memory, const struct response *response) {
    size_t count = response->backfill.count;
    struct harrier_backfill_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct backfill_result *in = &response->backfill.results[i];
        out[i] = (struct harrier_backfill_result){
            .error_code = public_code(in->error.code),
            .error_decided = decided(in->error.code),
            .error_field = reply_string(memory, in->error.field),
            .error_message = reply_string(memory, in->error.message),
            .transaction_id = reply_string(memory, in->transaction_id),
            .position = in->position,
            .duplicate = in->duplicate,
            .verdict = (enum harrier_verdict)in->verdict,
            .score = in->score,
            .outcome_recorded = in->outcome_recorded,
            .amendment_recorded = in->amendment_recorded};
    }
    memory->reply.backfilled = out;
    memory->reply.backfilled_count = count;
}

static struct harrier_found found(struct reply_memory *memory, const struct found_transaction *in) {
    return (struct harrier_found){
        .transaction = reply_transaction(memory, &in->transaction),
        .decision = reply_decision(memory, &in->decision),
        .receive_time_us = in->receive_time_us,
        .label = (enum harrier_label)in->label,
        .outcome_receive_time_us = in->outcome_us,
        .outcome_known_time_us = in->outcome_known_us,
        .is_amended = in->is_amended,
        .amended = reply_amended(&in->amended),
        .amended_time_us = in->amended_us,
        .is_backfilled = in->is_backfilled,
    };
}

static void fill_findings(struct reply_memory *memory, const struct find_response *in) {
    struct harrier_findings *out = reply_array(memory, 1, sizeof *out);
    struct harrier_found *array = reply_array(memory, in->found_count, sizeof *array);
    if (!out || !array)
        return;
    for (size_t i = 0; i < in->found_count; i++)
        array[i] = found(memory, &in->found[i]);
    *out = (struct harrier_findings){
        .found = array,
        .found_count = in->found_count,
        .cursor = reply_string(memory, in->cursor),
        .incomplete = in->is_incomplete,
    };
    memory->reply.findings = out;
}

static void fill_entity(struct reply_memory *memory, const struct entity_response *in) {
    struct harrier_entity *out = reply_array(memory, 1, sizeof *out);
    if (out)
        *out = (struct harrier_entity){
            .features = reply_features(memory, in->features, in->feature_count),
            .feature_count = in->feature_count,
            .newest_time_us = in->newest_time_us,
            .at_time_us = in->at_time_us,
            .entries = in->entries,
            .state_bytes = in->state_bytes,
            .state_hash = in->state_hash,
        };
    memory->reply.entity = out;
}

static void fill_list_changes(struct reply_memory *memory, const struct response *response) {
    size_t count = response->list_change.count;
    struct harrier_list_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct list_change_result *in = &response->list_change.results[i];
        out[i] = (struct harrier_list_result){
            .error_code = public_code(in->error.code),
            .error_decided = decided(in->error.code),
            .error_field = reply_string(memory, in->error.field),
            .error_message = reply_string(memory, in->error.message),
            .list = reply_string(memory, in->list),
            .value = reply_string(memory, in->value),
            .position = in->position,
            .changed = in->changed,
            .was_there = in->was_there,
            .previous_expiry_time_us = in->previous_expiry_time_us,
            .in_policy = in->in_policy,
        };
    }
    memory->reply.list_changes = out;
    memory->reply.list_change_count = count;
}

static struct harrier_list list(struct reply_memory *memory, const struct list_summary *in) {
    return (struct harrier_list){
        .name = reply_string(memory, in->list),
        .type = reply_string(memory, in->type),
        .about = reply_string(memory, in->about),
        .declared = in->declared,
        .runtime = in->runtime,
        .file = reply_string(memory, in->file),
        .policy_entries = in->policy_entries,
        .added_entries = in->added_entries,
        .used_entries = in->used_entries,
        .changes = in->changes,
        .last_change_time_us = in->last_change_time_us,
    };
}

static struct harrier_list_entry list_entry(struct reply_memory *memory,
                                            const struct list_addition *in) {
    return (struct harrier_list_entry){.value = reply_string(memory, in->value),
                                       .expiry_time_us = in->expiry_time_us,
                                       .position = in->position,
                                       .receive_time_us = in->receive_time_us,
                                       .source = reply_string(memory, in->source),
                                       .reason = reply_string(memory, in->reason)};
}

/* Three arrays at once: checking `full` once after them covers all three. */
static void fill_lists(struct reply_memory *memory, const struct list_response *in) {
    struct harrier_lists *out = reply_array(memory, 1, sizeof *out);
    struct harrier_list *lists = reply_array(memory, in->list_count, sizeof *lists);
    struct harrier_list_entry *entries = reply_array(memory, in->entry_count, sizeof *entries);
    memory->reply.lists = out;
    if (memory->full)
        return;
    for (size_t i = 0; i < in->list_count; i++)
        lists[i] = list(memory, &in->lists[i]);
    for (size_t i = 0; i < in->entry_count; i++)
        entries[i] = list_entry(memory, &in->entries[i]);
    *out = (struct harrier_lists){.lists = lists,
                                  .list_count = in->list_count,
                                  .entries = entries,
                                  .entry_count = in->entry_count,
                                  .next_position = in->next_position};
}

static struct harrier_warming warming(struct reply_memory *memory, const struct warming *in) {
    return (struct harrier_warming){
        .features = reply_strings(memory, in->features, in->named_features),
        .rules = reply_strings(memory, in->rules, in->named_rules),
        .named_features = in->named_features,
        .named_rules = in->named_rules,
        .feature_count = in->feature_count,
        .rule_count = in->rule_count,
    };
}

const char *harrier_reload_result_name(enum harrier_reload_result result) {
    return reload_result_name((enum reload_result)result);
}

static struct harrier_folder_reload folder_reload(struct reply_memory *memory,
                                                  const struct folder_reload *in) {
    return (struct harrier_folder_reload){
        .folder = reply_string(memory, in->folder),
        .result = (enum harrier_reload_result)in->result,
        .policy_name = reply_string(memory, in->policy_name),
        .snapshot_id = in->snapshot_id,
        .error = reply_string(memory, in->error),
        .messages = reply_string(memory, in->messages),
    };
}

static void fill_reload(struct reply_memory *memory, const struct reload_response *in) {
    struct harrier_reload *out = reply_array(memory, 1, sizeof *out);
    struct harrier_folder_reload *shadows = reply_array(memory, in->shadow_count, sizeof *shadows);
    memory->reply.reload = out;
    if (memory->full)
        return;
    for (size_t i = 0; i < in->shadow_count; i++)
        shadows[i] = folder_reload(memory, &in->shadows[i]);
    *out = (struct harrier_reload){.policy = folder_reload(memory, &in->policy),
                                   .warming = warming(memory, &in->warming),
                                   .shadows = shadows,
                                   .shadow_count = in->shadow_count};
}

static void fill_brake_change(struct reply_memory *memory, const struct response *response) {
    struct harrier_brake_result *out = reply_array(memory, 1, sizeof *out);
    if (out)
        *out = (struct harrier_brake_result){.changed = response->brake_change.changed,
                                             .position = response->brake_change.position,
                                             .definition = response->brake_change.definition};
    memory->reply.brake_change = out;
}

/* NULL: memory is full. */
static const struct harrier_brake *brakes(struct reply_memory *memory,
                                          const struct status_response *in) {
    struct harrier_brake *out = reply_array(memory, in->described_brakes, sizeof *out);
    for (size_t i = 0; out && i < in->described_brakes; i++)
        out[i] = (struct harrier_brake){.rule = reply_string(memory, in->brakes[i].rule),
                                        .definition = in->brakes[i].definition,
                                        .applies = in->brakes[i].applies,
                                        .pulled_time_us = in->brakes[i].pulled_time_us,
                                        .position = in->brakes[i].position,
                                        .source = reply_string(memory, in->brakes[i].source),
                                        .reason = reply_string(memory, in->brakes[i].reason)};
    return out;
}

static const struct harrier_source_range *missing(struct reply_memory *memory,
                                                  const struct status_source *in) {
    struct harrier_source_range *out = reply_array(memory, in->missing_count, sizeof *out);
    for (size_t i = 0; out && i < in->missing_count; i++)
        out[i] = (struct harrier_source_range){.first = in->missing[i].first,
                                               .last = in->missing[i].last};
    return out;
}

static const struct harrier_source *sources(struct reply_memory *memory,
                                            const struct status_response *in) {
    struct harrier_source *out = reply_array(memory, in->source_count, sizeof *out);
    for (size_t i = 0; out && i < in->source_count; i++) {
        const struct status_source *source = &in->sources[i];
        out[i] = (struct harrier_source){.source = reply_string(memory, source->source),
                                         .transactions = source->transactions,
                                         .last_receive_time_us = source->last_receive_us,
                                         .first = source->first,
                                         .highest = source->highest,
                                         .gaps = source->gaps,
                                         .missed = source->missed,
                                         .late = source->late,
                                         .repeats = source->repeats,
                                         .restarts = source->restarts,
                                         .missing = missing(memory, source),
                                         .missing_count = source->missing_count};
    }
    return out;
}

static struct harrier_experiment experiment(struct reply_memory *memory,
                                            const struct status_experiment *in) {
    return (struct harrier_experiment){.name = reply_string(memory, in->name),
                                       .key = reply_string(memory, in->key),
                                       .share = in->share,
                                       .policy_name = reply_string(memory, in->policy_name),
                                       .snapshot_id = in->snapshot_id,
                                       .position = in->position,
                                       .since_time_us = in->since_us,
                                       .champion_decisions = in->decisions[ARM_CHAMPION],
                                       .challenger_decisions = in->decisions[ARM_CHALLENGER]};
}

static void fill_status(struct reply_memory *memory, const struct status_response *in) {
    struct harrier_status *out = reply_array(memory, 1, sizeof *out);
    memory->reply.status = out;
    if (!out)
        return;
    *out = (struct harrier_status){
        .version = reply_string(memory, in->version),
        .state = reply_string(memory, in->state),
        .state_reason = reply_string(memory, in->state_reason),
        .started_time_us = in->started_time_us,
        .policy_name = reply_string(memory, in->policy_name),
        .snapshot_id = in->snapshot_id,
        .reload_error = reply_string(memory, in->reload_error),
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
        .stale = in->stale,
        .overlay_memory_bytes = in->overlay_memory_bytes,
        .swap_state = reply_string(memory, in->swap_state),
        .swap_reason = reply_string(memory, in->swap_reason),
        .compared_entities = in->compared_entities,
        .differing_entities = in->differing_entities,
        .refused_since_time_us = in->refused_since_time_us,
        .warming = warming(memory, &in->warming),
        .node = reply_string(memory, in->node),
        .primary = reply_string(memory, in->primary),
        .committed_position = in->committed_position,
        .brakes = brakes(memory, in),
        .described_brakes = in->described_brakes,
        .brake_count = in->brake_count,
        .sources = sources(memory, in),
        .source_count = in->source_count,
        .other_source_transactions = in->other_source_transactions,
        .experiment = experiment(memory, &in->experiment),
        .challenger_error = reply_string(memory, in->challenger_error),
        .backup_time_us = in->backup_time_us,
        .backup_position = in->backup_position,
        .ids_since_time_us = in->ids_since_us,
    };
    memcpy(out->labels, in->labels, sizeof out->labels);
}

struct harrier_reply *reply_new_empty(size_t result_count) {
    struct reply_memory *memory = reply_memory_new();
    memory->reply.results = reply_array(memory, result_count, sizeof(struct harrier_result));
    memory->reply.result_count = result_count;
    if (!memory->full)
        return &memory->reply;
    harrier_reply_free(&memory->reply);
    return NULL;
}

struct harrier_reply *reply_new(const struct response *response) {
    struct reply_memory *memory = reply_memory_new();
    if (response->call == CALL_SCORE)
        fill_results(memory, response);
    else if (response->call == CALL_REPORT_OUTCOME)
        fill_outcomes(memory, response);
    else if (response->call == CALL_AMEND)
        fill_amendments(memory, response);
    else if (response->call == CALL_BACKFILL)
        fill_backfilled(memory, response);
    else if (response->call == CALL_GET_ENTITY)
        fill_entity(memory, &response->entity);
    else if (response->call == CALL_STATUS)
        fill_status(memory, &response->status);
    else if (response->call == CALL_CHANGE_LIST)
        fill_list_changes(memory, response);
    else if (response->call == CALL_GET_LIST)
        fill_lists(memory, &response->list);
    else if (response->call == CALL_CHANGE_BRAKE)
        fill_brake_change(memory, response);
    else if (response->call == CALL_RELOAD)
        fill_reload(memory, &response->reload);
    else if (response->call == CALL_EXPLAIN)
        reply_fill_explanation(memory, response->explain);
    else if (response->call == CALL_FIND)
        fill_findings(memory, &response->find);
    if (!memory->full)
        return &memory->reply;
    harrier_reply_free(&memory->reply);
    return NULL;
}
