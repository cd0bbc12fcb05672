/* Between the structs of harrier.h and those of core/wire. */
#include "clients/c/client.h"

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

/* ---------------------------------------------------------------------------------------------
 * What comes back: everything is copied, so that a reply is one piece of memory of its own */

struct reply_memory {
    struct harrier_reply reply; /* first: the caller's pointer is ours */
    struct arena arena;
    bool full;
};

static void *reply_array(struct reply_memory *memory, size_t count, size_t size) {
    void *array = arena_calloc(&memory->arena, count ? count : 1, size);
    memory->full |= array == NULL;
    return array;
}

static const char *string(struct reply_memory *memory, struct text text) {
    if (text.length == 0)
        return "";
    struct text copy = arena_text(&memory->arena, text);
    memory->full |= copy.data == NULL;
    return copy.data ? copy.data : "";
}

static struct harrier_feature feature(struct reply_memory *memory, const struct named_value *in) {
    struct harrier_feature out = {.name = string(memory, in->name)};
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
        out.value.text = string(memory, in->value.text);
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
        out.type = HARRIER_VALUE_ABSENT;
        break;
    }
    return out;
}

static const struct harrier_feature *features(struct reply_memory *memory,
                                              const struct named_value *in, size_t count) {
    struct harrier_feature *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++)
        out[i] = feature(memory, &in[i]);
    return out;
}

static const struct harrier_reason *reasons(struct reply_memory *memory,
                                            const struct decision *decision) {
    struct harrier_reason *out = reply_array(memory, decision->reason_count, sizeof *out);
    for (size_t i = 0; out && i < decision->reason_count; i++) {
        const struct reason *in = &decision->reasons[i];
        out[i] = (struct harrier_reason){.rule = string(memory, in->rule),
                                         .text = string(memory, in->text),
                                         .score = in->score,
                                         .verdict = (enum harrier_verdict)in->verdict,
                                         .shadow = in->shadow};
    }
    return out;
}

static struct harrier_decision decision(struct reply_memory *memory, const struct decision *in) {
    return (struct harrier_decision){
        .transaction_id = string(memory, in->transaction_id),
        .verdict = (enum harrier_verdict)in->verdict,
        .score = in->score,
        .reasons = reasons(memory, in),
        .reason_count = in->reason_count,
        .snapshot_id = in->snapshot_id,
        .generation_id = in->generation_id,
        .position = in->position,
        .degraded = in->degraded,
        .degraded_reason = string(memory, in->degraded_reason),
        .duplicate = in->duplicate,
        .dry_run = in->dry_run,
        .server_us = in->server_us,
        .rule_errors = in->rule_errors,
        .features = features(memory, in->features, in->feature_count),
        .feature_count = in->feature_count,
    };
}

static void fill_results(struct reply_memory *memory, const struct response *response) {
    size_t count = response->score.count;
    struct harrier_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct score_result *in = &response->score.results[i];
        out[i] = (struct harrier_result){.error_code = public_code(in->error.code),
                                         .error_field = string(memory, in->error.field),
                                         .error_message = string(memory, in->error.message),
                                         .decision = decision(memory, &in->decision)};
    }
    memory->reply.results = out;
    memory->reply.result_count = count;
}

static void fill_outcomes(struct reply_memory *memory, const struct response *response) {
    size_t count = response->outcome.count;
    struct harrier_outcome_result *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct outcome_result *in = &response->outcome.results[i];
        out[i] =
            (struct harrier_outcome_result){.error_code = public_code(in->error.code),
                                            .error_field = string(memory, in->error.field),
                                            .error_message = string(memory, in->error.message),
                                            .transaction_id = string(memory, in->transaction_id),
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
            .features = features(memory, in->features, in->feature_count),
            .feature_count = in->feature_count,
            .newest_time_us = in->newest_time_us,
            .at_time_us = in->at_time_us,
            .entries = in->entries,
            .state_bytes = in->state_bytes,
            .state_hash = in->state_hash,
        };
    memory->reply.entity = out;
}

static void fill_status(struct reply_memory *memory, const struct status_response *in) {
    struct harrier_status *out = reply_array(memory, 1, sizeof *out);
    memory->reply.status = out;
    if (!out)
        return;
    *out = (struct harrier_status){
        .version = string(memory, in->version),
        .state = string(memory, in->state),
        .state_reason = string(memory, in->state_reason),
        .started_time_us = in->started_time_us,
        .policy_name = string(memory, in->policy_name),
        .snapshot_id = in->snapshot_id,
        .reload_error = string(memory, in->reload_error),
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
        .swap_state = string(memory, in->swap_state),
        .swap_reason = string(memory, in->swap_reason),
        .compared_entities = in->compared_entities,
        .differing_entities = in->differing_entities,
    };
    memcpy(out->labels, in->labels, sizeof out->labels);
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
    if (!memory->full)
        return &memory->reply;
    harrier_reply_free(&memory->reply);
    return NULL;
}

void harrier_reply_free(struct harrier_reply *reply) {
    if (!reply)
        return;
    struct reply_memory *memory = (struct reply_memory *)reply;
    arena_deinit(&memory->arena);
    free(memory);
}
