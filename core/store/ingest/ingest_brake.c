/* Brakes that people pull and lift: checked against the policy that decides, and made into a
 * record. */
#include "core/policy/source/diagnostic.h"
#include "ingest.h"

static const struct rule *find_rule(const struct snapshot *rules, struct text name) {
    for (size_t i = 0; i < rules->rule_count; i++)
        if (text_equal(rules->rules[i].name, name))
            return &rules->rules[i];
    return NULL;
}

static int unknown_rule(const struct snapshot *rules, struct text name, struct error *ret_error) {
    char hint[NEAR_HINT_SIZE];
    struct near near = near_to(name);
    for (size_t i = 0; i < rules->rule_count; i++)
        near_try(&near, rules->rules[i].name);
    near_hint(&near, hint);
    return error_set(ret_error, ERROR_NOT_FOUND, "the policy %" TEXT_FORMAT " has no such rule%s",
                     TEXT_ARGS(rules->name), hint);
}

int ingest_change_brake(const struct states *states, const struct brake_change *change,
                        int64_t receive_time_us, struct record *ret_record, struct text *ret_field,
                        struct error *ret_error) {
    const struct snapshot *rules = engine_rules(states->engine);
    const struct rule *rule = find_rule(rules, change->rule);
    if (!rule && states->challenger) /* a rule that only the challenger has */
        rule = find_rule(engine_rules(states->challenger), change->rule);
    uint64_t definition = change->definition;
    if (definition == 0 && !change->of_policy && !rule) {
        *ret_field = TEXT_LITERAL("rule");
        return unknown_rule(rules, change->rule, ret_error);
    }
    if (definition == 0)
        definition = change->of_policy ? rules->definition : rule->definition;
    *ret_record = (struct record){.type = RECORD_BRAKE,
                                  .receive_time_us = receive_time_us,
                                  .brake = {.rule = change->rule,
                                            .definition = definition,
                                            .lifted = !change->pull,
                                            .source = change->source,
                                            .reason = change->reason}};
    bool is_braked =
        list_table_brake(overlay_lists(states->overlay), change->rule, definition) != NULL;
    return is_braked != change->pull;
}
