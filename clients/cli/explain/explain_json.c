/* An explanation as one JSON object: docs/schema/explain.json is what this writes. Everything
 * that a server or the archive explained is in it, in the client library's structs; nothing is
 * left out for being irrelevant, which is the text's business. Empty texts and times of zero are
 * left out, because the wire does not distinguish them from missing ones. */
#include "explain_json.h"

#include "clients/cli/output/feature_value.h"
#include "core/base/json_writer.h"
#include "core/wire/types/explanation.h"
#include "core/wire/types/transaction.h"

/* The numbers are the same: both are harrier.proto's. */
static const char *kind_name(enum harrier_explained_kind kind) {
    return explained_kind_name((enum explained_kind)kind);
}
static const char *origin_name(enum harrier_threshold_origin origin) {
    return explained_origin_name((enum explained_origin)origin);
}
static const char *mode_name(enum harrier_rule_mode mode) {
    return explained_mode_name((enum explained_mode)mode);
}

/* Left out if it is empty. */
static void add_string(struct buffer *out, const char *key, const char *string) {
    if (string && *string)
        json_add_text(out, key, text_of(string));
}

/* Left out if there is none. */
static void add_verdict(struct buffer *out, const char *key, enum harrier_verdict verdict) {
    add_string(out, key, harrier_verdict_name(verdict));
}

/* Left out if it is zero. */
static void add_time(struct buffer *out, const char *key, int64_t us) {
    if (us != 0)
        json_add_time(out, key, us);
}

/* An object, in the order in which the values were given. */
static void add_values(struct buffer *out, const char *key, const struct harrier_feature *values,
                       size_t count) {
    json_begin_object(out, key);
    for (size_t i = 0; i < count; i++)
        json_add_value(out, text_of(values[i].name), feature_value(&values[i]));
    json_end_object(out);
}

/* ---- the transaction and its decision ---- */

/* Attributes have four types; there are no dates among them. */
static void add_attributes(struct buffer *out, const struct harrier_transaction *transaction) {
    json_begin_object(out, "attributes");
    for (size_t i = 0; i < transaction->attribute_count; i++) {
        const struct harrier_attribute *in = &transaction->attributes[i];
        struct value value = in->type == HARRIER_ATTRIBUTE_TEXT
                                 ? value_text(text_of(in->value.text))
                             : in->type == HARRIER_ATTRIBUTE_INTEGER ? value_int(in->value.integer)
                             : in->type == HARRIER_ATTRIBUTE_NUMBER ? value_double(in->value.number)
                                                                    : value_bool(in->value.flag);
        json_add_value(out, text_of(in->name), value);
    }
    json_end_object(out);
}

_Static_assert(FIELD_COUNT == 12, "add_transaction() names all text fields");

/* The names of the input files: see docs/CLI.md. */
static void add_transaction(struct buffer *out, const struct harrier_transaction *transaction) {
    json_begin_object(out, "transaction");
    json_add_text(out, "id", text_of(transaction->id));
    json_add_time(out, "event_time", transaction->event_time_us);
    if (*transaction->currency) {
        json_add_signed(out, "amount_minor", transaction->amount_minor);
        json_add_text(out, "currency", text_of(transaction->currency));
    }
    add_string(out, "card", transaction->card);
    add_string(out, "customer", transaction->customer);
    add_string(out, "account", transaction->account);
    add_string(out, "merchant", transaction->merchant);
    add_string(out, "terminal", transaction->terminal);
    add_string(out, "device", transaction->device);
    add_string(out, "ip", transaction->ip);
    add_string(out, "country", transaction->country);
    add_string(out, "mcc", transaction->mcc);
    add_string(out, "channel", transaction->channel);
    add_string(out, "email", transaction->email);
    add_string(out, "phone", transaction->phone);
    if (transaction->has_location) {
        json_add_value(out, TEXT_LITERAL("latitude"), value_double(transaction->latitude_e7 / 1e7));
        json_add_value(out, TEXT_LITERAL("longitude"),
                       value_double(transaction->longitude_e7 / 1e7));
    }
    add_string(out, "source", transaction->source);
    if (transaction->sequence > 0)
        json_add_unsigned(out, "sequence", transaction->sequence);
    if (transaction->attribute_count > 0)
        add_attributes(out, transaction);
    json_end_object(out);
}

/* All members, unlike in decisions: a reader of explanations compares them. */
static void add_reason(struct buffer *out, const struct harrier_reason *reason) {
    json_begin_object(out, NULL);
    json_add_text(out, "rule", text_of(reason->rule));
    json_add_text(out, "text", text_of(reason->text));
    json_add_signed(out, "score", reason->score);
    add_verdict(out, "verdict", reason->verdict);
    json_add_bool(out, "shadow", reason->shadow);
    json_add_bool(out, "suppressed", reason->suppressed);
    add_string(out, "group", reason->group);
    json_add_signed(out, "capped", reason->capped);
    add_verdict(out, "verdict_if_live", reason->verdict_if_live);
    json_add_strings(out, "tags", reason->tags, reason->tag_count);
    json_end_object(out);
}

/* Of the archive or derived, under `key`. */
static void add_decision(struct buffer *out, const char *key,
                         const struct harrier_decision *decision) {
    json_begin_object(out, key);
    add_verdict(out, "verdict", decision->verdict);
    json_add_unsigned(out, "score", decision->score);
    json_begin_array(out, "reasons");
    for (size_t i = 0; i < decision->reason_count; i++)
        add_reason(out, &decision->reasons[i]);
    json_end_array(out);
    json_add_hex(out, "snapshot_id", decision->snapshot_id);
    json_add_hex(out, "generation_id", decision->generation_id);
    if (*decision->arm)
        json_add_text(out, "arm", text_of(decision->arm));
    json_add_unsigned(out, "rule_errors", decision->rule_errors);
    if (decision->failed_rule_count > 0)
        json_add_strings(out, "failed_rules", decision->failed_rules, decision->failed_rule_count);
    if (decision->degraded)
        json_add_text(out, "degraded", text_of(decision->degraded_reason));
    json_end_object(out);
}

/* ---- a policy ---- */

/* One node of a condition's tree; the tree is given by "depth", in the order of the source. */
static void add_part(struct buffer *out, const struct harrier_explained_part *part) {
    json_begin_object(out, NULL);
    json_add_unsigned(out, "depth", part->depth);
    json_add_text(out, "text", text_of(part->text));
    json_add_text(out, "kind", text_of(kind_name(part->kind)));
    json_add_text(out, "type", text_of(part->type));
    json_add_value(out, TEXT_LITERAL("value"), feature_value(&part->value));
    add_string(out, "error", part->error);
    json_add_bool(out, "reached", part->reached);
    json_add_bool(out, "decides", part->decides);
    if (*part->list) {
        json_add_text(out, "list", text_of(part->list));
        json_add_bool(out, "added", part->added);
    }
    if (part->origin != HARRIER_ORIGIN_NONE)
        json_add_text(out, "origin", text_of(origin_name(part->origin)));
    json_end_object(out);
}

static void add_parts(struct buffer *out, const struct harrier_explained_part *parts,
                      size_t count) {
    json_begin_array(out, "parts");
    for (size_t i = 0; i < count; i++)
        add_part(out, &parts[i]);
    json_end_array(out);
}

/* Rules without effect as well: "fate" says what became of each. */
static void add_rule(struct buffer *out, const struct harrier_explained_rule *rule) {
    json_begin_object(out, NULL);
    json_add_text(out, "name", text_of(rule->name));
    add_string(out, "about", rule->about);
    json_add_text(out, "file", text_of(rule->file));
    json_add_unsigned(out, "line", rule->line);
    json_add_text(out, "mode", text_of(mode_name(rule->mode)));
    if (rule->braked)
        json_add_bool(out, "braked", true);
    json_add_text(out, "fate", text_of(harrier_rule_fate_name(rule->fate)));
    add_verdict(out, "verdict", rule->verdict);
    add_verdict(out, "verdict_on_error", rule->verdict_on_error);
    json_add_signed(out, "score", rule->score);
    add_string(out, "group", rule->group);
    json_add_signed(out, "capped", rule->capped);
    add_verdict(out, "verdict_if_live", rule->verdict_if_live);
    add_string(out, "reason", rule->reason);
    add_time(out, "from", rule->from_us);
    add_time(out, "until", rule->until_us);
    json_add_unsigned(out, "rollout", rule->rollout);
    add_string(out, "rollout_key", rule->rollout_key);
    add_parts(out, rule->parts, rule->part_count);
    json_end_object(out);
}

/* Values that the policy computes, with the parts they were computed from. */
static void add_computed(struct buffer *out, const struct harrier_explained_policy *policy) {
    json_begin_array(out, "computed");
    for (size_t i = 0; i < policy->computed_count; i++) {
        json_begin_object(out, NULL);
        json_add_text(out, "name", text_of(policy->computed[i].name));
        add_parts(out, policy->computed[i].parts, policy->computed[i].part_count);
        json_end_object(out);
    }
    json_end_array(out);
}

/* What inputs contributed to each output of each model. */
static void add_models(struct buffer *out, const struct harrier_explained_policy *policy) {
    json_begin_array(out, "models");
    for (size_t i = 0; i < policy->model_count; i++) {
        const struct harrier_explained_model *model = &policy->models[i];
        json_begin_object(out, NULL);
        json_add_text(out, "name", text_of(model->name));
        json_add_value(out, TEXT_LITERAL("bias"), value_double(model->bias));
        json_add_value(out, TEXT_LITERAL("margin"), value_double(model->margin));
        json_begin_array(out, "inputs");
        for (size_t k = 0; k < model->input_count; k++) {
            json_begin_object(out, NULL);
            json_add_text(out, "name", text_of(model->inputs[k].name));
            json_add_value(out, TEXT_LITERAL("value"), feature_value(&model->inputs[k]));
            json_add_value(out, TEXT_LITERAL("contribution"),
                           value_double(model->contributions[k]));
            json_end_object(out);
        }
        json_end_array(out);
        json_end_object(out);
    }
    json_end_array(out);
}

/* "asked" is the sum of its rules' scores, "counted" what the cap left of it. */
static void add_group(struct buffer *out, const struct harrier_explained_group *group) {
    json_begin_object(out, NULL);
    json_add_text(out, "name", text_of(group->name));
    add_string(out, "about", group->about);
    json_add_text(out, "score", text_of(group->greatest ? "max" : "sum"));
    if (group->limited)
        json_add_signed(out, "at_most", group->at_most);
    json_add_signed(out, "asked", group->asked);
    json_add_signed(out, "counted", group->counted);
    json_end_object(out);
}

/* What one shadow policy decided, or the policy of the other arm. */
static void add_shadow(struct buffer *out, const char *key,
                       const struct harrier_explained_shadow *shadow) {
    json_begin_object(out, key);
    if (*shadow->arm)
        json_add_text(out, "arm", text_of(shadow->arm));
    json_add_text(out, "name", text_of(shadow->name));
    json_add_hex(out, "snapshot_id", shadow->snapshot_id);
    add_verdict(out, "verdict", shadow->verdict);
    json_add_unsigned(out, "score", shadow->score);
    json_add_strings(out, "rules", shadow->rules, shadow->rule_count);
    json_add_unsigned(out, "rule_errors", shadow->rule_errors);
    json_add_bool(out, "degraded", shadow->degraded);
    json_end_object(out);
}

/* How the score became a verdict. */
static void add_scoring(struct buffer *out, const struct harrier_explained_policy *policy) {
    json_begin_array(out, "groups");
    for (size_t i = 0; i < policy->group_count; i++)
        add_group(out, &policy->groups[i]);
    json_end_array(out);
    json_begin_array(out, "cutoffs");
    for (size_t i = 0; i < policy->cutoff_count; i++) {
        json_begin_object(out, NULL);
        add_verdict(out, "verdict", policy->cutoffs[i].verdict);
        json_add_unsigned(out, "score", policy->cutoffs[i].score);
        json_add_bool(out, "computed", policy->cutoffs[i].computed);
        json_end_object(out);
    }
    json_end_array(out);
    json_begin_array(out, "shadows");
    for (size_t i = 0; i < policy->shadow_count; i++)
        if (!*policy->shadows[i].arm)
            add_shadow(out, NULL, &policy->shadows[i]);
    json_end_array(out);
    for (size_t i = 0; i < policy->shadow_count; i++)
        if (*policy->shadows[i].arm)
            add_shadow(out, "other_arm", &policy->shadows[i]);
}

/* A policy that refuses the transaction has a refusal and nothing else. */
static void add_policy(struct buffer *out, const char *key,
                       const struct harrier_explained_policy *policy) {
    json_begin_object(out, key);
    json_add_text(out, "name", text_of(policy->name));
    json_add_hex(out, "snapshot_id", policy->snapshot_id);
    if (*policy->refusal) {
        json_add_text(out, "refusal", text_of(policy->refusal));
        json_add_text(out, "refused_field", text_of(policy->refused_field));
        json_end_object(out);
        return;
    }
    add_decision(out, "decision", &policy->decision);
    add_values(out, "fields", policy->fields, policy->field_count);
    add_values(out, "features", policy->decision.features, policy->decision.feature_count);
    json_add_strings(out, "warming_features", policy->warming, policy->warming_count);
    add_computed(out, policy);
    add_models(out, policy);
    json_begin_array(out, "rules");
    for (size_t i = 0; i < policy->rule_count; i++)
        add_rule(out, &policy->rules[i]);
    json_end_array(out);
    add_scoring(out, policy);
    json_end_object(out);
}

/* ---- the whole ---- */

/* Which history the features were computed from. */
static void add_entity(struct buffer *out, const struct harrier_explained_entity *entity) {
    json_begin_object(out, NULL);
    json_add_text(out, "name", text_of(entity->name));
    json_add_text(out, "key", text_of(entity->key));
    json_add_unsigned(out, "entries", entity->entries);
    add_time(out, "newest_time", entity->newest_time_us);
    json_add_unsigned(out, "applied", entity->applied);
    json_add_bool(out, "in_tables", entity->in_tables);
    json_end_object(out);
}

static void add_outcome(struct buffer *out, const struct harrier_explained_outcome *outcome) {
    json_begin_object(out, NULL);
    json_add_unsigned(out, "position", outcome->position);
    json_add_time(out, "receive_time", outcome->receive_time_us);
    add_time(out, "known_time", outcome->known_time_us);
    json_add_text(out, "previous", text_of(harrier_label_name(outcome->previous)));
    json_add_text(out, "label", text_of(harrier_label_name(outcome->label)));
    add_string(out, "source", outcome->source);
    json_end_object(out);
}

static void add_amended(struct buffer *out, const char *name,
                        const struct harrier_amended *amended) {
    json_begin_object(out, name);
    json_add_bool(out, "voided", amended->voided);
    json_add_signed(out, "amount_minor", amended->amount_minor);
    json_add_signed(out, "refunded_minor", amended->refunded_minor);
    json_end_object(out);
}

static void add_amendment(struct buffer *out, const struct harrier_explained_amendment *amendment) {
    json_begin_object(out, NULL);
    json_add_unsigned(out, "position", amendment->position);
    json_add_time(out, "receive_time", amendment->receive_time_us);
    add_time(out, "known_time", amendment->known_time_us);
    add_amended(out, "previous", &amendment->previous);
    add_amended(out, "now", &amendment->now);
    add_string(out, "source", amendment->source);
    json_end_object(out);
}

/* Where the derivation began and how much it read. */
static void add_history(struct buffer *out, const struct harrier_explanation *explanation) {
    json_begin_object(out, "history");
    json_add_unsigned(out, "policy_position", explanation->policy_position);
    json_add_hex(out, "generation_id", explanation->generation_id);
    json_add_unsigned(out, "generation_position", explanation->generation_position);
    json_add_unsigned(out, "adopted_position", explanation->adopted_position);
    json_add_unsigned(out, "base_position", explanation->base_position);
    json_add_unsigned(out, "records_read", explanation->records_read);
    json_add_unsigned(out, "records_applied", explanation->records_applied);
    json_begin_array(out, "entities");
    for (size_t i = 0; i < explanation->entity_count; i++)
        add_entity(out, &explanation->entities[i]);
    json_end_array(out);
    json_end_object(out);
}

void explain_json_format(const struct harrier_explanation *explanation, struct buffer *out) {
    json_begin_object(out, NULL);
    add_string(out, "harrier", harrier_version());
    add_string(out, "command", "explain");
    add_transaction(out, &explanation->transaction);
    json_add_unsigned(out, "position", explanation->position);
    json_add_time(out, "receive_time", explanation->receive_time_us);
    add_decision(out, "archived", &explanation->archived);
    json_add_bool(out, "equal", explanation->equal);
    add_string(out, "difference", explanation->difference);
    if (*explanation->experiment)
        add_string(out, "experiment", explanation->experiment);
    json_begin_array(out, "outcomes");
    for (size_t i = 0; i < explanation->outcome_count; i++)
        add_outcome(out, &explanation->outcomes[i]);
    json_end_array(out);
    json_begin_array(out, "amendments");
    for (size_t i = 0; i < explanation->amendment_count; i++)
        add_amendment(out, &explanation->amendments[i]);
    json_end_array(out);
    json_add_strings(out, "notes", explanation->notes, explanation->note_count);
    add_history(out, explanation);
    add_policy(out, "then", &explanation->then);
    if (explanation->now)
        add_policy(out, "now", explanation->now);
    json_end_object(out);
    buffer_append_u8(out, '\n');
}
