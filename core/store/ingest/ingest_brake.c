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

/* 0: there is no engine, or its policy has no such rule. */
static uint64_t definition_in(const struct engine *engine, const struct brake_change *change) {
    const struct snapshot *rules = engine ? engine_rules(engine) : NULL;
    if (rules && change->of_policy)
        return rules->definition;
    const struct rule *rule = rules ? find_rule(rules, change->rule) : NULL;
    return rule ? rule->definition : 0;
}

/* What a name means: the champion's declaration, or the challenger's where only that has one, or
 * where it is to be lifted and only that is braked. 0: neither has one. */
static uint64_t definition_meant(const struct states *states, const struct brake_change *change) {
    const struct list_table *lists = overlay_lists(states->overlay);
    uint64_t own = definition_in(states->engine, change);
    uint64_t other = definition_in(states->challenger, change);
    if (own == 0)
        return other;
    bool is_others = other != 0 && !change->pull && !list_table_brake(lists, change->rule, own) &&
                     list_table_brake(lists, change->rule, other);
    return is_others ? other : own;
}

int ingest_change_brake(const struct states *states, const struct brake_change *change,
                        int64_t receive_time_us, struct record *ret_record, struct text *ret_field,
                        struct error *ret_error) {
    const struct snapshot *rules = engine_rules(states->engine);
    uint64_t definition =
        change->definition ? change->definition : definition_meant(states, change);
    if (definition == 0) {
        *ret_field = TEXT_LITERAL("rule");
        return unknown_rule(rules, change->rule, ret_error);
    }
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
