/* The answer to Explain as an explanation. A kind or origin that a later version added becomes the
 * most general one; an unknown verdict, label, mode or fate is an error, because guessing would be
 * wrong.
 *
 * Functions record the first error in struct decoding and continue, so that the calls need no
 * checks between them; after an error nothing more is allocated. */
#include "explanation_decode.h"

#include "message_parts.h"

#include <inttypes.h>

/* The arena, and the first error. */
struct decoding {
    struct arena *arena;
    struct error *ret_error;
    int result;
};

/* An array in the arena; NULL: it is full, or an error has been recorded before. An empty array is
 * not NULL. */
static void *room(struct decoding *decoding, size_t count, size_t size) {
    void *memory =
        decoding->result == 0 ? arena_calloc(decoding->arena, count ? count : 1, size) : NULL;
    if (!memory && decoding->result == 0)
        decoding->result = protobuf_exhausted("a response", decoding->arena, decoding->ret_error);
    return memory;
}

/* Records that a member of an enum is unknown, unless there is an error already: the first one is
 * reported. */
static void unknown(struct decoding *decoding, const char *what) {
    if (decoding->result == 0)
        decoding->result =
            error_set(decoding->ret_error, ERROR_UNSUPPORTED,
                      "the explanation has a %s that this version does not know", what);
}

/* VERDICT_COUNT after an error; the explanation is not returned then. */
static enum verdict decode_verdict(struct decoding *decoding, int number) {
    enum verdict verdict = verdict_from_protobuf(number);
    if (verdict == VERDICT_COUNT)
        unknown(decoding, "verdict");
    return verdict;
}

static const struct text *decode_texts(struct decoding *decoding, const ProtobufCBinaryData *in,
                                       size_t count) {
    const struct text *out =
        decoding->result == 0 ? texts_from_protobuf(in, count, decoding->arena) : NULL;
    if (!out && decoding->result == 0)
        decoding->result = protobuf_exhausted("a response", decoding->arena, decoding->ret_error);
    return out;
}

static const struct named_value *decode_values(struct decoding *decoding,
                                               Harrier__V1__NamedValue *const *in, size_t count) {
    const struct named_value *out = NULL;
    if (decoding->result == 0)
        decoding->result =
            values_from_protobuf(in, count, decoding->arena, &out, decoding->ret_error);
    return out;
}

static void decode_decision(struct decoding *decoding, const Harrier__V1__Decision *in,
                            struct decision *ret_decision) {
    if (decoding->result == 0 && in)
        decoding->result =
            decision_from_protobuf(in, decoding->arena, ret_decision, decoding->ret_error);
}

/* ---- parts and rules ---- */

static void decode_part(struct decoding *decoding, const Harrier__V1__ExplainedPart *in,
                        struct explained_part *out) {
    *out = (struct explained_part){
        .text = text_from_bytes(in->text),
        .depth = in->depth,
        .kind = (unsigned)in->kind < EXPLAINED_KIND_COUNT ? (enum explained_kind)in->kind
                                                          : EXPLAINED_OTHER,
        .type = text_from_bytes(in->type),
        .error = text_from_bytes(in->error),
        .reached = in->reached != 0,
        .decides = in->decides != 0,
        .list = text_from_bytes(in->list),
        .was_added = in->added != 0,
        .origin =
            (unsigned)in->origin < ORIGIN_COUNT ? (enum explained_origin)in->origin : ORIGIN_NONE,
    };
    const struct named_value *value = in->value ? decode_values(decoding, &in->value, 1) : NULL;
    if (value)
        out->value = value->value;
}

static const struct explained_part *
decode_parts(struct decoding *decoding, Harrier__V1__ExplainedPart *const *in, size_t count) {
    struct explained_part *out = room(decoding, count, sizeof *out);
    for (size_t i = 0; i < count && out; i++)
        decode_part(decoding, in[i], &out[i]);
    return out;
}

static void decode_rule(struct decoding *decoding, const Harrier__V1__ExplainedRule *in,
                        struct explained_rule *out) {
    if ((unsigned)in->mode >= MODE_COUNT || (unsigned)in->fate >= FATE_COUNT)
        unknown(decoding, "rule's mode or fate");
    *out = (struct explained_rule){
        .name = text_from_bytes(in->name),
        .about = text_from_bytes(in->about),
        .file = text_from_bytes(in->file),
        .line = in->line,
        .mode = (enum explained_mode)in->mode,
        .fate = (enum explained_fate)in->fate,
        .verdict = decode_verdict(decoding, (int)in->verdict),
        .verdict_on_error = decode_verdict(decoding, (int)in->verdict_on_error),
        .score = in->score,
        .group = text_from_bytes(in->group),
        .reason = text_from_bytes(in->reason),
        .capped = in->capped,
        .verdict_if_live = decode_verdict(decoding, (int)in->verdict_if_live),
        .from_us = in->from_us,
        .until_us = in->until_us,
        .rollout = in->rollout,
        .rollout_key = text_from_bytes(in->rollout_key),
        .braked = in->braked != 0,
        .parts = decode_parts(decoding, in->parts, in->n_parts),
        .part_count = in->n_parts,
    };
}

static void decode_rules(struct decoding *decoding, const Harrier__V1__ExplainedPolicy *in,
                         struct explained_policy *out) {
    struct explained_rule *rules = room(decoding, in->n_rules, sizeof *rules);
    struct explained_computed *computed = room(decoding, in->n_computed, sizeof *computed);
    for (size_t i = 0; i < in->n_rules && rules; i++)
        decode_rule(decoding, in->rules[i], &rules[i]);
    for (size_t i = 0; i < in->n_computed && computed; i++)
        computed[i] = (struct explained_computed){
            .name = text_from_bytes(in->computed[i]->name),
            .parts = decode_parts(decoding, in->computed[i]->parts, in->computed[i]->n_parts),
            .part_count = in->computed[i]->n_parts};
    out->rules = rules;
    out->rule_count = in->n_rules;
    out->computed = computed;
    out->computed_count = in->n_computed;
}

static void decode_model(struct decoding *decoding, const Harrier__V1__ExplainedModel *in,
                         struct explained_model *out) {
    double *contributions = room(decoding, in->n_inputs, sizeof *contributions);
    for (size_t i = 0; contributions && i < in->n_inputs && i < in->n_contributions; i++)
        contributions[i] = in->contributions[i];
    *out = (struct explained_model){.name = text_from_bytes(in->name),
                                    .inputs = decode_values(decoding, in->inputs, in->n_inputs),
                                    .contributions = contributions,
                                    .input_count = in->n_inputs,
                                    .bias = in->bias,
                                    .margin = in->margin};
}

static void decode_models(struct decoding *decoding, const Harrier__V1__ExplainedPolicy *in,
                          struct explained_policy *out) {
    struct explained_model *models = room(decoding, in->n_models, sizeof *models);
    for (size_t i = 0; i < in->n_models && models; i++)
        decode_model(decoding, in->models[i], &models[i]);
    out->models = models;
    out->model_count = in->n_models;
}

/* ---- what follows from the rules ---- */

static void decode_groups(struct decoding *decoding, const Harrier__V1__ExplainedPolicy *in,
                          struct explained_policy *out) {
    struct explained_group *groups = room(decoding, in->n_groups, sizeof *groups);
    for (size_t i = 0; i < in->n_groups && groups; i++)
        groups[i] = (struct explained_group){.name = text_from_bytes(in->groups[i]->name),
                                             .about = text_from_bytes(in->groups[i]->about),
                                             .takes_greatest = in->groups[i]->greatest != 0,
                                             .is_limited = in->groups[i]->limited != 0,
                                             .at_most = in->groups[i]->at_most,
                                             .asked = in->groups[i]->asked,
                                             .counted = in->groups[i]->counted};
    out->groups = groups;
    out->group_count = in->n_groups;
}

static void decode_cutoffs(struct decoding *decoding, const Harrier__V1__ExplainedPolicy *in,
                           struct explained_policy *out) {
    struct explained_cutoff *cutoffs = room(decoding, in->n_cutoffs, sizeof *cutoffs);
    for (size_t i = 0; i < in->n_cutoffs && cutoffs; i++)
        cutoffs[i] = (struct explained_cutoff){
            .verdict = decode_verdict(decoding, (int)in->cutoffs[i]->verdict),
            .score = in->cutoffs[i]->score,
            .is_computed = in->cutoffs[i]->computed != 0};
    out->cutoffs = cutoffs;
    out->cutoff_count = in->n_cutoffs;
}

static enum arm decode_arm(struct decoding *decoding, int number) {
    enum arm arm = arm_from_protobuf(number);
    if (arm == ARM_COUNT)
        unknown(decoding, "arm");
    return arm;
}

static void decode_shadows(struct decoding *decoding, const Harrier__V1__ExplainedPolicy *in,
                           struct explained_policy *out) {
    struct explained_shadow *shadows = room(decoding, in->n_shadows, sizeof *shadows);
    for (size_t i = 0; i < in->n_shadows && shadows; i++)
        shadows[i] = (struct explained_shadow){
            .name = text_from_bytes(in->shadows[i]->name),
            .snapshot_id = in->shadows[i]->snapshot_id,
            .verdict = decode_verdict(decoding, (int)in->shadows[i]->verdict),
            .score = in->shadows[i]->score,
            .rules = decode_texts(decoding, in->shadows[i]->rules, in->shadows[i]->n_rules),
            .rule_count = in->shadows[i]->n_rules,
            .rule_errors = in->shadows[i]->rule_errors,
            .degraded = in->shadows[i]->degraded != 0,
            .arm = decode_arm(decoding, (int)in->shadows[i]->arm)};
    out->shadows = shadows;
    out->shadow_count = in->n_shadows;
}

/* Every part is decoded even after an error: the conversions do nothing then. */
static void decode_policy(struct decoding *decoding, const Harrier__V1__ExplainedPolicy *in,
                          struct explained_policy *out) {
    out->name = text_from_bytes(in->name);
    out->snapshot_id = in->snapshot_id;
    out->refusal = text_from_bytes(in->refusal);
    out->refused_field = text_from_bytes(in->refused_field);
    decode_decision(decoding, in->decision, &out->decision);
    out->fields = decode_values(decoding, in->fields, in->n_fields);
    out->field_count = in->n_fields;
    decode_rules(decoding, in, out);
    decode_models(decoding, in, out);
    decode_groups(decoding, in, out);
    decode_cutoffs(decoding, in, out);
    decode_shadows(decoding, in, out);
    out->warming = decode_texts(decoding, in->warming_features, in->n_warming_features);
    out->warming_count = in->n_warming_features;
}

/* ---- the whole ---- */

static void decode_entities(struct decoding *decoding, const Harrier__V1__ExplainResponse *in,
                            struct explanation *out) {
    struct explained_entity *entities = room(decoding, in->n_entities, sizeof *entities);
    for (size_t i = 0; i < in->n_entities && entities; i++)
        entities[i] = (struct explained_entity){.name = text_from_bytes(in->entities[i]->name),
                                                .key = text_from_bytes(in->entities[i]->key),
                                                .entries = in->entities[i]->entries,
                                                .newest_time_us = in->entities[i]->newest_time_us,
                                                .applied = in->entities[i]->applied,
                                                .is_in_tables = in->entities[i]->in_tables != 0};
    out->entities = entities;
    out->entity_count = in->n_entities;
}

static void decode_outcomes(struct decoding *decoding, const Harrier__V1__ExplainResponse *in,
                            struct explanation *out) {
    struct explained_outcome *outcomes = room(decoding, in->n_outcomes, sizeof *outcomes);
    for (size_t i = 0; i < in->n_outcomes && outcomes; i++) {
        const Harrier__V1__ExplainedOutcome *outcome = in->outcomes[i];
        outcomes[i] =
            (struct explained_outcome){.position = outcome->position,
                                       .receive_time_us = outcome->receive_time_us,
                                       .known_time_us = outcome->known_time_us,
                                       .previous = label_from_protobuf((int)outcome->previous),
                                       .label = label_from_protobuf((int)outcome->label),
                                       .source = text_from_bytes(outcome->source)};
        if (outcomes[i].previous == LABEL_COUNT || outcomes[i].label == LABEL_COUNT)
            unknown(decoding, "label");
    }
    out->outcomes = outcomes;
    out->outcome_count = in->n_outcomes;
}

static void decode_amendments(struct decoding *decoding, const Harrier__V1__ExplainResponse *in,
                              struct explanation *out) {
    struct explained_amendment *amendments = room(decoding, in->n_amendments, sizeof *amendments);
    for (size_t i = 0; i < in->n_amendments && amendments; i++) {
        const Harrier__V1__ExplainedAmendment *amendment = in->amendments[i];
        amendments[i] =
            (struct explained_amendment){.position = amendment->position,
                                         .receive_time_us = amendment->receive_time_us,
                                         .known_time_us = amendment->known_time_us,
                                         .previous = amended_from_protobuf(amendment->previous),
                                         .now = amended_from_protobuf(amendment->now),
                                         .source = text_from_bytes(amendment->source)};
    }
    out->amendments = amendments;
    out->amendment_count = in->n_amendments;
}

static void decode_transaction(struct decoding *decoding, const Harrier__V1__Transaction *in,
                               struct transaction *out) {
    if (decoding->result == 0 && in && transaction_from_protobuf(in, decoding->arena, out) < 0)
        decoding->result = protobuf_exhausted("a response", decoding->arena, decoding->ret_error);
}

int explanation_from_protobuf(const Harrier__V1__ExplainResponse *in, struct arena *arena,
                              const struct explanation **ret_explanation, struct error *ret_error) {
    struct decoding decoding = {.arena = arena, .ret_error = ret_error};
    struct explanation *out = room(&decoding, 1, sizeof *out);
    if (!out)
        return decoding.result;
    if (!in->transaction || !in->archived || !in->then)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "the explanation lacks its transaction, its decision or its policy");
    *out = (struct explanation){
        .position = in->position,
        .receive_time_us = in->receive_time_us,
        .is_equal = in->equal != 0,
        .experiment = text_from_bytes(in->experiment),
        .difference = text_from_bytes(in->difference),
        .policy_position = in->policy_position,
        .generation_id = in->generation_id,
        .generation_position = in->generation_position,
        .adopted_position = in->adopted_position,
        .base_position = in->base_position,
        .records_read = in->records_read,
        .records_applied = in->records_applied,
        .notes = decode_texts(&decoding, in->notes, in->n_notes),
        .note_count = in->n_notes,
    };
    decode_transaction(&decoding, in->transaction, &out->transaction);
    decode_decision(&decoding, in->archived, &out->archived);
    decode_entities(&decoding, in, out);
    decode_outcomes(&decoding, in, out);
    decode_amendments(&decoding, in, out);
    decode_policy(&decoding, in->then, &out->then);
    if (decoding.result == 0)
        *ret_explanation = out;
    return decoding.result;
}
