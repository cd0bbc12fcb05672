/* The worst case in time, from counts: entries that the busiest entity's state holds (plan cost)
 * and steps of expressions (cost.c), each times a constant measured once. Integer arithmetic that
 * saturates: a policy at the limits of everything must give a large number, not a small one. */
#include "latency.h"

#include "core/base/check.h"
#include "core/feature/state/cost.h"
#include "core/model/contributions.h"

#include <stdlib.h>

const char *latency_kind_name(enum latency_kind kind) {
    static const char *const names[] = {
        [LATENCY_ENTITY] = "entity",       [LATENCY_DERIVED] = "derived field",
        [LATENCY_VALUE] = "value",         [LATENCY_RULE] = "rule",
        [LATENCY_THRESHOLD] = "threshold", [LATENCY_MODEL] = "model"};
    return names[kind];
}

/* Thresholds that a decision looks up in the tables. */
static size_t grouped_count(const struct snapshot *snapshot) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        count += snapshot->thresholds[i].groups_in_tables;
    return count;
}

size_t latency_item_count(const struct snapshot *snapshot) {
    return snapshot->plan.entity_count +
           (snapshot->schema.field_count - snapshot->schema.first_derived) +
           snapshot->computed_count + snapshot->rule_count + grouped_count(snapshot) +
           snapshot->model_count;
}

static uint64_t add_saturated(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply_saturated(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* An entry is visited once for all windows (where extremes or the first or last one have left, once
 * more), plus a little for each few aggregates that count it;
 * the entity's conditions are evaluated once for a transaction. */
static struct latency_item entity_item(const struct snapshot *snapshot, size_t entity) {
    const struct entity_plan *plan = &snapshot->plan.entities[entity];
    struct latency_item item = {.kind = LATENCY_ENTITY,
                                .name = plan->name,
                                .entries = entity_plan_cost(plan).entries,
                                .ns = LATENCY_ENTITY_NS};
    for (size_t i = 0; i < plan->filter_count; i++)
        item.steps += expression_cost(snapshot->bindings[entity].filters[i]);
    uint64_t entry_ns = LATENCY_ENTRY_NS + LATENCY_VALUE_NS * plan->pool_count +
                        plan->aggregation_count / LATENCY_WINDOWS;
    item.ns = add_saturated(item.ns, multiply_saturated(item.entries, entry_ns));
    return item;
}

static struct latency_item rule_item(const struct rule *rule) {
    struct latency_item item = {.kind = LATENCY_RULE, .name = rule->name};
    if (rule->mode == RULE_OFF)
        return item;
    item.steps = expression_cost(rule->when);
    for (size_t i = 0; i < rule->reason_count; i++)
        if (rule->reason[i].expression)
            item.steps += expression_cost(rule->reason[i].expression);
    return item;
}

static struct latency_item model_item(const struct policy_model *model) {
    const struct model_shape *shape = model_shape(model->model);
    struct latency_item item = {
        .kind = LATENCY_MODEL, .name = model->name, .splits = shape->steps + shape->tree_count};
    for (size_t i = 0; i < shape->input_count; i++)
        item.steps += expression_cost(model->bindings[i].expression);
    item.ns = add_saturated(multiply_saturated(shape->input_count, LATENCY_INPUT_NS),
                            multiply_saturated(item.splits, LATENCY_SPLIT_NS));
    if (model->reasons.top > 0)
        item.ns = add_saturated(
            item.ns, multiply_saturated(contributions_steps(model->model), LATENCY_LEAF_NS));
    return item;
}

/* Ties are ordered by kind and name, so that reports are the same on every run. */
static int compare_items(const void *left, const void *right) {
    const struct latency_item *a = left, *b = right;
    if (a->ns != b->ns)
        return a->ns > b->ns ? -1 : 1;
    return a->kind != b->kind ? (int)a->kind - (int)b->kind : text_compare(a->name, b->name);
}

void latency_items(const struct snapshot *snapshot, struct latency_item *ret_items) {
    const struct schema *schema = &snapshot->schema;
    size_t count = 0;
    for (size_t i = 0; i < snapshot->plan.entity_count; i++)
        ret_items[count++] = entity_item(snapshot, i);
    for (size_t i = schema->first_derived; i < schema->field_count; i++)
        ret_items[count++] =
            (struct latency_item){.kind = LATENCY_DERIVED,
                                  .name = schema->fields[i].name,
                                  .steps = expression_cost(schema->fields[i].derivation)};
    for (size_t i = 0; i < snapshot->computed_count; i++)
        ret_items[count++] =
            (struct latency_item){.kind = LATENCY_VALUE,
                                  .name = snapshot->computed[i].name,
                                  .steps = expression_cost(snapshot->computed[i].expression)};
    for (size_t i = 0; i < snapshot->model_count; i++)
        ret_items[count++] = model_item(&snapshot->models[i]);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        ret_items[count++] = rule_item(&snapshot->rules[i]);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (snapshot->thresholds[i].groups_in_tables) /* found like an entity's state */
            ret_items[count++] = (struct latency_item){.kind = LATENCY_THRESHOLD,
                                                       .name = snapshot->thresholds[i].name,
                                                       .ns = LATENCY_ENTITY_NS};
    for (size_t i = 0; i < count; i++)
        ret_items[i].ns = add_saturated(ret_items[i].ns, ret_items[i].steps * LATENCY_STEP_NS);
    if (count > 1)
        qsort(ret_items, count, sizeof *ret_items, compare_items);
}

uint64_t latency_sum_ns(const struct latency_item *items, size_t count) {
    uint64_t ns = LATENCY_BASE_NS;
    for (size_t i = 0; i < count; i++)
        ns = add_saturated(ns, items[i].ns);
    return ns;
}

uint64_t latency_ns(const struct snapshot *snapshot) {
    size_t count = latency_item_count(snapshot);
    struct latency_item *items = check_calloc(count + 1, sizeof *items);
    latency_items(snapshot, items);
    uint64_t ns = latency_sum_ns(items, count);
    free(items);
    return ns;
}
