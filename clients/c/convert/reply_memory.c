/* `holders` counts the shares and not the owner, so the release that finds 0 is the last one. */
#include "clients/c/convert/reply_memory.h"

#include "core/base/check.h"

#include <stdlib.h>

struct reply_memory *reply_memory_new(void) {
    struct reply_memory *memory = check_calloc(1, sizeof *memory);
    arena_init(&memory->arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    return memory;
}

struct harrier_reply *reply_share(struct harrier_reply *whole, size_t result) {
    struct reply_memory *memory = check_calloc(1, sizeof *memory);
    memory->whole = reply_memory_of(whole);
    atomic_fetch_add(&memory->whole->holders, 1);
    memory->reply.results = whole->results + result;
    memory->reply.result_count = 1;
    return &memory->reply;
}

/* The last holder frees the arena. */
static void release(struct reply_memory *memory) {
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
        release(memory);
        return;
    }
    release(memory->whole);
    free(memory);
}

/* ---------------------------------------------------------------------------------------------
 * Copies of what the wire's structs hold */

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
    case VALUE_LIST: /* a feature never has one of these */
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

/* A decision of a server: `fallback` stays false. fallback.c sets it on its own decisions. */
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
        .failed_rules = reply_strings(memory, in->failed_rules, in->failed_rule_count),
        .failed_rule_count = in->failed_rule_count,
        .arm = arm_name(in->arm),
    };
}

struct harrier_amended reply_amended(const struct amended *in) {
    return (struct harrier_amended){.voided = in->is_voided,
                                    .amount_minor = in->amount_minor,
                                    .refunded_minor = in->refunded_minor};
}
