/* One static function for each struct of an explanation, from its parts up to the whole. They only
 * copy: what the members mean is said in harrier.h and in core/wire/types/explanation.h. The enums
 * of the two headers have the same numbers. */
#include "clients/c/convert/explanation.h"

const char *harrier_rule_fate_name(enum harrier_rule_fate fate) {
    return explained_fate_name((enum explained_fate)fate);
}

static const struct harrier_attribute *attributes(struct reply_memory *memory,
                                                  const struct transaction *in) {
    struct harrier_attribute *out = reply_array(memory, in->attribute_count, sizeof *out);
    for (size_t i = 0; out && i < in->attribute_count; i++) {
        const struct attribute *attribute = &in->attributes[i];
        const char *name = reply_string(memory, attribute->name);
        if (attribute->type == ATTRIBUTE_TEXT)
            out[i] = harrier_text(name, reply_string(memory, attribute->text));
        else if (attribute->type == ATTRIBUTE_INTEGER)
            out[i] = harrier_integer(name, attribute->integer);
        else if (attribute->type == ATTRIBUTE_NUMBER)
            out[i] = harrier_number(name, attribute->number);
        else
            out[i] = harrier_flag(name, attribute->type == ATTRIBUTE_FLAG && attribute->flag);
    }
    return out;
}

_Static_assert(FIELD_COUNT == 12, "reply_transaction() names all text fields");

struct harrier_transaction reply_transaction(struct reply_memory *memory,
                                             const struct transaction *in) {
    const char *fields[FIELD_COUNT];
    for (size_t i = 0; i < FIELD_COUNT; i++)
        fields[i] = reply_string(memory, in->fields[i]);
    return (struct harrier_transaction){
        .id = reply_string(memory, in->id),
        .event_time_us = in->event_time_us,
        .amount_minor = in->amount_minor,
        .currency = reply_string(memory, in->currency),
        .card = fields[FIELD_CARD],
        .customer = fields[FIELD_CUSTOMER],
        .account = fields[FIELD_ACCOUNT],
        .merchant = fields[FIELD_MERCHANT],
        .terminal = fields[FIELD_TERMINAL],
        .device = fields[FIELD_DEVICE],
        .ip = fields[FIELD_IP],
        .country = fields[FIELD_COUNTRY],
        .mcc = fields[FIELD_MCC],
        .channel = fields[FIELD_CHANNEL],
        .email = fields[FIELD_EMAIL],
        .phone = fields[FIELD_PHONE],
        .has_location = in->has_location,
        .latitude_e7 = in->latitude_e7,
        .longitude_e7 = in->longitude_e7,
        .attributes = attributes(memory, in),
        .attribute_count = in->attribute_count,
        .source = reply_string(memory, in->source),
        .sequence = in->sequence,
    };
}

/* A part's value goes through reply_feature() with an empty name, because the public struct reuses
 * struct harrier_feature for values of any type. */
static const struct harrier_explained_part *parts(struct reply_memory *memory,
                                                  const struct explained_part *in, size_t count) {
    struct harrier_explained_part *out = reply_array(memory, count, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        const struct named_value value = {.value = in[i].value};
        out[i] = (struct harrier_explained_part){
            .text = reply_string(memory, in[i].text),
            .depth = in[i].depth,
            .kind = (enum harrier_explained_kind)in[i].kind,
            .type = reply_string(memory, in[i].type),
            .value = reply_feature(memory, &value),
            .error = reply_string(memory, in[i].error),
            .reached = in[i].reached,
            .decides = in[i].decides,
            .list = reply_string(memory, in[i].list),
            .added = in[i].was_added,
            .origin = (enum harrier_threshold_origin)in[i].origin,
        };
    }
    return out;
}

static struct harrier_explained_rule rule(struct reply_memory *memory,
                                          const struct explained_rule *in) {
    return (struct harrier_explained_rule){
        .name = reply_string(memory, in->name),
        .about = reply_string(memory, in->about),
        .file = reply_string(memory, in->file),
        .line = in->line,
        .mode = (enum harrier_rule_mode)in->mode,
        .fate = (enum harrier_rule_fate)in->fate,
        .verdict = (enum harrier_verdict)in->verdict,
        .verdict_on_error = (enum harrier_verdict)in->verdict_on_error,
        .score = in->score,
        .group = reply_string(memory, in->group),
        .reason = reply_string(memory, in->reason),
        .capped = in->capped,
        .verdict_if_live = (enum harrier_verdict)in->verdict_if_live,
        .from_us = in->from_us,
        .until_us = in->until_us,
        .rollout = in->rollout,
        .rollout_key = reply_string(memory, in->rollout_key),
        .braked = in->braked,
        .parts = parts(memory, in->parts, in->part_count),
        .part_count = in->part_count,
    };
}

static const struct harrier_explained_rule *rules(struct reply_memory *memory,
                                                  const struct explained_policy *in) {
    struct harrier_explained_rule *out = reply_array(memory, in->rule_count, sizeof *out);
    for (size_t i = 0; out && i < in->rule_count; i++)
        out[i] = rule(memory, &in->rules[i]);
    return out;
}

static const struct harrier_explained_computed *computed(struct reply_memory *memory,
                                                         const struct explained_policy *in) {
    struct harrier_explained_computed *out = reply_array(memory, in->computed_count, sizeof *out);
    for (size_t i = 0; out && i < in->computed_count; i++)
        out[i] = (struct harrier_explained_computed){
            .name = reply_string(memory, in->computed[i].name),
            .parts = parts(memory, in->computed[i].parts, in->computed[i].part_count),
            .part_count = in->computed[i].part_count};
    return out;
}

static const struct harrier_explained_model *models(struct reply_memory *memory,
                                                    const struct explained_policy *in) {
    struct harrier_explained_model *out = reply_array(memory, in->model_count, sizeof *out);
    for (size_t i = 0; out && i < in->model_count; i++) {
        const struct explained_model *model = &in->models[i];
        double *contributions = reply_array(memory, model->input_count, sizeof *contributions);
        for (size_t k = 0; contributions && k < model->input_count; k++)
            contributions[k] = model->contributions[k];
        out[i] = (struct harrier_explained_model){
            .name = reply_string(memory, model->name),
            .inputs = reply_features(memory, model->inputs, model->input_count),
            .contributions = contributions,
            .input_count = model->input_count,
            .bias = model->bias,
            .margin = model->margin};
    }
    return out;
}

static const struct harrier_explained_group *groups(struct reply_memory *memory,
                                                    const struct explained_policy *in) {
    struct harrier_explained_group *out = reply_array(memory, in->group_count, sizeof *out);
    for (size_t i = 0; out && i < in->group_count; i++)
        out[i] =
            (struct harrier_explained_group){.name = reply_string(memory, in->groups[i].name),
                                             .about = reply_string(memory, in->groups[i].about),
                                             .greatest = in->groups[i].takes_greatest,
                                             .limited = in->groups[i].is_limited,
                                             .at_most = in->groups[i].at_most,
                                             .asked = in->groups[i].asked,
                                             .counted = in->groups[i].counted};
    return out;
}

static const struct harrier_explained_cutoff *cutoffs(struct reply_memory *memory,
                                                      const struct explained_policy *in) {
    struct harrier_explained_cutoff *out = reply_array(memory, in->cutoff_count, sizeof *out);
    for (size_t i = 0; out && i < in->cutoff_count; i++)
        out[i] = (struct harrier_explained_cutoff){.verdict =
                                                       (enum harrier_verdict)in->cutoffs[i].verdict,
                                                   .score = in->cutoffs[i].score,
                                                   .computed = in->cutoffs[i].is_computed};
    return out;
}

static const struct harrier_explained_shadow *shadows(struct reply_memory *memory,
                                                      const struct explained_policy *in) {
    struct harrier_explained_shadow *out = reply_array(memory, in->shadow_count, sizeof *out);
    for (size_t i = 0; out && i < in->shadow_count; i++) {
        const struct explained_shadow *shadow = &in->shadows[i];
        out[i] = (struct harrier_explained_shadow){
            .name = reply_string(memory, shadow->name),
            .snapshot_id = shadow->snapshot_id,
            .verdict = (enum harrier_verdict)shadow->verdict,
            .score = shadow->score,
            .rules = reply_strings(memory, shadow->rules, shadow->rule_count),
            .rule_count = shadow->rule_count,
            .rule_errors = shadow->rule_errors,
            .degraded = shadow->degraded,
            .arm = arm_name(shadow->arm)};
    }
    return out;
}

static struct harrier_explained_policy policy(struct reply_memory *memory,
                                              const struct explained_policy *in) {
    return (struct harrier_explained_policy){
        .name = reply_string(memory, in->name),
        .snapshot_id = in->snapshot_id,
        .refusal = reply_string(memory, in->refusal),
        .refused_field = reply_string(memory, in->refused_field),
        .decision = reply_decision(memory, &in->decision),
        .fields = reply_features(memory, in->fields, in->field_count),
        .field_count = in->field_count,
        .computed = computed(memory, in),
        .computed_count = in->computed_count,
        .rules = rules(memory, in),
        .rule_count = in->rule_count,
        .groups = groups(memory, in),
        .group_count = in->group_count,
        .cutoffs = cutoffs(memory, in),
        .cutoff_count = in->cutoff_count,
        .shadows = shadows(memory, in),
        .shadow_count = in->shadow_count,
        .warming = reply_strings(memory, in->warming, in->warming_count),
        .warming_count = in->warming_count,
        .models = models(memory, in),
        .model_count = in->model_count,
    };
}

static const struct harrier_explained_entity *entities(struct reply_memory *memory,
                                                       const struct explanation *in) {
    struct harrier_explained_entity *out = reply_array(memory, in->entity_count, sizeof *out);
    for (size_t i = 0; out && i < in->entity_count; i++)
        out[i] =
            (struct harrier_explained_entity){.name = reply_string(memory, in->entities[i].name),
                                              .key = reply_string(memory, in->entities[i].key),
                                              .entries = in->entities[i].entries,
                                              .newest_time_us = in->entities[i].newest_time_us,
                                              .applied = in->entities[i].applied,
                                              .in_tables = in->entities[i].is_in_tables};
    return out;
}

static const struct harrier_explained_outcome *outcomes(struct reply_memory *memory,
                                                        const struct explanation *in) {
    struct harrier_explained_outcome *out = reply_array(memory, in->outcome_count, sizeof *out);
    for (size_t i = 0; out && i < in->outcome_count; i++)
        out[i] = (struct harrier_explained_outcome){
            .position = in->outcomes[i].position,
            .receive_time_us = in->outcomes[i].receive_time_us,
            .known_time_us = in->outcomes[i].known_time_us,
            .previous = (enum harrier_label)in->outcomes[i].previous,
            .label = (enum harrier_label)in->outcomes[i].label,
            .source = reply_string(memory, in->outcomes[i].source)};
    return out;
}

static const struct harrier_explained_amendment *amendments(struct reply_memory *memory,
                                                            const struct explanation *in) {
    struct harrier_explained_amendment *out = reply_array(memory, in->amendment_count, sizeof *out);
    for (size_t i = 0; out && i < in->amendment_count; i++)
        out[i] = (struct harrier_explained_amendment){
            .position = in->amendments[i].position,
            .receive_time_us = in->amendments[i].receive_time_us,
            .known_time_us = in->amendments[i].known_time_us,
            .previous = reply_amended(&in->amendments[i].previous),
            .now = reply_amended(&in->amendments[i].now),
            .source = reply_string(memory, in->amendments[i].source)};
    return out;
}

/* Only `harrier explain` compares with today's policy; a server's answer has none. */
static const struct harrier_explained_policy *now(struct reply_memory *memory,
                                                  const struct explanation *in) {
    struct harrier_explained_policy *out = in->has_now ? reply_array(memory, 1, sizeof *out) : NULL;
    if (out)
        *out = policy(memory, &in->now);
    return out;
}

void reply_fill_explanation(struct reply_memory *memory, const struct explanation *in) {
    struct harrier_explanation *out = reply_array(memory, 1, sizeof *out);
    memory->reply.explanation = out;
    if (!out)
        return;
    *out = (struct harrier_explanation){
        .transaction = reply_transaction(memory, &in->transaction),
        .position = in->position,
        .receive_time_us = in->receive_time_us,
        .archived = reply_decision(memory, &in->archived),
        .equal = in->is_equal,
        .experiment = reply_string(memory, in->experiment),
        .difference = reply_string(memory, in->difference),
        .policy_position = in->policy_position,
        .generation_id = in->generation_id,
        .generation_position = in->generation_position,
        .adopted_position = in->adopted_position,
        .base_position = in->base_position,
        .records_read = in->records_read,
        .records_applied = in->records_applied,
        .entities = entities(memory, in),
        .entity_count = in->entity_count,
        .outcomes = outcomes(memory, in),
        .outcome_count = in->outcome_count,
        .notes = reply_strings(memory, in->notes, in->note_count),
        .note_count = in->note_count,
        .then = policy(memory, &in->then),
        .now = now(memory, in),
        .amendments = amendments(memory, in),
        .amendment_count = in->amendment_count,
    };
}
