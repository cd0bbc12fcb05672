/* The shadow report as JSON: everything the report has, with sets as objects.
 *
 * Nothing is cut or rounded as in the text: amounts are in minor units, rules are all listed, ids
 * are whole. "precision" is missing where no outcome is known. */
#include "shadow_json.h"

#include "core/base/hash.h"
#include "core/base/json_writer.h"

/* A set of transactions: how many, their outcomes, the amounts by currency. */
static void add_set(struct buffer *out, const char *key, const struct shadow_set *set) {
    json_begin_object(out, key);
    json_add_unsigned(out, "transactions", set->transactions);
    json_begin_object(out, "outcomes");
    for (enum label label = LABEL_LEGIT; label < LABEL_COUNT; label++)
        if (set->labels[label])
            json_add_unsigned(out, label_name(label), set->labels[label]);
    json_end_object(out);
    uint64_t known = shadow_set_known(set);
    if (known > 0)
        json_add_value(out, TEXT_LITERAL("precision"),
                       value_double((double)shadow_set_fraud(set) / (double)known));
    json_begin_object(out, "amounts_minor");
    for (size_t i = 0; i < set->sum_count; i++)
        json_add_signed(out, set->sums[i].currency, set->sums[i].minor);
    json_end_object(out);
    if (set->unsummed)
        json_add_unsigned(out, "in_other_currencies", set->unsummed);
    json_end_object(out);
}

/* A shadow policy may refuse a transaction; that is no verdict of the live policy. */
static const char *verdict_key(enum verdict verdict) {
    return verdict == VERDICT_NONE ? "refused" : verdict_name(verdict);
}

/* `names`: the rules of a shadow policy; otherwise the text of the reason. */
static void add_examples(struct buffer *out, const struct shadow_examples *examples, bool names) {
    json_begin_array(out, "examples");
    for (size_t i = 0; i < examples->count; i++) {
        const struct shadow_example *example = &examples->of[i];
        json_begin_object(out, NULL);
        json_add_text(out, "transaction_id", example->id);
        json_add_unsigned(out, "position", example->position);
        json_add_time(out, "event_time", example->event_time_us);
        if (*example->currency) {
            json_add_signed(out, "amount_minor", example->amount_minor);
            json_add_text(out, "currency", text_of(example->currency));
        }
        json_add_text(out, "verdict", text_of(verdict_name(example->live)));
        json_add_unsigned(out, "score", example->live_score);
        json_add_text(out, "shadow_verdict", text_of(verdict_key(example->shadow)));
        if (example->shadow_score >= 0)
            json_add_signed(out, "shadow_score", example->shadow_score);
        json_add_text(out, "outcome", text_of(label_name(example->label)));
        json_add_text(out, names ? "shadow_rules" : "text", example->rules);
        json_end_object(out);
    }
    json_end_array(out);
}

/* Only verdicts that the rule would have led to. */
static void add_rule(struct buffer *out, const struct shadow_rule *rule) {
    json_begin_object(out, NULL);
    json_add_text(out, "rule", rule->name);
    add_set(out, "fired", &rule->fired);
    json_begin_object(out, "would_become");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        if (rule->changes[verdict].transactions > 0)
            add_set(out, verdict_name(verdict), &rule->changes[verdict]);
    json_end_object(out);
    if (rule->unknown)
        json_add_unsigned(out, "not_told", rule->unknown);
    add_examples(out, &rule->examples, false);
    json_end_object(out);
}

/* Cells without transactions are left out. */
static void add_matrix(struct buffer *out, const struct shadow_policy *policy) {
    json_begin_object(out, "verdicts"); /* there was → it would */
    for (enum verdict live = VERDICT_APPROVE; live < VERDICT_COUNT; live++) {
        json_begin_object(out, verdict_name(live));
        for (enum verdict shadow = VERDICT_NONE; shadow < VERDICT_COUNT; shadow++)
            if (policy->cells[live][shadow].transactions > 0)
                add_set(out, verdict_key(shadow), &policy->cells[live][shadow]);
        json_end_object(out);
    }
    json_end_object(out);
}

/* Rules that never fired are left out; "number" is their place in the policy, for readers without
 * its files. */
static void add_policy(struct buffer *out, const struct shadow_policy *policy) {
    json_begin_object(out, NULL);
    json_add_text(out, "policy", policy->name);
    json_add_hex(out, "snapshot_id", policy->snapshot_id);
    json_add_unsigned(out, "degraded", policy->degraded);
    json_add_unsigned(out, "rule_errors", policy->rule_errors);
    add_matrix(out, policy);
    json_begin_array(out, "rules");
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->fired[i] == 0)
            continue;
        json_begin_object(out, NULL);
        if (policy->snapshot)
            json_add_text(out, "rule", policy->snapshot->rules[i].name);
        json_add_unsigned(out, "number", i);
        json_add_unsigned(out, "fired", policy->fired[i]);
        json_end_object(out);
    }
    json_end_array(out);
    add_examples(out, &policy->examples, true);
    json_end_object(out);
}

void shadow_json_format(const struct shadow_report *report, struct buffer *out) {
    json_begin_object(out, NULL);
    add_set(out, "all", &report->all);
    if (report->all.transactions > 0) {
        json_add_time(out, "first_event_time", report->first_us);
        json_add_time(out, "last_event_time", report->last_us);
    }
    json_begin_array(out, "rules");
    for (size_t i = 0; i < report->rule_count; i++)
        add_rule(out, &report->rules[i]);
    json_end_array(out);
    json_begin_array(out, "policies");
    for (size_t i = 0; i < report->policy_count; i++)
        add_policy(out, &report->policies[i]);
    json_end_array(out);
    json_end_object(out);
    buffer_append_u8(out, '\n');
}
