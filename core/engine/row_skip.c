/* Finding, many at once, the transactions for which no rule fires or fails.
 *
 * If all conditions read features alone (vector_condition.h) and the caller only wants verdict and
 * score, most transactions need neither a frame nor a single rule: all conditions are surely not
 * true and surely do not fail, so the result is that of no rule at all. Any other transaction is
 * decided as usual. */
#include "scratch.h"

#include "core/base/check.h"
#include "core/policy/rules/vector_condition.h"

#include <stdlib.h>

_Static_assert(ENGINE_ROWS_MAX <= VECTOR_CONDITION_MOST, "rows that are asked about at once");

struct row_skip {
    struct vector_condition **conditions;
    size_t count;
};

void row_skip_free(struct row_skip *row_skip) {
    if (!row_skip)
        return;
    for (size_t i = 0; i < row_skip->count; i++)
        vector_condition_free(row_skip->conditions[i]);
    free(row_skip->conditions);
    free(row_skip);
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

static bool add_conditions(struct row_skip *row_skip, const struct engine *engine) {
    const struct snapshot *rules = engine->rules;
    size_t *places = find_places(engine);
    const struct row_places at = {
        .first = rules->first_feature, .count = rules->feature_count, .places = places};
    bool are_all = true;
    row_skip->conditions = check_calloc(rules->rule_count, sizeof(*row_skip->conditions));
    for (size_t i = 0; i < rules->rule_count && are_all; i++) {
        if (rules->rules[i].mode == RULE_OFF)
            continue;
        struct vector_condition *condition = vector_condition_new(rules->rules[i].when, &at);
        are_all = condition != NULL;
        if (condition)
            row_skip->conditions[row_skip->count++] = condition;
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

void engine_disable_row_skip(struct engine *engine) {
    row_skip_free(engine->row_skip);
    engine->row_skip = NULL;
}

bool engine_enable_row_skip(struct engine *engine) {
    engine_disable_row_skip(engine);
    if (!engine->omits_hash || !engine->omits_check || engine->live.warming > 0 ||
        engine->shadow_count > 0 || engine->given_count > 0 ||
        has_required_attributes(&engine->rules->schema))
        return false;
    struct row_skip *row_skip = check_calloc(1, sizeof *row_skip);
    if (!add_conditions(row_skip, engine)) {
        row_skip_free(row_skip);
        return false;
    }
    engine->row_skip = row_skip;
    return true;
}

uint64_t engine_rows_to_decide(const struct engine *engine, const struct value *values,
                               size_t stride, size_t rows) {
    const struct row_skip *row_skip = engine->row_skip;
    check(row_skip);
    uint64_t undecided = 0;
    for (size_t i = 0; i < row_skip->count; i++)
        undecided |= vector_condition_open(row_skip->conditions[i], values, stride, rows);
    return undecided;
}

bool engine_surely_takes(const struct engine *engine, const struct transaction *transaction) {
    const struct field_set *fields = &engine->live.fields;
    return schema_surely_accepts(&engine->rules->schema, transaction, fields->slots, fields->count,
                                 ENGINE_KEY_PART_MAX);
}

enum verdict engine_decide_skipped(struct engine *engine, uint32_t *ret_score) {
    const struct judgement nothing = judge_nothing(&engine->live);
    *ret_score = nothing.score;
    return nothing.verdict;
}
