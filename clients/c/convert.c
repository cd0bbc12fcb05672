/* Between the structs of harrier.h and those of core/wire. */
#include "client.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------
 * What is sent: points at the caller's strings, lives until the request is encoded */

/* Counts are checked before; so much always fits. */
static void *array(struct arena *arena, size_t count, size_t size) {
    void *memory = arena_calloc(arena, count ? count : 1, size);
    check(memory);
    return memory;
}

static struct attribute *attributes_from_public(const struct harrier_transaction *in,
                                                struct arena *arena) {
    struct attribute *out = array(arena, in->attribute_count, sizeof *out);
    for (size_t i = 0; i < in->attribute_count; i++) {
        const struct harrier_attribute *attribute = &in->attributes[i];
        out[i].name = text_of(attribute->name);
        switch (attribute->type) {
        case HARRIER_ATTRIBUTE_TEXT:
            out[i].type = ATTRIBUTE_TEXT;
            out[i].text = text_of(attribute->value.text);
            break;
        case HARRIER_ATTRIBUTE_INTEGER:
            out[i].type = ATTRIBUTE_INTEGER;
            out[i].integer = attribute->value.integer;
            break;
        case HARRIER_ATTRIBUTE_NUMBER:
            out[i].type = ATTRIBUTE_NUMBER;
            out[i].number = attribute->value.number;
            break;
        case HARRIER_ATTRIBUTE_FLAG:
            out[i].type = ATTRIBUTE_FLAG;
            out[i].flag = attribute->value.flag;
            break;
        default: /* left zero by the caller: the server will say that it has no value */
            break;
        }
    }
    return out;
}

static struct transaction transaction_from_public(const struct harrier_transaction *in,
                                                  struct arena *arena) {
    struct transaction out = {
        .id = text_of(in->id),
        .event_time_us = in->event_time_us,
        .amount_minor = in->amount_minor,
        .currency = text_of(in->currency),
        .fields =
            {
                [FIELD_CARD] = text_of(in->card),
                [FIELD_CUSTOMER] = text_of(in->customer),
                [FIELD_ACCOUNT] = text_of(in->account),
                [FIELD_MERCHANT] = text_of(in->merchant),
                [FIELD_TERMINAL] = text_of(in->terminal),
                [FIELD_DEVICE] = text_of(in->device),
                [FIELD_IP] = text_of(in->ip),
                [FIELD_COUNTRY] = text_of(in->country),
                [FIELD_MCC] = text_of(in->mcc),
                [FIELD_CHANNEL] = text_of(in->channel),
                [FIELD_EMAIL] = text_of(in->email),
                [FIELD_PHONE] = text_of(in->phone),
            },
        .has_location = in->has_location,
        .latitude_e7 = in->latitude_e7,
        .longitude_e7 = in->longitude_e7,
        .attributes = attributes_from_public(in, arena),
        .attribute_count = in->attribute_count,
    };
    return out;
}

int transactions_from_public(const struct harrier_transaction *in, size_t count,
                             struct arena *arena, const struct transaction **ret_transactions,
                             struct harrier_error *ret_error) {
    *ret_transactions = NULL;
    if (count > TRANSACTION_BATCH_MAX) /* message_encode_request() says so */
        return 0;
    struct transaction *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (in[i].attribute_count > TRANSACTION_ATTRIBUTES_MAX)
            return fail(ret_error, HARRIER_ERROR_INVALID, "attributes",
                        "transactions[%zu] has %zu attributes; expected at most %d", i,
                        in[i].attribute_count, TRANSACTION_ATTRIBUTES_MAX);
        out[i] = transaction_from_public(&in[i], arena);
    }
    *ret_transactions = out;
    return 0;
}

const struct outcome *outcomes_from_public(const struct harrier_outcome *in, size_t count,
                                           struct arena *arena) {
    if (count > TRANSACTION_BATCH_MAX) /* message_encode_request() says so */
        return NULL;
    struct outcome *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct outcome){.transaction_id = text_of(in[i].transaction_id),
                                  .label = (enum label)in[i].label,
                                  .known_time_us = in[i].known_time_us,
                                  .source = text_of(in[i].source)};
    return out;
}

const struct list_change *list_changes_from_public(const struct harrier_list_change *in,
                                                   size_t count, struct arena *arena) {
    if (count > LIST_CHANGES_MAX) /* message_encode_request() says so */
        return NULL;
    struct list_change *out = array(arena, count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct list_change){.list = text_of(in[i].list),
                                      .value = text_of(in[i].value),
                                      .remove = in[i].remove,
                                      .expiry_time_us = in[i].expiry_time_us,
                                      .source = text_of(in[i].source),
                                      .reason = text_of(in[i].reason)};
    return out;
}

static bool is_hex(const char *at, size_t count, bool *ret_zero) {
    *ret_zero = true;
    for (size_t i = 0; i < count; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
        *ret_zero &= at[i] == '0';
    }
    return true;
}

/* 00-{32 hex digits}-{16}-{2}, neither of the first two all zeros */
struct text traceparent_from_public(const char *traceparent) {
    bool no_trace, no_span, no_flags;
    if (traceparent && strlen(traceparent) == MESSAGE_TRACEPARENT_MAX &&
        memcmp(traceparent, "00-", 3) == 0 && traceparent[35] == '-' && traceparent[52] == '-' &&
        is_hex(traceparent + 3, 32, &no_trace) && is_hex(traceparent + 36, 16, &no_span) &&
        is_hex(traceparent + 53, 2, &no_flags) && !no_trace && !no_span)
        return text_of(traceparent);
    return (struct text){0};
}

/* ---------------------------------------------------------------------------------------------
 * What comes back: everything is copied, so that a reply is one piece of memory of its own */

void *reply_array(struct reply_memory *memory, size_t count, size_t size) {
    void *array = arena_calloc(&memory->arena, count ? count : 1, size);
    memory->full |= array == NULL;
    return array;
}

const char *reply_string(struct reply_memory *memory, struct text text) {
    if (text.length == 0)
        return "";
    struct text copy = arena_text(&memory->arena, text);
    memory->full |= copy.data == NULL;
    return copy.data ? copy.data : "";
}

struct harrier_feature reply_feature(struct reply_memory *memory, const struct named_value *in) {
    struct harrier_feature out = {.name = reply_string(memory, in->name)};
    switch (in->value.type) {
    case VALUE_BOOL:
        out.type = HARRIER_VALUE_FLAG;
        out.value.flag = in->value.boolean;
        break;
    case VALUE_INT:
        out.type = HARRIER_VALUE_INTEGER;
        out.value.integer = in->value.integer;
        break;
    case VALUE_DOUBLE:
        out.type = HARRIER_VALUE_NUMBER;
        out.value.number = in->value.number;
        break;
    case VALUE_TEXT:
        out.type = HARRIER_VALUE_TEXT;
        out.value.text = reply_string(memory, in->value.text);
        break;
    case VALUE_TIMESTAMP:
        out.type = HARRIER_VALUE_TIMESTAMP;
        out.value.integer = in->value.integer;
        break;
    case VALUE_DURATION:
        out.type = HARRIER_VALUE_DURATION;
        out.value.integer = in->value.integer;
        break;
    case VALUE_ABSENT:
    case VALUE_ERROR:
    case VALUE_LIST: /* no name of a policy stands for one */
    case VALUE_MAP:
        out.type = HARRIER_VALUE_ABSENT;
        break;
    }
    return out;
}

const struct harrier_feature *reply_features(struct reply_memory *memory,
                                             const struct named_value *in, size_t count) {
    struct harrier_feature *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++)
        out[i] = reply_feature(memory, &in[i]);
    return out;
}

const char *const *reply_strings(struct reply_memory *memory, const struct text *texts,
                                 size_t count) {
    const char **out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++)
        out[i] = reply_string(memory, texts[i]);
    return out;
}

static const struct harrier_reason *reasons(struct reply_memory *memory,
                                            const struct decision *decision) {
    struct harrier_reason *out = reply_array(memory, decision->reason_count, sizeof *out);
    for (size_t i = 0; out && i < decision->reason_count; i++) {
        const struct reason *in = &decision->reasons[i];
        out[i] =
            (struct harrier_reason){.rule = reply_string(memory, in->rule),
                                    .text = reply_string(memory, in->text),
                                    .score = in->score,
                                    .verdict = (enum harrier_verdict)in->verdict,
                                    .shadow = in->shadow,
                                    .suppressed = in->suppressed,
                                    .tags = reply_strings(memory, in->tags, in->tag_count),
                                    .tag_count = in->tag_count,
                                    .group = reply_string(memory, in->group),
                                    .capped = in->capped,
                                    .verdict_if_live = (enum harrier_verdict)in->verdict_if_live};
    }
    return out;
}

struct harrier_decision reply_decision(struct reply_memory *memory, const struct decision *in) {
    return (struct harrier_decision){
        .transaction_id = reply_string(memory, in->transaction_id),
        .verdict = (enum harrier_verdict)in->verdict,
        .score = in->score,
        .reasons = reasons(memory, in),
        .reason_count = in->reason_count,
        .snapshot_id = in->snapshot_id,
        .generation_id = in->generation_id,
        .position = in->position,
        .degraded = in->degraded,
        .degraded_reason = reply_string(memory, in->degraded_reason),
        .duplicate = in->duplicate,
        .dry_run = in->dry_run,
        .server_us = in->server_us,
        .rule_errors = in->rule_errors,
        .features = reply_features(memory, in->features, in->feature_count),
        .feature_count = in->feature_count,
        .fallback_reason = "",
    };
}

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

static const char *const *names(struct reply_memory *memory, const struct text *in, size_t count) {
    const char **out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++)
        out[i] = reply_string(memory, in[i]);
    return out;
}

static struct harrier_warming warming(struct reply_memory *memory, const struct warming *in) {
    return (struct harrier_warming){
        .features = names(memory, in->features, in->named_features),
        .rules = names(memory, in->rules, in->named_rules),
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
    };
    memcpy(out->labels, in->labels, sizeof out->labels);
}

struct harrier_reply *reply_new_empty(size_t result_count) {
    struct reply_memory *memory = check_calloc(1, sizeof *memory);
    arena_init(&memory->arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    memory->reply.results = reply_array(memory, result_count, sizeof(struct harrier_result));
    memory->reply.result_count = result_count;
    if (!memory->full)
        return &memory->reply;
    harrier_reply_free(&memory->reply);
    return NULL;
}

struct harrier_reply *reply_new(const struct response *response) {
    struct reply_memory *memory = check_calloc(1, sizeof *memory);
    arena_init(&memory->arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    if (response->call == CALL_SCORE)
        fill_results(memory, response);
    else if (response->call == CALL_REPORT_OUTCOME)
        fill_outcomes(memory, response);
    else if (response->call == CALL_GET_ENTITY)
        fill_entity(memory, &response->entity);
    else if (response->call == CALL_STATUS)
        fill_status(memory, &response->status);
    else if (response->call == CALL_CHANGE_LIST)
        fill_list_changes(memory, response);
    else if (response->call == CALL_GET_LIST)
        fill_lists(memory, &response->list);
    else if (response->call == CALL_RELOAD)
        fill_reload(memory, &response->reload);
    else if (response->call == CALL_EXPLAIN)
        reply_fill_explanation(memory, response->explain);
    if (!memory->full)
        return &memory->reply;
    harrier_reply_free(&memory->reply);
    return NULL;
}

struct harrier_reply *reply_share(struct harrier_reply *whole, size_t result) {
    struct reply_memory *memory = check_calloc(1, sizeof *memory);
    memory->whole = reply_memory_of(whole);
    atomic_fetch_add(&memory->whole->holders, 1);
    memory->reply.results = whole->results + result;
    memory->reply.result_count = 1;
    return &memory->reply;
}

static void let_go(struct reply_memory *memory) {
    if (atomic_fetch_sub(&memory->holders, 1) > 0)
        return;
    arena_deinit(&memory->arena);
    free(memory);
}

void harrier_reply_free(struct harrier_reply *reply) {
    if (!reply)
        return;
    struct reply_memory *memory = reply_memory_of(reply);
    if (!memory->whole) {
        let_go(memory);
        return;
    }
    let_go(memory->whole);
    free(memory);
}
