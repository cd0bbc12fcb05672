/* How a policy fits the plan that the states are folded with: each of its features takes its value
 * from the feature of the plan with the same definition, whatever its name, and is absent when
 * there is none. Defaults are the judging policy's own and are applied afterwards.
 *
 * Mostly the policy and the plan are the same, and an entity's features lie in the frame in the
 * plan's order. Then they are read straight into the frame (are_in_place), and only features with
 * defaults and texts need work afterwards (unsettled). */
#include "scratch.h"

#include "core/base/check.h"

#include <stdlib.h>

#define FEATURE_BYTES (COLUMN_TEXT_MAX + 16) /* of a text that is copied */

static const struct entity_plan *entity_named(const struct plan *plan, struct text name) {
    for (size_t i = 0; i < plan->entity_count; i++)
        if (text_equal(plan->entities[i].name, name))
            return &plan->entities[i];
    return NULL;
}

static size_t feature_defined(const struct entity_plan *entity, uint64_t definition) {
    for (size_t i = 0; i < entity->feature_count; i++)
        if (entity->features[i].definition == definition)
            return i;
    return SIZE_MAX;
}

/* Every feature of the plan, in its order? */
static bool are_in_place(const struct feature_origins *origins, const struct entity_plan *plan) {
    bool are = origins->count == plan->feature_count && origins->count > 0;
    for (size_t i = 0; i < origins->count && are; i++)
        are = origins->origins[i].feature == i &&
              origins->origins[i].slot == origins->origins[0].slot + i;
    return are;
}

static bool may_be_text(const struct entity_plan *plan, const struct feature *feature) {
    return feature->column >= 0 && plan->columns[feature->column].type == COLUMN_TEXT;
}

static void find_unsettled(struct feature_origins *origins, const struct entity_plan *plan) {
    origins->are_in_place = are_in_place(origins, plan);
    origins->unsettled = check_calloc(origins->count, sizeof *origins->unsettled);
    for (size_t i = 0; i < origins->count; i++) {
        const struct feature_origin *origin = &origins->origins[i];
        if (origin->default_value.type != VALUE_ABSENT ||
            may_be_text(plan, &plan->features[origin->feature]))
            origins->unsettled[origins->unsettled_count++] = origin;
    }
}

/* Entities are matched by name, features by definition: renaming a feature keeps its history. */
static void find_origins(const struct snapshot *snapshot, const struct entity_plan *plan,
                         struct feature_origins *ret_origins) {
    const struct entity_plan *entity = entity_named(&snapshot->plan, plan->name);
    if (!entity)
        return;
    size_t first_slot = snapshot->bindings[entity - snapshot->plan.entities].first_feature;
    ret_origins->origins = check_calloc(entity->feature_count, sizeof *ret_origins->origins);
    for (size_t i = 0; i < entity->feature_count; i++) {
        size_t feature = feature_defined(plan, entity->features[i].definition);
        if (feature != SIZE_MAX)
            ret_origins->origins[ret_origins->count++] =
                (struct feature_origin){.slot = first_slot + i,
                                        .feature = feature,
                                        .default_value = entity->features[i].default_value};
    }
    find_unsettled(ret_origins, plan);
}

/* Derived fields are left out: a client cannot shorten them. A transaction with one that is too
 * long is not counted for the entity instead of being refused. */
static void find_key_fields(struct judge *judge) {
    const struct snapshot *snapshot = judge->snapshot;
    bool *seen = check_calloc(snapshot->schema.field_count, sizeof *seen);
    judge->key_fields = check_calloc(snapshot->schema.field_count, sizeof *judge->key_fields);
    for (size_t e = 0; e < snapshot->plan.entity_count; e++)
        for (size_t i = 0; i < snapshot->bindings[e].key_slot_count; i++) {
            size_t slot = snapshot->bindings[e].key_slots[i];
            if (seen[slot] || slot >= snapshot->schema.first_derived)
                continue;
            seen[slot] = true;
            judge->key_fields[judge->key_field_count++] =
                (struct key_field){.slot = slot, .entity = e};
        }
    free(seen);
}

static void find_fields(struct judge *judge) {
    const struct snapshot *snapshot = judge->snapshot;
    bool *reads = check_calloc(snapshot->slot_count, sizeof *reads);
    fields_of_rules(snapshot, reads);
    field_set_init(&judge->fields, &snapshot->schema, reads, snapshot->slot_count);
    judge_init_baselines(judge, reads);
    free(reads);
    find_key_fields(judge);
}

static size_t memory_of(const struct snapshot *snapshot) {
    return EXPRESSION_MEMORY_MAX + snapshot->feature_count * FEATURE_BYTES +
           snapshot->computed_count * EXPRESSION_LEFT_MAX;
}

/* One area that is large enough for all models, and one for each with a reference, which keeps its
 * row until the next decision: engine_count_models(). */
static void init_models(struct judge *judge) {
    const struct snapshot *snapshot = judge->snapshot;
    size_t most = 0, kept = 0;
    for (size_t i = 0; i < snapshot->model_count; i++) {
        size_t count = policy_model_scratch(&snapshot->models[i]);
        most = count > most ? count : most;
        kept += snapshot->models[i].reference ? count : 0;
    }
    judge->model_scratch = check_calloc(most + kept + 1, sizeof *judge->model_scratch);
    judge->model_rows = check_calloc(snapshot->model_count + 1, sizeof *judge->model_rows);
    double *next = judge->model_scratch + most;
    for (size_t i = 0; i < snapshot->model_count; i++) {
        bool has_own = snapshot->models[i].reference != NULL;
        judge->model_rows[i] = has_own ? next : judge->model_scratch;
        next += has_own ? policy_model_scratch(&snapshot->models[i]) : 0;
    }
}

void judge_init(struct judge *judge, struct snapshot *snapshot, const struct snapshot *plan) {
    *judge = (struct judge){.snapshot = snapshot_ref(snapshot)};
    layout_init(&judge->layout, snapshot);
    find_fields(judge);
    judge->entities = check_calloc(plan->plan.entity_count, sizeof *judge->entities);
    size_t found = 0;
    for (size_t i = 0; i < plan->plan.entity_count; i++) {
        find_origins(snapshot, &plan->plan.entities[i], &judge->entities[i]);
        found += judge->entities[i].count;
    }
    judge->warming = snapshot->feature_count - found;
    judge->fired = check_calloc(snapshot->rule_count, sizeof *judge->fired);
    judge->failed = check_calloc(snapshot->rule_count, sizeof *judge->failed);
    judge->groups = check_calloc(snapshot->group_count, sizeof *judge->groups);
    judge->same_filters = check_calloc(snapshot->computed_count, sizeof *judge->same_filters);
    for (size_t i = 0; i < snapshot->computed_count; i++)
        judge->same_filters[i] = SIZE_MAX;
    judge->memory = memory_of(snapshot);
    init_models(judge);
    judge->is_braked = check_calloc(snapshot->rule_count + 1, sizeof *judge->is_braked);
    arena_init(&judge->arena, judge->memory);
    judge_use_thresholds(judge, NULL);
}

void judge_deinit(struct judge *judge, const struct snapshot *plan) {
    for (size_t i = 0; i < plan->plan.entity_count; i++) {
        free(judge->entities[i].origins);
        free(judge->entities[i].unsettled);
    }
    free(judge->entities);
    free(judge->key_fields);
    field_set_deinit(&judge->fields);
    free(judge->fired);
    free(judge->failed);
    free(judge->groups);
    free(judge->same_filters);
    free(judge->model_scratch);
    free(judge->model_rows);
    free(judge->baselines);
    free(judge->is_braked);
    arena_deinit(&judge->arena);
    layout_deinit(&judge->layout);
    snapshot_unref(judge->snapshot);
}

/* Tables and cut-offs are found by definition: a generation that was computed for another
 * declaration gives nothing. */
void judge_use_thresholds(struct judge *judge, const struct thresholds *thresholds) {
    const struct snapshot *rules = judge->snapshot;
    struct value *frame = judge->layout.bound.frame;
    for (size_t i = 0; i < rules->threshold_count; i++) {
        const struct threshold *threshold = &rules->thresholds[i];
        frame[threshold->slot] =
            thresholds ? thresholds_value(thresholds, threshold->name, threshold->definition)
                       : value_absent();
    }
    for (size_t i = 0; i < judge->baseline_count; i++)
        judge->baselines[i].before = frame[judge->baselines[i].threshold->slot];
    memcpy(judge->cutoffs, rules->cutoffs, sizeof judge->cutoffs);
    for (size_t i = 0; i < rules->budget_count && thresholds; i++) {
        const struct cutoff_budget *budget = &rules->budgets[i];
        thresholds_cutoff(thresholds, budget->verdict, budget->definition,
                          &judge->cutoffs[budget->verdict]);
    }
}

/* Rare: at the start, and when a brake is pulled or lifted. */
void judge_find_brakes(struct judge *judge) {
    const struct snapshot *rules = judge->snapshot;
    const struct list_table *lists = judge->lists;
    judge->brake_changes = lists ? list_table_brake_changes(lists) : 0;
    bool has_any = judge->brake_changes > 0 && !judge->ignores_brakes;
    struct brake_target policy = snapshot_brake_target(rules);
    bool all = has_any && list_table_braked(lists, &policy, judge->is_challenger);
    for (size_t i = 0; i < rules->rule_count; i++) {
        struct brake_target rule = rule_brake_target(&rules->rules[i]);
        judge->is_braked[i] = has_any && rules->rules[i].mode == RULE_LIVE &&
                              (all || list_table_braked(lists, &rule, judge->is_challenger));
    }
}

void judge_use_lists(struct judge *judge, struct list_table *lists) {
    const struct snapshot *rules = judge->snapshot;
    for (size_t i = 0; i < rules->list_count; i++) {
        const struct list *list = &rules->lists[i];
        judge->layout.bound.frame[list->slot] =
            lists && !list->is_fixed ? list_table_value(lists, list->name, list->kind)
                                     : value_absent();
    }
    judge->lists = lists;
    judge_find_brakes(judge);
}

void judge_follow_brakes(struct judge *judge) {
    if (judge->lists && list_table_brake_changes(judge->lists) != judge->brake_changes)
        judge_find_brakes(judge);
}

void judge_clear_features(struct judge *judge) {
    struct value *frame = judge->layout.bound.frame;
    for (size_t i = 0; i < judge->snapshot->feature_count; i++)
        frame[judge->snapshot->first_feature + i] = value_absent();
}

/* Values are copied whole: they were written long enough ago for that not to stall (evaluator.c).
 */
void judge_take_features(struct judge *judge, size_t entity, const struct value *values,
                         struct arena *arena) {
    const struct feature_origins *origins = &judge->entities[entity];
    for (size_t i = 0; i < origins->count; i++) {
        const struct feature_origin *origin = &origins->origins[i];
        const struct value *v = &values[origin->feature];
        struct value *slot = &judge->layout.bound.frame[origin->slot];
        if (v->type == VALUE_TEXT) {
            struct text copy = arena_text(arena, v->text);
            *slot = copy.data ? value_text(copy) : origin->default_value;
        } else {
            *slot = *(v->type == VALUE_ABSENT ? &origin->default_value : v);
        }
    }
}

struct value *judge_feature_place(const struct judge *judge, size_t entity) {
    return &judge->layout.bound.frame[judge->entities[entity].origins[0].slot];
}

void judge_settle_features(struct judge *judge, size_t entity, struct arena *arena) {
    const struct feature_origins *origins = &judge->entities[entity];
    for (size_t i = 0; i < origins->unsettled_count; i++) {
        const struct feature_origin *origin = origins->unsettled[i];
        struct value *slot = &judge->layout.bound.frame[origin->slot];
        if (slot->type == VALUE_TEXT)
            slot->text = arena_text(arena, slot->text);
        if (slot->type == VALUE_ABSENT || (slot->type == VALUE_TEXT && !slot->text.data))
            *slot = origin->default_value;
    }
}

void judge_clear_entity(struct judge *judge, size_t entity) {
    const struct feature_origins *origins = &judge->entities[entity];
    for (size_t i = 0; i < origins->count; i++)
        judge->layout.bound.frame[origins->origins[i].slot] = value_absent();
}

void judge_share_filters(struct judge *judge, const struct filters *filters) {
    for (size_t i = 0; i < judge->snapshot->computed_count; i++)
        for (size_t f = 0; f < filters->count; f++)
            if (expression_is_same(judge->snapshot->computed[i].expression, filters->conditions[f]))
                judge->same_filters[i] = f;
}

/* A filter of the plan with the same program has the value already, unless its prefilter answered
 * no: that does not distinguish false from absent. */
static bool take_from_filter(const struct filters *filters, size_t filter,
                             struct value *ret_value) {
    if (!filters || filter == SIZE_MAX)
        return false;
    bool is_there = filters->passed[filter] || filters->values[filter].type != VALUE_MAP;
    if (is_there)
        *ret_value = filters->passed[filter] ? value_bool(true) : filters->values[filter];
    return is_there;
}

void judge_compute_values(struct judge *judge, const struct filters *filters, struct arena *arena) {
    struct value *frame = judge->layout.bound.frame;
    for (size_t i = 0; i < judge->snapshot->computed_count; i++) {
        const struct computed *computed = &judge->snapshot->computed[i];
        struct value *v = &frame[computed->slot];
        if (take_from_filter(filters, judge->same_filters[i], v))
            continue;
        enum prefilter_answer answer =
            prefilter_value(expression_prefilter(computed->expression), frame);
        if (answer == PREFILTER_MAYBE) {
            *v = expression_run(computed->expression, frame, arena);
        } else {
            v->type = answer == PREFILTER_ABSENT ? VALUE_ABSENT : VALUE_BOOL;
            v->boolean = answer == PREFILTER_YES;
        }
    }
}

void judge_evaluate_models(struct judge *judge, struct arena *arena) {
    struct value *frame = judge->layout.bound.frame;
    for (size_t i = 0; i < judge->snapshot->model_count; i++) {
        const struct policy_model *model = &judge->snapshot->models[i];
        policy_model_eval(model, frame, arena, judge->model_rows[i], &frame[model->slot]);
    }
}

/* Refuses texts that are too long for the key of an entity in the tables. */
static int check_keys(const struct judge *judge, const struct value *frame, struct text *ret_field,
                      struct error *ret_error) {
    const struct snapshot *rules = judge->snapshot;
    for (size_t i = 0; i < judge->key_field_count; i++) {
        const struct key_field *key = &judge->key_fields[i];
        const struct value *v = &frame[key->slot];
        if (v->type != VALUE_TEXT || v->text.length <= ENGINE_KEY_PART_MAX)
            continue;
        *ret_field = rules->slot_names[key->slot];
        return error_set(ret_error, ERROR_INVALID,
                         "%" TEXT_FORMAT " has %zu bytes; expected at most %d, because it "
                         "identifies the entity %" TEXT_FORMAT,
                         TEXT_ARGS(*ret_field), v->text.length, ENGINE_KEY_PART_MAX,
                         TEXT_ARGS(rules->plan.entities[key->entity].name));
    }
    return 0;
}

int judge_bind(const struct judge *judge, const struct transaction *transaction,
               const struct field_set *fields, const struct bound *bound, struct text *ret_field,
               struct error *ret_error) {
    int r = schema_bind_some(&judge->snapshot->schema, transaction, BIND_STRICT, fields->slots,
                             fields->count, bound, ret_field, ret_error);
    return r < 0 ? r : check_keys(judge, bound->frame, ret_field, ret_error);
}
