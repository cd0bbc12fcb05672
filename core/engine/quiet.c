/* Transactions about which no rule has anything to say, found out for many at once.
 *
 * Where all conditions are over features alone (row_condition.h), and nobody wants more of a
 * decision than its verdict and its score, deciding most transactions takes neither a frame nor a
 * look at a single rule: their conditions are not true and do not fail, so what comes out is what
 * no rule at all comes to. Whoever is not surely such a transaction goes the usual way. */
#include "scratch.h"

#include "../base/check.h"
#include "../policy/row_condition.h"

#include <stdlib.h>

_Static_assert(ENGINE_ROWS_MAX <= ROW_CONDITION_MOST, "rows that are asked about at once");

struct quiet {
    struct row_condition **conditions;
    size_t count;
};

void quiet_free(struct quiet *quiet) {
    if (!quiet)
        return;
    for (size_t i = 0; i < quiet->count; i++)
        row_condition_free(quiet->conditions[i]);
    free(quiet->conditions);
    free(quiet);
}

/* Where the rules' features lie in a row: entity by entity, in the plan's order. */
static size_t *find_places(const struct engine *engine) {
    const struct snapshot *rules = engine->rules;
    size_t *places = check_calloc(rules->feature_count, sizeof *places);
    size_t first = 0;
    for (size_t i = 0; i < rules->feature_count; i++)
        places[i] = SIZE_MAX;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        const struct feature_origins *origins = &engine->live.entities[e];
        for (size_t i = 0; i < origins->count; i++)
            places[origins->origins[i].slot - rules->first_feature] =
                first + origins->origins[i].feature;
        first += engine->plan->plan.entities[e].feature_count;
    }
    return places;
}

static bool add_conditions(struct quiet *quiet, const struct engine *engine) {
    const struct snapshot *rules = engine->rules;
    size_t *places = find_places(engine);
    const struct row_places at = {
        .first = rules->first_feature, .count = rules->feature_count, .places = places};
    bool are_all = true;
    quiet->conditions = check_calloc(rules->rule_count, sizeof(*quiet->conditions));
    for (size_t i = 0; i < rules->rule_count && are_all; i++) {
        if (rules->rules[i].mode == RULE_OFF)
            continue;
        struct row_condition *condition = row_condition_new(rules->rules[i].when, &at);
        are_all = condition != NULL;
        if (condition)
            quiet->conditions[quiet->count++] = condition;
    }
    free(places);
    return are_all;
}

static bool has_required_attributes(const struct schema *schema) {
    bool has = false;
    for (size_t slot = schema->first_attribute; slot < schema->first_derived; slot++)
        has |= schema->fields[slot].required;
    return has;
}

void engine_forget_quiet(struct engine *engine) {
    quiet_free(engine->quiet);
    engine->quiet = NULL;
}

bool engine_seek_quiet(struct engine *engine) {
    engine_forget_quiet(engine);
    if (!engine->omits_hash || !engine->omits_check || engine->live.warming > 0 ||
        engine->shadow_count > 0 || engine->given_count > 0 ||
        has_required_attributes(&engine->rules->schema))
        return false;
    struct quiet *quiet = check_calloc(1, sizeof *quiet);
    if (!add_conditions(quiet, engine)) {
        quiet_free(quiet);
        return false;
    }
    engine->quiet = quiet;
    return true;
}

uint64_t engine_loud(const struct engine *engine, const struct value *values, size_t stride,
                     size_t rows) {
    const struct quiet *quiet = engine->quiet;
    check(quiet);
    uint64_t loud = 0;
    for (size_t i = 0; i < quiet->count; i++)
        loud |= row_condition_open(quiet->conditions[i], values, stride, rows);
    return loud;
}

bool engine_surely_takes(const struct engine *engine, const struct transaction *transaction) {
    const struct field_set *fields = &engine->live.fields;
    return schema_surely_takes(&engine->rules->schema, transaction, fields->slots, fields->count,
                               ENGINE_KEY_PART_MAX);
}

enum verdict engine_decide_quiet(struct engine *engine, uint32_t *ret_score) {
    const struct judgement nothing = judge_nothing(&engine->live);
    *ret_score = nothing.score;
    return nothing.verdict;
}
