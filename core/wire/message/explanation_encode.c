/* An explanation as the messages of harrier.proto, one function for each. Limits of texts are those
 * that harrier.proto states; longer ones are cut. */
#include "explanation_encode.h"

#include "core/wire/types/field_text.h"
#include "message_parts.h"

#define NOTE_MAX  1000
#define WORDS_MAX 16384 /* bytes of a difference, and of a list as the value of a part */

/* A part of an expression. Values of parts are unnamed; a long text is cut, as it may come from a
 * transaction's attribute or a printed list. */
static void encode_part(const struct explained_part *in, struct arena *scratch,
                        Harrier__V1__ExplainedPart *out) {
    out->text = bytes_from_text(in->text);
    out->depth = in->depth;
    out->kind = (Harrier__V1__ExplainedKind)in->kind;
    out->type = bytes_from_text(in->type);
    if (in->value.type != VALUE_ABSENT) {
        struct named_value value = {.value = in->value};
        if (value.value.type == VALUE_TEXT)
            value.value.text = field_cut(value.value.text, WORDS_MAX);
        out->value = values_to_protobuf(&value, 1, scratch)[0];
    }
    out->error = bytes_from_text(in->error);
    out->reached = in->reached;
    out->decides = in->decides;
    out->list = bytes_from_text(in->list);
    out->added = in->was_added;
    out->origin = (Harrier__V1__ThresholdOrigin)in->origin;
}

static Harrier__V1__ExplainedPart **encode_parts(const struct explained_part *in, size_t count,
                                                 struct arena *scratch) {
    Harrier__V1__ExplainedPart *out, **pointers;
    NEW_MESSAGES(scratch, count, out, pointers, harrier__v1__explained_part__init);
    for (size_t i = 0; i < count; i++)
        encode_part(&in[i], scratch, &out[i]);
    return pointers;
}

/* A rule with its fate. Names and groups have limits in the policy's loader; descriptions and file
 * names are cut here. */
static void encode_rule(const struct explained_rule *in, struct arena *scratch,
                        Harrier__V1__ExplainedRule *out) {
    out->name = bytes_from_text(in->name);
    out->about = bytes_from_text(field_cut(in->about, REASON_TEXT_MAX));
    out->file = bytes_from_text(field_cut(in->file, TRANSACTION_ATTRIBUTE_MAX));
    out->line = in->line;
    out->mode = (Harrier__V1__RuleMode)in->mode;
    out->fate = (Harrier__V1__RuleFate)in->fate;
    out->verdict = (Harrier__V1__Verdict)in->verdict;
    out->verdict_on_error = (Harrier__V1__Verdict)in->verdict_on_error;
    out->score = in->score;
    out->group = bytes_from_text(in->group);
    out->reason = bytes_from_text(in->reason);
    out->capped = in->capped;
    out->verdict_if_live = (Harrier__V1__Verdict)in->verdict_if_live;
    out->from_us = in->from_us;
    out->until_us = in->until_us;
    out->rollout = in->rollout;
    out->rollout_key = bytes_from_text(in->rollout_key);
    out->braked = in->braked;
    out->n_parts = in->part_count;
    out->parts = encode_parts(in->parts, in->part_count, scratch);
}

/* What the decision is made of: rules and computed values with their parts, groups, cut-offs,
 * shadow policies. */
static void encode_rules(const struct explained_policy *in, struct arena *scratch,
                         Harrier__V1__ExplainedPolicy *policy) {
    Harrier__V1__ExplainedRule *out;
    Harrier__V1__ExplainedComputed *computed;
    policy->n_rules = in->rule_count;
    NEW_MESSAGES(scratch, in->rule_count, out, policy->rules, harrier__v1__explained_rule__init);
    for (size_t i = 0; i < in->rule_count; i++)
        encode_rule(&in->rules[i], scratch, &out[i]);
    policy->n_computed = in->computed_count;
    NEW_MESSAGES(scratch, in->computed_count, computed, policy->computed,
                 harrier__v1__explained_computed__init);
    for (size_t i = 0; i < in->computed_count; i++) {
        computed[i].name = bytes_from_text(in->computed[i].name);
        computed[i].n_parts = in->computed[i].part_count;
        computed[i].parts =
            encode_parts(in->computed[i].parts, in->computed[i].part_count, scratch);
    }
}

static void encode_models(const struct explained_policy *in, struct arena *scratch,
                          Harrier__V1__ExplainedPolicy *policy) {
    Harrier__V1__ExplainedModel *out;
    policy->n_models = in->model_count;
    NEW_MESSAGES(scratch, in->model_count, out, policy->models, harrier__v1__explained_model__init);
    for (size_t i = 0; i < in->model_count; i++) {
        const struct explained_model *model = &in->models[i];
        out[i].name = bytes_from_text(model->name);
        out[i].n_inputs = out[i].n_contributions = model->input_count;
        out[i].inputs = values_to_protobuf(model->inputs, model->input_count, scratch);
        out[i].contributions = (double *)(uintptr_t)model->contributions;
        out[i].bias = model->bias;
        out[i].margin = model->margin;
    }
}

static void encode_groups(const struct explained_policy *in, struct arena *scratch,
                          Harrier__V1__ExplainedPolicy *policy) {
    Harrier__V1__ExplainedGroup *out;
    policy->n_groups = in->group_count;
    NEW_MESSAGES(scratch, in->group_count, out, policy->groups, harrier__v1__explained_group__init);
    for (size_t i = 0; i < in->group_count; i++) {
        const struct explained_group *group = &in->groups[i];
        out[i].name = bytes_from_text(group->name);
        out[i].about = bytes_from_text(field_cut(group->about, NOTE_MAX));
        out[i].greatest = group->takes_greatest;
        out[i].limited = group->is_limited;
        out[i].at_most = group->at_most;
        out[i].asked = group->asked;
        out[i].counted = group->counted;
    }
}

static void encode_cutoffs(const struct explained_policy *in, struct arena *scratch,
                           Harrier__V1__ExplainedPolicy *policy) {
    Harrier__V1__ExplainedCutoff *out;
    policy->n_cutoffs = in->cutoff_count;
    NEW_MESSAGES(scratch, in->cutoff_count, out, policy->cutoffs,
                 harrier__v1__explained_cutoff__init);
    for (size_t i = 0; i < in->cutoff_count; i++) {
        out[i].verdict = (Harrier__V1__Verdict)in->cutoffs[i].verdict;
        out[i].score = in->cutoffs[i].score;
        out[i].computed = in->cutoffs[i].is_computed;
    }
}

static void encode_shadows(const struct explained_policy *in, struct arena *scratch,
                           Harrier__V1__ExplainedPolicy *policy) {
    Harrier__V1__ExplainedShadow *out;
    policy->n_shadows = in->shadow_count;
    NEW_MESSAGES(scratch, in->shadow_count, out, policy->shadows,
                 harrier__v1__explained_shadow__init);
    for (size_t i = 0; i < in->shadow_count; i++) {
        const struct explained_shadow *shadow = &in->shadows[i];
        out[i].name = bytes_from_text(shadow->name);
        out[i].snapshot_id = shadow->snapshot_id;
        out[i].verdict = (Harrier__V1__Verdict)shadow->verdict;
        out[i].score = shadow->score;
        out[i].n_rules = shadow->rule_count;
        out[i].rules = texts_to_protobuf(shadow->rules, shadow->rule_count, scratch);
        out[i].rule_errors = shadow->rule_errors;
        out[i].degraded = shadow->degraded;
        out[i].arm = (Harrier__V1__Arm)shadow->arm;
    }
}

/* A policy that refuses the transaction has a reason and nothing else. */
static Harrier__V1__ExplainedPolicy *encode_policy(const struct explained_policy *in,
                                                   struct arena *scratch) {
    Harrier__V1__ExplainedPolicy *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__explained_policy__init(out);
    out->name = bytes_from_text(in->name);
    out->snapshot_id = in->snapshot_id;
    out->refusal = bytes_from_text(field_cut(in->refusal, NOTE_MAX));
    out->refused_field = bytes_from_text(in->refused_field);
    if (in->refusal.length)
        return out;
    out->decision = decision_to_protobuf(&in->decision, scratch);
    out->n_fields = in->field_count;
    out->fields = values_to_protobuf(in->fields, in->field_count, scratch);
    encode_rules(in, scratch, out);
    encode_models(in, scratch, out);
    encode_groups(in, scratch, out);
    encode_cutoffs(in, scratch, out);
    encode_shadows(in, scratch, out);
    out->n_warming_features = in->warming_count;
    out->warming_features = texts_to_protobuf(in->warming, in->warming_count, scratch);
    return out;
}

/* The history that the decision was made on, and the outcomes that came later. */
static void encode_entities(const struct explanation *in, struct arena *scratch,
                            Harrier__V1__ExplainResponse *answer) {
    Harrier__V1__ExplainedEntity *out;
    answer->n_entities = in->entity_count;
    NEW_MESSAGES(scratch, in->entity_count, out, answer->entities,
                 harrier__v1__explained_entity__init);
    for (size_t i = 0; i < in->entity_count; i++) {
        const struct explained_entity *entity = &in->entities[i];
        out[i].name = bytes_from_text(entity->name);
        out[i].key = bytes_from_text(entity->key);
        out[i].entries = entity->entries;
        out[i].newest_time_us = entity->newest_time_us;
        out[i].applied = entity->applied;
        out[i].in_tables = entity->is_in_tables;
    }
}

static void encode_outcomes(const struct explanation *in, struct arena *scratch,
                            Harrier__V1__ExplainResponse *answer) {
    Harrier__V1__ExplainedOutcome *out;
    answer->n_outcomes = in->outcome_count;
    NEW_MESSAGES(scratch, in->outcome_count, out, answer->outcomes,
                 harrier__v1__explained_outcome__init);
    for (size_t i = 0; i < in->outcome_count; i++) {
        const struct explained_outcome *outcome = &in->outcomes[i];
        out[i].position = outcome->position;
        out[i].receive_time_us = outcome->receive_time_us;
        out[i].known_time_us = outcome->known_time_us;
        out[i].previous = (Harrier__V1__Label)outcome->previous;
        out[i].label = (Harrier__V1__Label)outcome->label;
        out[i].source = bytes_from_text(outcome->source);
    }
}

static void encode_amendments(const struct explanation *in, struct arena *scratch,
                              Harrier__V1__ExplainResponse *answer) {
    Harrier__V1__ExplainedAmendment *out;
    answer->n_amendments = in->amendment_count;
    NEW_MESSAGES(scratch, in->amendment_count, out, answer->amendments,
                 harrier__v1__explained_amendment__init);
    for (size_t i = 0; i < in->amendment_count; i++) {
        const struct explained_amendment *amendment = &in->amendments[i];
        out[i].position = amendment->position;
        out[i].receive_time_us = amendment->receive_time_us;
        out[i].known_time_us = amendment->known_time_us;
        out[i].previous = amended_to_protobuf(&amendment->previous, scratch);
        out[i].now = amended_to_protobuf(&amendment->now, scratch);
        out[i].source = bytes_from_text(amendment->source);
    }
}

Harrier__V1__ExplainResponse *explanation_to_protobuf(const struct explanation *in,
                                                      struct arena *scratch) {
    Harrier__V1__ExplainResponse *out = scratch_calloc(scratch, 1, sizeof *out);
    harrier__v1__explain_response__init(out);
    out->transaction = transaction_to_protobuf(&in->transaction, scratch);
    out->position = in->position;
    out->receive_time_us = in->receive_time_us;
    out->archived = decision_to_protobuf(&in->archived, scratch);
    out->equal = in->is_equal;
    out->experiment = bytes_from_text(in->experiment);
    out->difference = bytes_from_text(field_cut(in->difference, WORDS_MAX));
    out->policy_position = in->policy_position;
    out->generation_id = in->generation_id;
    out->generation_position = in->generation_position;
    out->adopted_position = in->adopted_position;
    out->base_position = in->base_position;
    out->records_read = in->records_read;
    out->records_applied = in->records_applied;
    encode_entities(in, scratch, out);
    encode_outcomes(in, scratch, out);
    encode_amendments(in, scratch, out);
    struct text *notes = scratch_calloc(scratch, in->note_count, sizeof *notes);
    for (size_t i = 0; i < in->note_count; i++)
        notes[i] = field_cut(in->notes[i], NOTE_MAX);
    out->n_notes = in->note_count;
    out->notes = texts_to_protobuf(notes, in->note_count, scratch);
    out->then = encode_policy(&in->then, scratch);
    return out;
}
