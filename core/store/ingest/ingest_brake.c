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

/* false: there is no engine, or its policy has no such rule. */
static bool find_target(const struct engine *engine, const struct brake_change *change,
                        struct brake_target *ret_target) {
    const struct snapshot *rules = engine ? engine_rules(engine) : NULL;
    const struct rule *rule = rules && !change->of_policy ? find_rule(rules, change->rule) : NULL;
    if (!rules || (!rule && !change->of_policy))
        return false;
    *ret_target = rule ? rule_brake_target(rule) : snapshot_brake_target(rules);
    return true;
}

/* What a name means. To pull: the champion's rule in both arms, or the challenger's where only that
 * has one. To lift: the brake that is in force on the champion's rule, or else on the challenger's.
 * 0: neither has such a rule. */
static uint64_t definition_meant(const struct states *states, const struct brake_change *change) {
    const struct list_table *lists = overlay_lists(states->overlay);
    const struct engine *const engines[] = {states->engine, states->challenger};
    uint64_t meant = 0;
    for (size_t i = 0; i < 2; i++) {
        struct brake_target target;
        if (!find_target(engines[i], change, &target))
            continue;
        uint64_t braked = list_table_braked(lists, &target, i == 1);
        if (braked != 0 && !change->pull)
            return braked;
        if (meant == 0)
            meant = target.definition;
    }
    return meant;
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
