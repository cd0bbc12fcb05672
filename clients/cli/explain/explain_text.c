/* An explanation for people, from the answer to the proof:
 *
 *   the transaction     what it was
 *   the decision        verdict and score, and how they came about
 *   rules that fired    the condition, part by part: ✓ true, ✗ false, – absent, ! failed
 *   rules that did not  of each condition only the parts that kept it from being true
 *   what it saw         every feature, by entity
 *   where it comes from policy, tables, records; whether it is what is archived
 *   another policy      what it would decide, and what changes
 *
 * Everything shown is in the explanation: this file chooses, orders and words. The exit status of
 * the command depends on none of it. */
#include "explain_text.h"

#include "clients/cli/io/money.h"
#include "clients/cli/output/feature_value.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"
#include "core/wire/types/transaction.h"
#include "explain_parts.h"

#include <inttypes.h>
#include <string.h>

static void add_time(struct buffer *out, int64_t us) {
    char time[64];
    value_format(value_timestamp(us), time, sizeof time);
    buffer_append_string(out, time);
}

/* With the noun in the right number. */
static void add_count(struct buffer *out, uint64_t count, const char *one, const char *many) {
    char number[QUANTITY_COUNT_SIZE];
    buffer_printf(out, "%s %s", quantity_format_count(count, number), count == 1 ? one : many);
}

static const char *verdict_or(enum harrier_verdict verdict, const char *otherwise) {
    return verdict == HARRIER_VERDICT_NONE ? otherwise : harrier_verdict_name(verdict);
}

/* Titles are in capitals: they are what a reader looks for. */
static void add_title(struct buffer *out, const char *title) {
    buffer_printf(out, "\n%s\n", title);
}

/* ---- the transaction ---- */

/* Fields that are empty are left out. */
static void add_field(struct buffer *out, const char *name, const char *value) {
    if (*value)
        buffer_printf(out, "  %-12s%s\n", name, value);
}

/* Under the transaction's fields, by their own names. */
static void add_attribute(struct buffer *out, const struct harrier_attribute *attribute) {
    buffer_printf(out, "  %-12s", attribute->name);
    if (attribute->type == HARRIER_ATTRIBUTE_TEXT)
        buffer_append_string(out, attribute->value.text);
    else if (attribute->type == HARRIER_ATTRIBUTE_INTEGER)
        buffer_printf(out, "%" PRId64, attribute->value.integer);
    else if (attribute->type == HARRIER_ATTRIBUTE_NUMBER)
        buffer_printf(out, "%.15g", attribute->value.number);
    else
        buffer_append_string(out, attribute->value.flag ? "true" : "false");
    buffer_append_string(out, "\n");
}

_Static_assert(FIELD_COUNT == 12, "add_transaction() names all text fields");

/* Id, amount and time on the first line, then the fields. */
static void add_transaction(struct buffer *out, const struct harrier_explanation *explanation) {
    const struct harrier_transaction *in = &explanation->transaction;
    char money[MONEY_SIZE];
    buffer_printf(out, "%s", in->id);
    if (*in->currency)
        buffer_printf(out, "  %s %s", money_format(in->amount_minor, text_of(in->currency), money),
                      in->currency);
    buffer_append_string(out, "  ");
    add_time(out, in->event_time_us);
    buffer_append_string(out, "\n");
    add_field(out, "card", in->card);
    add_field(out, "customer", in->customer);
    add_field(out, "account", in->account);
    add_field(out, "merchant", in->merchant);
    add_field(out, "terminal", in->terminal);
    add_field(out, "device", in->device);
    add_field(out, "ip", in->ip);
    add_field(out, "country", in->country);
    add_field(out, "mcc", in->mcc);
    add_field(out, "channel", in->channel);
    add_field(out, "email", in->email);
    add_field(out, "phone", in->phone);
    if (in->has_location)
        buffer_printf(out, "  %-12s%.7g, %.7g\n", "location", in->latitude_e7 / 1e7,
                      in->longitude_e7 / 1e7);
    add_field(out, "source", in->source);
    if (in->sequence > 0)
        buffer_printf(out, "  %-12s%" PRIu64 "\n", "sequence", in->sequence);
    for (size_t i = 0; i < in->attribute_count; i++)
        add_attribute(out, &in->attributes[i]);
}

/* ---- the decision ---- */

/* Only such rules count for verdict and score. */
static bool has_effect(const struct harrier_explained_rule *rule) {
    return rule->fate == HARRIER_FATE_FIRED;
}

/* What a rule whose condition failed asks for all the same. */
static enum harrier_verdict asked_verdict(const struct harrier_explained_rule *rule) {
    if (has_effect(rule))
        return rule->verdict;
    bool failed = rule->fate == HARRIER_FATE_ERROR && rule->mode == HARRIER_RULE_LIVE;
    return failed ? rule->verdict_on_error : HARRIER_VERDICT_NONE;
}

/* Every rule that requested the verdict, and the cut-off if the score reached it: each alone
 * would have been enough. */
static void add_askers(struct buffer *out, const struct harrier_explained_policy *policy) {
    enum harrier_verdict verdict = policy->decision.verdict;
    const char *separator = "requested by ";
    if (verdict == HARRIER_VERDICT_APPROVE) {
        buffer_append_string(out, "no rule requested more");
        return;
    }
    for (size_t i = 0; i < policy->rule_count; i++)
        if (asked_verdict(&policy->rules[i]) == verdict) {
            buffer_printf(out, "%s%s%s", separator, policy->rules[i].name,
                          has_effect(&policy->rules[i]) ? "" : " (its condition failed)");
            separator = ", ";
        }
    const char *joint = *separator == 'r' ? "" : ", and ";
    for (size_t i = 0; i < policy->cutoff_count; i++)
        if (policy->cutoffs[i].verdict == verdict &&
            policy->decision.score >= policy->cutoffs[i].score)
            buffer_printf(out, "%sthe score reaches %" PRIu32 ", the cut-off for %s", joint,
                          policy->cutoffs[i].score, harrier_verdict_name(verdict));
}

/* Why a group took less than its rules requested. */
static const char *limit_of(const struct harrier_explained_policy *policy, const char *group) {
    for (size_t i = 0; i < policy->group_count; i++)
        if (strcmp(policy->groups[i].name, group) == 0 && policy->groups[i].greatest)
            return "counts only its highest score";
    return "has a limit";
}

/* One rule's contribution to the score. */
static void add_addend(struct buffer *out, const struct harrier_explained_policy *policy,
                       const struct harrier_explained_rule *rule) {
    buffer_printf(out, "    %+6" PRId32 "    %s", rule->score - rule->capped, rule->name);
    if (rule->capped)
        buffer_printf(out, ": %+" PRId32 ", but group %s %s", rule->score, rule->group,
                      limit_of(policy, rule->group));
    buffer_append_string(out, "\n");
}

/* The sum is printed only if it is not the score, which is limited. */
static void add_sum(struct buffer *out, const struct harrier_explained_policy *policy) {
    size_t before = out->length;
    int64_t sum = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct harrier_explained_rule *rule = &policy->rules[i];
        if (!has_effect(rule) || rule->score == 0)
            continue;
        add_addend(out, policy, rule);
        sum += rule->score - rule->capped;
    }
    if (out->length > before && sum != (int64_t)policy->decision.score)
        buffer_printf(out, "    %+6" PRId64 "    sum, limited to 0 to 1,000\n", sum);
}

/* From which score on each verdict is given. */
static void add_cutoffs(struct buffer *out, const struct harrier_explained_policy *policy) {
    if (policy->cutoff_count == 0)
        return;
    buffer_append_string(out, "  cut-offs    ");
    for (size_t i = 0; i < policy->cutoff_count; i++)
        buffer_printf(out, "%s%s from %" PRIu32 "%s", i ? ", " : "",
                      harrier_verdict_name(policy->cutoffs[i].verdict), policy->cutoffs[i].score,
                      policy->cutoffs[i].computed ? " (found by the rebuild)" : "");
    buffer_append_string(out, "\n");
}

/* One line for all: RULES THAT DID NOT FIRE says why. */
static void add_failures(struct buffer *out, const struct harrier_decision *decision) {
    size_t named = decision->failed_rule_count;
    if (named == 0)
        return;
    buffer_printf(out, "  %-12s", "failed");
    for (size_t i = 0; i < named; i++)
        buffer_printf(out, "%s%s", i ? ", " : "", decision->failed_rules[i]);
    if (decision->rule_errors > named)
        buffer_printf(out, " and %zu more", decision->rule_errors - named);
    buffer_append_string(out, "\n");
}

/* Also used for another policy's decision: it must read well behind an arrow. */
static void add_verdict_line(struct buffer *out, const struct harrier_explained_policy *policy) {
    const struct harrier_decision *decision = &policy->decision;
    buffer_printf(out, "%s, score %" PRIu32 " of 1,000\n", harrier_verdict_name(decision->verdict),
                  decision->score);
    buffer_printf(out, "  %-12s", harrier_verdict_name(decision->verdict));
    add_askers(out, policy);
    buffer_printf(out, "\n  %-12s%" PRIu32 "\n", "score", decision->score);
    add_sum(out, policy);
    add_cutoffs(out, policy);
    add_failures(out, decision);
    if (decision->degraded)
        buffer_printf(out, "  %-12s%s\n", "degraded", decision->degraded_reason);
}

/* In the order in which they were reported; a later one replaces the one before. */
static void add_outcomes(struct buffer *out, const struct harrier_explanation *explanation) {
    for (size_t i = 0; i < explanation->outcome_count; i++) {
        const struct harrier_explained_outcome *outcome = &explanation->outcomes[i];
        buffer_printf(out, "  %-12s%s", i ? "" : "known later", harrier_label_name(outcome->label));
        if (outcome->previous != HARRIER_LABEL_NONE)
            buffer_printf(out, " (before: %s)", harrier_label_name(outcome->previous));
        buffer_append_string(out, ", received ");
        add_time(out, outcome->receive_time_us);
        if (*outcome->source)
            buffer_printf(out, " from %s", outcome->source);
        buffer_append_string(out, "\n");
    }
}

/* A transaction without money can only be voided and restored. */
static void add_amended(struct buffer *out, const struct harrier_amended *amended,
                        const char *currency) {
    char money[MONEY_SIZE];
    if (amended->voided || !*currency) {
        buffer_append_string(out, amended->voided ? "voided" : "not voided");
        return;
    }
    buffer_printf(out, "%s", money_format(amended->amount_minor, text_of(currency), money));
    if (amended->refunded_minor > 0)
        buffer_printf(out, ", refunded %s",
                      money_format(amended->refunded_minor, text_of(currency), money));
}

static void add_amendments(struct buffer *out, const struct harrier_explanation *explanation) {
    for (size_t i = 0; i < explanation->amendment_count; i++) {
        const struct harrier_explained_amendment *amendment = &explanation->amendments[i];
        const char *currency = explanation->transaction.currency;
        buffer_printf(out, "  %-12s", i ? "" : "amended");
        add_amended(out, &amendment->previous, currency);
        buffer_append_string(out, " → ");
        add_amended(out, &amendment->now, currency);
        buffer_append_string(out, ", received ");
        add_time(out, amendment->receive_time_us);
        if (*amendment->source)
            buffer_printf(out, " from %s", amendment->source);
        buffer_append_string(out, "\n");
    }
}

/* Besides the decision: whether it could be derived again, what became of the transaction, notes
 * on the archive. */
static void add_decision(struct buffer *out, const struct harrier_explanation *explanation) {
    const struct harrier_decision *archived = &explanation->archived;
    add_title(out, "DECISION");
    if (*explanation->then.refusal) {
        buffer_printf(out, "%s, score %" PRIu32 " of 1,000\n",
                      harrier_verdict_name(archived->verdict), archived->score);
        add_failures(out, archived);
    } else
        add_verdict_line(out, &explanation->then);
    if (archived->degraded && !explanation->then.decision.degraded) /* by the clock of then */
        buffer_printf(out, "  %-12s%s\n", "degraded", archived->degraded_reason);
    buffer_printf(out, "  %-12s", "proof");
    if (explanation->equal)
        buffer_append_string(out, "derived again from the archive, bit for bit the same\n");
    else
        buffer_printf(out, "DIFFERS from the archive (archived → derived): %s\n",
                      explanation->difference);
    add_outcomes(out, explanation);
    add_amendments(out, explanation);
    for (size_t i = 0; i < explanation->note_count; i++)
        buffer_printf(out, "  %-12s%s\n", "note", explanation->notes[i]);
}

/* ---- rules ---- */

/* Their conditions were true, with or without an effect. */
static bool is_reported(const struct harrier_explained_rule *rule) {
    return rule->fate == HARRIER_FATE_FIRED || rule->fate == HARRIER_FATE_SHADOW ||
           rule->fate == HARRIER_FATE_SUPPRESSED;
}

/* What the rule asks for, not what it was given. */
static void add_effect(struct buffer *out, const struct harrier_explained_rule *rule) {
    buffer_printf(out, "%s", verdict_or(rule->verdict, ""));
    if (rule->score != 0)
        buffer_printf(out, "%s%+" PRId32, rule->verdict ? " " : "", rule->score);
    if (*rule->group)
        buffer_printf(out, " in group %s", rule->group);
}

static void add_without_effect(struct buffer *out, const struct harrier_explained_rule *rule) {
    if (rule->fate == HARRIER_FATE_SUPPRESSED)
        buffer_append_string(out, "    without effect: it fired recently for the same entity\n");
    if (rule->fate == HARRIER_FATE_SHADOW)
        buffer_printf(
            out,
            "    in shadow%s, without effect; if it were live, the decision would have been: %s\n",
            rule->braked ? " by its brake" : "", verdict_or(rule->verdict_if_live, "unknown"));
}

/* The whole condition, because every part of it helped. */
static void add_fired_rule(struct buffer *out, const struct harrier_explained_policy *policy,
                           const struct harrier_explained_rule *rule) {
    buffer_printf(out, "  %s: ", rule->name);
    add_effect(out, rule);
    buffer_printf(out, "  (%s:%u)\n", rule->file, rule->line);
    if (*rule->reason)
        buffer_printf(out, "    \"%s\"\n", rule->reason);
    add_without_effect(out, rule);
    explain_parts_all(out, policy, rule->parts, rule->part_count, 4);
}

/* Reasons for having no say that do not lie in the condition. */
static void add_no_say(struct buffer *out, const struct harrier_explained_rule *rule) {
    bool is_true = explain_parts_is_true(rule->parts, rule->part_count);
    switch (rule->fate) {
    case HARRIER_FATE_OFF:
        buffer_append_string(out, "    switched off");
        break;
    case HARRIER_FATE_EARLY:
        buffer_append_string(out, "    not before ");
        add_time(out, rule->from_us);
        break;
    case HARRIER_FATE_OVER:
        buffer_append_string(out, "    only until ");
        add_time(out, rule->until_us);
        break;
    case HARRIER_FATE_LEFT_OUT:
        buffer_printf(out,
                      "    excluded by its rollout: it applies to %u.%02u %% of all values of %s",
                      rule->rollout / 100, rule->rollout % 100, rule->rollout_key);
        break;
    case HARRIER_FATE_ERROR:
        buffer_printf(out, "    its condition failed: %s",
                      rule->part_count ? rule->parts[0].error : "");
        if (rule->verdict_on_error)
            buffer_printf(out, "; on_error asks for %s",
                          harrier_verdict_name(rule->verdict_on_error));
        break;
    default:
        return;
    }
    buffer_append_string(out, is_true ? "; its condition is true\n" : "\n");
}

/* --all shows the whole condition, otherwise only what made it false. */
static void add_silent_rule(struct buffer *out, const struct harrier_explained_policy *policy,
                            const struct harrier_explained_rule *rule, bool all) {
    buffer_printf(out, "  %s: ", rule->name);
    add_effect(out, rule);
    buffer_append_string(out, "\n");
    add_no_say(out, rule);
    if (all)
        explain_parts_all(out, policy, rule->parts, rule->part_count, 4);
    else if (!explain_parts_is_true(rule->parts, rule->part_count))
        explain_parts_deciding(out, policy, rule->parts, rule->part_count, 4);
}

/* Rules that fired come first; they usually answer the question. */
static void add_rules(struct buffer *out, const struct harrier_explained_policy *policy, bool all) {
    size_t reported = 0;
    for (size_t i = 0; i < policy->rule_count; i++)
        reported += is_reported(&policy->rules[i]);
    add_title(out, "RULES THAT FIRED");
    if (reported == 0)
        buffer_append_string(out, "  none\n");
    for (size_t i = 0; i < policy->rule_count; i++)
        if (is_reported(&policy->rules[i]))
            add_fired_rule(out, policy, &policy->rules[i]);
    if (reported == policy->rule_count)
        return;
    add_title(out, all ? "RULES THAT DID NOT FIRE" : "RULES THAT DID NOT FIRE, AND WHY");
    for (size_t i = 0; i < policy->rule_count; i++)
        if (!is_reported(&policy->rules[i]))
            add_silent_rule(out, policy, &policy->rules[i], all);
}

static void add_shadow(struct buffer *out, const struct harrier_explained_shadow *shadow) {
    buffer_printf(out, "  %s: %s", shadow->name,
                  verdict_or(shadow->verdict, "it refuses the transaction"));
    if (shadow->verdict)
        buffer_printf(out, ", score %" PRIu32, shadow->score);
    for (size_t j = 0; j < shadow->rule_count; j++)
        buffer_printf(out, "%s%s", j ? ", " : ": ", shadow->rules[j]);
    buffer_append_string(out, "\n");
}

/* One line per shadow policy. */
static void add_shadows(struct buffer *out, const struct harrier_explained_policy *policy) {
    bool has_title = false;
    for (size_t i = 0; i < policy->shadow_count; i++) {
        if (*policy->shadows[i].arm)
            continue;
        if (!has_title)
            add_title(out, "SHADOW POLICIES");
        has_title = true;
        add_shadow(out, &policy->shadows[i]);
    }
}

/* Which side of an experiment decided, and what the other one would have said. */
static void add_arms(struct buffer *out, const struct harrier_explanation *explanation) {
    const struct harrier_explained_policy *policy = &explanation->then;
    if (!*explanation->experiment)
        return;
    add_title(out, "EXPERIMENT");
    buffer_printf(out, "  %s: decided by the %s\n", explanation->experiment,
                  *explanation->archived.arm ? explanation->archived.arm : "champion");
    for (size_t i = 0; i < policy->shadow_count; i++)
        if (*policy->shadows[i].arm) {
            buffer_printf(out, "  the %s would have said\n", policy->shadows[i].arm);
            add_shadow(out, &policy->shadows[i]);
        }
}

/* ---- what it saw ---- */

/* "card.count_10m" is of "card". */
static bool is_of(const char *feature, const char *entity) {
    size_t length = strlen(entity);
    return strncmp(feature, entity, length) == 0 && feature[length] == '.';
}

static bool is_of_models(const char *name) {
    return is_of(name, "models");
}

static void add_feature(struct buffer *out, const struct harrier_feature *feature) {
    buffer_printf(out, "    %-36s", feature->name);
    explain_parts_value(out, feature);
    buffer_append_string(out, "\n");
}

/* The key, how much history it had, and its features. */
static void add_entity(struct buffer *out, const struct harrier_explained_policy *policy,
                       const struct harrier_explained_entity *entity) {
    buffer_printf(out, "  %s %s: ", entity->name, entity->key);
    if (entity->entries == 0) {
        buffer_append_string(out, "no history\n");
    } else {
        add_count(out, entity->entries, "transaction", "transactions");
        buffer_append_string(out, " before it, the newest ");
        add_time(out, entity->newest_time_us);
        buffer_append_string(out, "\n");
    }
    for (size_t i = 0; i < policy->decision.feature_count; i++)
        if (is_of(policy->decision.features[i].name, entity->name))
            add_feature(out, &policy->decision.features[i]);
}

static void add_contributions(struct buffer *out, const struct harrier_explained_model *model) {
    buffer_printf(out, "      margin %.4g = %.4g", model->margin, model->bias);
    for (size_t i = 0; i < model->input_count; i++) {
        if (model->contributions[i] == 0)
            continue;
        buffer_printf(out, "\n      %+10.4f  %s = ", model->contributions[i],
                      model->inputs[i].name);
        explain_parts_value(out, &model->inputs[i]);
    }
    buffer_append_string(out, "\n");
}

/* Features of entities that are not shown come in a list of their own. */
static bool is_of_any(const struct harrier_explanation *explanation, const char *feature) {
    for (size_t i = 0; i < explanation->entity_count; i++)
        if (is_of(feature, explanation->entities[i].name))
            return true;
    return false;
}

static bool is_computed(const struct harrier_explained_policy *policy, const char *name) {
    for (size_t i = 0; i < policy->computed_count; i++)
        if (strcmp(policy->computed[i].name, name) == 0)
            return true;
    return false;
}

/* Of entities that the transaction does not name, or that the tables do not know. */
static void add_other_features(struct buffer *out, const struct harrier_explanation *explanation) {
    const struct harrier_explained_policy *policy = &explanation->then;
    bool is_first = true;
    for (size_t i = 0; i < policy->decision.feature_count; i++) {
        const struct harrier_feature *feature = &policy->decision.features[i];
        if (is_of_models(feature->name) || is_of_any(explanation, feature->name) ||
            is_computed(policy, feature->name))
            continue;
        if (is_first)
            buffer_append_string(out, "  entities that the transaction does not name\n");
        is_first = false;
        add_feature(out, feature);
    }
}

/* Each with its expression and the values in it. */
static void add_computed(struct buffer *out, const struct harrier_explained_policy *policy) {
    if (policy->computed_count > 0)
        buffer_append_string(out, "  values that the policy computes\n");
    for (size_t i = 0; i < policy->computed_count; i++)
        explain_parts_computed(out, &policy->computed[i], 4);
}

/* Each output with what the inputs contributed to its margin, the greatest first. */
static void add_models(struct buffer *out, const struct harrier_explained_policy *policy) {
    bool is_first = true;
    for (size_t i = 0; i < policy->decision.feature_count; i++) {
        if (!is_of_models(policy->decision.features[i].name))
            continue;
        if (is_first)
            buffer_append_string(out,
                                 "  models, and what their inputs contributed to the margin\n");
        is_first = false;
        add_feature(out, &policy->decision.features[i]);
        for (size_t k = 0; k < policy->model_count; k++)
            if (strcmp(policy->models[k].name, policy->decision.features[i].name) == 0)
                add_contributions(out, &policy->models[k]);
    }
}

/* All values that rules could see, whether or not one did. */
static void add_sights(struct buffer *out, const struct harrier_explanation *explanation) {
    const struct harrier_explained_policy *policy = &explanation->then;
    add_title(out, "WHAT IT SAW");
    for (size_t i = 0; i < explanation->entity_count; i++)
        add_entity(out, policy, &explanation->entities[i]);
    add_other_features(out, explanation);
    add_computed(out, policy);
    add_models(out, policy);
    if (policy->field_count > 0)
        buffer_append_string(out, "  fields as the rules read them\n");
    for (size_t i = 0; i < policy->field_count; i++)
        add_feature(out, &policy->fields[i]);
    for (size_t i = 0; i < policy->warming_count; i++)
        buffer_printf(out, "%s%s%s",
                      i ? ", " : "  had no history in the tables: ", policy->warming[i],
                      i + 1 == policy->warming_count ? "\n" : "");
}

/* ---- where it comes from ---- */

/* What the proof rests on: positions that can be looked up with harrier inspect. */
static void add_origins(struct buffer *out, const struct harrier_explanation *explanation) {
    char id[HASH_HEX_SIZE], number[QUANTITY_COUNT_SIZE];
    add_title(out, "WHERE IT COMES FROM");
    buffer_printf(out, "  record      position %s, received ",
                  quantity_format_count(explanation->position, number));
    add_time(out, explanation->receive_time_us);
    hash_hex(explanation->then.snapshot_id, id);
    buffer_printf(out, "\n  policy      %s (%s), in force since position %s\n",
                  explanation->then.name, id,
                  quantity_format_count(explanation->policy_position, number));
    buffer_append_string(out, "  tables      ");
    if (explanation->generation_id == 0) {
        buffer_append_string(out, "none yet\n");
    } else {
        hash_hex(explanation->generation_id, id);
        buffer_printf(out, "%s, built up to position %s, ", id,
                      quantity_format_count(explanation->generation_position, number));
        buffer_printf(out, "in use since position %s\n",
                      quantity_format_count(explanation->adopted_position, number));
    }
    buffer_printf(out, "  history     folded from %s",
                  explanation->base_position ? "these tables: " : "the first record: ");
    add_count(out, explanation->records_applied, "record", "records");
    buffer_append_string(out, " applied, ");
    add_count(out, explanation->records_read, "record", "records");
    buffer_append_string(out, " read\n");
}

/* ---- another policy ---- */

/* By name: the two policies number their rules differently. */
static const struct harrier_explained_rule *find_rule(const struct harrier_explained_policy *policy,
                                                      const char *name) {
    for (size_t i = 0; i < policy->rule_count; i++)
        if (strcmp(policy->rules[i].name, name) == 0)
            return &policy->rules[i];
    return NULL;
}

/* By name as well. */
static const struct harrier_feature *find_feature(const struct harrier_explained_policy *policy,
                                                  const char *name) {
    for (size_t i = 0; i < policy->decision.feature_count; i++)
        if (strcmp(policy->decision.features[i].name, name) == 0)
            return &policy->decision.features[i];
    return NULL;
}

static const char *fate_words(const struct harrier_explained_rule *rule) {
    return rule ? harrier_rule_fate_name(rule->fate) : "no such rule";
}

/* A rule that exists on one side only is a change if it fired there. */
static bool is_changed(const struct harrier_explained_rule *then,
                       const struct harrier_explained_rule *now) {
    if (!then || !now)
        return then ? is_reported(then) : is_reported(now);
    return then->fate != now->fate ||
           (is_reported(now) && (then->verdict != now->verdict ||
                                 then->score - then->capped != now->score - now->capped));
}

/* Then → now, and the condition as the other policy saw it. */
static void add_change(struct buffer *out, const struct harrier_explanation *explanation,
                       const struct harrier_explained_rule *then,
                       const struct harrier_explained_rule *now) {
    buffer_printf(out, "  %s: %s", (now ? now : then)->name, fate_words(then));
    if (then && is_reported(then)) {
        buffer_append_string(out, " (");
        add_effect(out, then);
        buffer_append_string(out, ")");
    }
    buffer_printf(out, " → %s", fate_words(now));
    if (now && is_reported(now)) {
        buffer_append_string(out, " (");
        add_effect(out, now);
        buffer_append_string(out, ")");
    }
    buffer_append_string(out, "\n");
    if (now && is_reported(now))
        explain_parts_all(out, explanation->now, now->parts, now->part_count, 4);
    else if (now)
        explain_parts_deciding(out, explanation->now, now->parts, now->part_count, 4);
}

/* In the order of the other policy, then those that it no longer has. */
static void add_changed_rules(struct buffer *out, const struct harrier_explanation *explanation) {
    const struct harrier_explained_policy *then = &explanation->then, *now = explanation->now;
    size_t before = out->length;
    for (size_t i = 0; i < now->rule_count; i++) {
        const struct harrier_explained_rule *old = find_rule(then, now->rules[i].name);
        if (is_changed(old, &now->rules[i]))
            add_change(out, explanation, old, &now->rules[i]);
    }
    for (size_t i = 0; i < then->rule_count; i++)
        if (!find_rule(now, then->rules[i].name) && is_changed(&then->rules[i], NULL))
            add_change(out, explanation, &then->rules[i], NULL);
    if (out->length == before)
        buffer_append_string(out, "  no rule changed\n");
}

/* Values may differ although the definition is the same: another policy has other histories. */
static void add_changed_features(struct buffer *out,
                                 const struct harrier_explanation *explanation) {
    const struct harrier_explained_policy *then = &explanation->then, *now = explanation->now;
    for (size_t i = 0; i < now->decision.feature_count; i++) {
        const struct harrier_feature *feature = &now->decision.features[i];
        const struct harrier_feature *old = find_feature(then, feature->name);
        if (old && value_equal(feature_value(old), feature_value(feature)))
            continue;
        buffer_printf(out, "  %s: ", feature->name);
        if (old)
            explain_parts_value(out, old);
        else
            buffer_append_string(out, "no such feature");
        buffer_append_string(out, " → ");
        explain_parts_value(out, feature);
        buffer_append_string(out, "\n");
    }
}

/* Only with --policy. */
static void add_now(struct buffer *out, const struct harrier_explanation *explanation,
                    const char *folder) {
    const struct harrier_explained_policy *now = explanation->now;
    const struct harrier_decision *archived = &explanation->archived;
    if (!now)
        return;
    buffer_printf(out, "\nWITH THE POLICY IN %s\n", folder ? folder : now->name);
    if (*now->refusal) {
        buffer_printf(out, "  it refuses the transaction: %s\n", now->refusal);
        return;
    }
    buffer_printf(out, "%s, score %" PRIu32 "  →  ", harrier_verdict_name(archived->verdict),
                  archived->score);
    add_verdict_line(out, now);
    buffer_append_string(out, "\nwhat changes\n");
    add_changed_rules(out, explanation);
    add_changed_features(out, explanation);
}

void explain_text_format(const struct harrier_explanation *explanation, bool all,
                         const char *folder, struct buffer *out) {
    add_transaction(out, explanation);
    add_decision(out, explanation);
    if (!*explanation->then.refusal) {
        add_rules(out, &explanation->then, all);
        add_shadows(out, &explanation->then);
        add_arms(out, explanation);
        add_sights(out, explanation);
    }
    add_origins(out, explanation);
    add_now(out, explanation, folder);
}
