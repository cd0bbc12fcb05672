/* Making an engine: everything that depends only on the two snapshots is worked out once, so that
 * deciding allocates nothing but the decision. When `rules` and `plan` are the same snapshot, which
 * is usual, they share one frame and the fields of both are bound together. */
#include "scratch.h"

#include "core/base/check.h"
#include "core/feature/plan/finish.h"

#include <stdlib.h>

/* The plan's entity without defaults: each judge applies those of its own policy. */
static void reading_init(struct reading *reading, const struct entity_plan *plan) {
    reading->plan = *plan;
    reading->plan.features = check_calloc(plan->feature_count, sizeof *plan->features);
    for (size_t i = 0; i < plan->feature_count; i++) {
        reading->plan.features[i] = plan->features[i];
        reading->plan.features[i].default_value = value_absent();
    }
}

static void find_fields(struct engine *engine) {
    const struct snapshot *plan = engine->plan;
    bool *reads = check_calloc(plan->slot_count, sizeof *reads);
    fields_of_plan(plan, reads);
    field_set_init(&engine->plan_fields, &plan->schema, reads, plan->slot_count);
    if (plan == engine->rules) {
        fields_of_rules(plan, reads);
        field_set_init(&engine->both_fields, &plan->schema, reads, plan->slot_count);
    }
    free(reads);
}

/* Entities of which no judge has a feature are not read; their states are still applied to. */
static void find_wanted(struct engine *engine) {
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++) {
        bool is_wanted = engine->live.entities[e].count > 0;
        for (size_t i = 0; i < engine->shadow_count; i++)
            is_wanted |= engine->shadows[i].entities[e].count > 0;
        struct reading *reading = &engine->readings[e];
        reading->is_wanted = is_wanted;
        if (engine->live.entities[e].are_in_place)
            reading->place = judge_feature_place(&engine->live, e);
    }
}

/* The order matters: the plan's layout may share the live judge's, and filters and layouts are
 * numbered from the plan. */
struct engine *engine_new(struct snapshot *rules, struct snapshot *plan) {
    struct engine *engine = check_calloc(1, sizeof *engine);
    engine->rules = snapshot_ref(rules);
    engine->plan = snapshot_ref(plan);
    judge_init(&engine->live, rules, plan);
    warming_init(engine);
    if (plan == rules)
        engine->plan_layout = engine->live.layout;
    else
        layout_init(&engine->plan_layout, plan);
    engine->readings = check_calloc(plan->plan.entity_count, sizeof *engine->readings);
    size_t largest = 0;
    for (size_t i = 0; i < plan->plan.entity_count; i++) {
        const struct entity_plan *entity = &plan->plan.entities[i];
        reading_init(&engine->readings[i], entity);
        if (entity->feature_count > largest)
            largest = entity->feature_count;
    }
    find_wanted(engine);
    filters_init(&engine->filters, plan);
    if (plan == rules)
        judge_share_filters(&engine->live, &engine->filters);
    find_fields(engine);
    layouts_init(engine);
    next_prefetch_init(engine);
    engine->values = check_calloc(largest, sizeof *engine->values);
    engine->state_scratch = state_scratch_new();
    return engine;
}

/* Also called before new shadows are set, so it must leave the engine usable. */
static void remove_shadows(struct engine *engine) {
    for (size_t i = 0; i < engine->shadow_count; i++)
        judge_deinit(&engine->shadows[i], engine->plan);
    free(engine->shadows);
    engine->shadows = NULL;
    engine->shadow_count = 0;
}

void engine_free(struct engine *engine) {
    if (!engine)
        return;
    model_rows_free(engine); /* the judge's layout is its own again */
    remove_shadows(engine);
    row_skip_free(engine->row_skip);
    if (engine->plan != engine->rules)
        layout_deinit(&engine->plan_layout);
    warming_deinit(engine);
    judge_deinit(&engine->live, engine->plan);
    for (size_t i = 0; i < engine->plan->plan.entity_count; i++)
        free(engine->readings[i].plan.features);
    free(engine->readings);
    field_set_deinit(&engine->plan_fields);
    field_set_deinit(&engine->both_fields);
    next_prefetch_deinit(engine);
    layouts_deinit(engine);
    filters_deinit(&engine->filters);
    free(engine->values);
    state_scratch_free(engine->state_scratch);
    snapshot_unref(engine->rules);
    snapshot_unref(engine->plan);
    free(engine);
}

void engine_use_shadows(struct engine *engine, struct snapshot *const *shadows, size_t count) {
    model_rows_leave(engine); /* find_wanted() looks for places in the judge's own frame */
    remove_shadows(engine);
    engine_disable_row_skip(engine);
    engine->shadows = check_calloc(count, sizeof *engine->shadows);
    engine->shadow_count = count;
    for (size_t i = 0; i < count; i++) {
        judge_init(&engine->shadows[i], shadows[i], engine->plan);
        judge_use_thresholds(&engine->shadows[i], engine->thresholds);
        judge_use_lists(&engine->shadows[i], engine->lists);
    }
    find_wanted(engine);
}

void engine_use_thresholds(struct engine *engine, const struct thresholds *thresholds) {
    model_rows_forget(engine);
    engine->thresholds = thresholds;
    judge_use_thresholds(&engine->live, thresholds);
    for (size_t i = 0; i < engine->shadow_count; i++)
        judge_use_thresholds(&engine->shadows[i], thresholds);
}

void engine_give(struct engine *engine, const struct engine_value *values, size_t count) {
    engine_disable_row_skip(engine);
    engine->given = values;
    engine->given_count = count;
}

void engine_ignore_rollouts(struct engine *engine) {
    engine->live.ignores_rollouts = true;
}

void engine_use_lists(struct engine *engine, struct list_table *lists) {
    model_rows_forget(engine);
    engine->lists = lists;
    judge_use_lists(&engine->live, lists);
    for (size_t i = 0; i < engine->shadow_count; i++)
        judge_use_lists(&engine->shadows[i], lists);
}

void engine_ignore_brakes(struct engine *engine) {
    engine->live.ignores_brakes = true;
    judge_find_brakes(&engine->live);
}

void engine_be_challenger(struct engine *engine) {
    engine->live.is_challenger = true;
    judge_find_brakes(&engine->live);
}

void engine_shadow_be_challenger(struct engine *engine, size_t shadow) {
    engine->shadows[shadow].is_challenger = true;
    judge_find_brakes(&engine->shadows[shadow]);
}

bool engine_is_braked(const struct engine *engine, size_t rule) {
    return engine->live.is_braked[rule];
}

/* Cut-offs of 0 are never reached. */
void engine_ignore_cutoffs(struct engine *engine) {
    memset(engine->live.cutoffs, 0, sizeof engine->live.cutoffs);
}

uint32_t engine_cutoff(const struct engine *engine, enum verdict verdict) {
    return engine->live.cutoffs[verdict];
}

const struct snapshot *engine_rules(const struct engine *engine) {
    return engine->rules;
}
size_t engine_warming(const struct engine *engine) {
    return engine->live.warming;
}
size_t engine_shadow_warming(const struct engine *engine, size_t shadow) {
    check(shadow < engine->shadow_count);
    return engine->shadows[shadow].warming;
}
const struct engine_warming *engine_warming_names(const struct engine *engine) {
    return &engine->warming;
}
/* Deciding binds only fields that something reads; the others are bound when the frame is asked
 * for. */
const struct value *engine_frame(struct engine *engine) {
    const struct field_set *fields = engine->incomplete;
    if (fields)
        schema_bind_rest(&engine->rules->schema, &engine->decided, fields->rest, fields->rest_count,
                         &engine->live.layout.bound);
    engine->incomplete = NULL;
    return engine->live.layout.bound.frame;
}
uint64_t engine_unknown(const struct engine *engine) {
    return engine->unknown;
}

void engine_omit_ids(struct engine *engine) {
    engine->named.id_hash = engine->next_prefetch.named.id_hash = 0;
    engine->omits_ids = true;
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        engine->omits_ids &= plan_omit_ids(&engine->readings[e].plan);
}

const struct entity_plan *engine_entity_plan(const struct engine *engine, size_t entity) {
    return &engine->readings[entity].plan;
}
