/* The analysis of `harrier check`: what nothing uses, and rules without a case. What can be
 * proved of conditions is in analysis_rules.c.
 *
 * It works on the noted expressions and the trees of a load without errors, so shapes and names are
 * not checked again. */
#include "analysis.h"

#include "analysis_report.h"
#include "analysis_rules.h"

#include "core/base/check.h"

#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------
 * What is used: by rules, by thresholds, and by what these use */

static void mark(const struct syntax *node, bool *used, size_t slot_count) {
    if (node->name && node->name->slot < slot_count)
        used[node->name->slot] = true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        mark(operand, used, slot_count);
}

static void mark_readers(const struct load *load, bool *used) {
    for (size_t i = 0; i < load->noted_count; i++) {
        const struct noted_expression *noted = &load->noted[i];
        if (noted->reader != SCOPE_VALUE && noted->reader != SCOPE_DERIVED)
            mark(noted->syntax, used, load->snapshot->slot_count);
    }
}

/* Keys, columns, rollouts and groups of thresholds use fields without an expression. */
static void mark_keys(const struct snapshot *snapshot, bool *used) {
    for (size_t i = 0; i < snapshot->rule_count; i++)
        if (snapshot->rules[i].rollout != RULE_ROLLOUT_ALL)
            used[snapshot->rules[i].rollout_slot] = true;
    for (size_t e = 0; e < snapshot->plan.entity_count; e++) {
        const struct entity_binding *binding = &snapshot->bindings[e];
        for (size_t i = 0; i < binding->key_slot_count; i++)
            used[binding->key_slots[i]] = true;
        for (size_t i = 0; i < snapshot->plan.entities[e].column_count; i++)
            used[binding->column_slots[i]] = true;
    }
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        for (size_t k = 0; k < snapshot->thresholds[i].key_count; k++)
            used[snapshot->thresholds[i].key_slots[k]] = true;
}

/* Marks what computed values read, if they are used themselves. From the last to the first: a value
 * only reads values before it, so one pass suffices. */
static void mark_named(const struct load *load, const struct tree_node *list, size_t first_slot,
                       bool *used) {
    const struct tree_node **items;
    size_t count = list ? list->child_count : 0;
    items = check_calloc(count + 1, sizeof *items);
    const struct tree_node *item = list ? list->first : NULL;
    for (size_t i = 0; i < count; i++, item = item->next)
        items[i] = item;
    for (size_t i = count; i-- > 0;) {
        const struct noted_expression *noted =
            noted_expression_of(load, tree_child(items[i], "value"));
        if (noted && used[first_slot + i])
            mark(noted->syntax, used, load->snapshot->slot_count);
    }
    free(items);
}

static void warn_unused(struct load *load, const struct source *source,
                        const struct tree_node *name, struct text full, const bool *used,
                        const char *what, const char *by) {
    const struct name *declared = scope_find(&load->scope, full);
    if (declared && declared->slot < load->snapshot->slot_count && !used[declared->slot])
        diagnostic_warn(&load->diagnostics, source, tree_position(name),
                        "%s \"%" TEXT_FORMAT "\" %s", what, TEXT_ARGS(full), by);
}

static void warn_unused_features(struct load *load, const struct source *source,
                                 const struct tree_node *root, const bool *used) {
    const struct tree_node *features = tree_child(root, "features");
    for (const struct tree_node *entity = features ? features->first : NULL; entity;
         entity = entity->next)
        for (const struct tree_node *item = entity->first; item; item = item->next) {
            const struct tree_node *name = tree_child(item, "name");
            struct text full = arena_printf(&load->scratch, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                                            TEXT_ARGS(entity->key->text), TEXT_ARGS(name->text));
            check(full.data);
            warn_unused(load, source, name, full, used, "feature", "is not used by any rule");
        }
    const struct tree_node *values = tree_child(root, "values");
    for (const struct tree_node *item = values ? values->first : NULL; item; item = item->next) {
        const struct tree_node *name = tree_child(item, "name");
        warn_unused(load, source, name, name->text, used, "value", "is not used by any rule");
    }
}

static void warn_unused_fields(struct load *load, const struct source *source,
                               const struct tree_node *root, const bool *used) {
    static const char *const kinds[][2] = {{"attributes", "attribute"},
                                           {"derived", "derived field"}};
    for (size_t i = 0; i < 2; i++) {
        const struct tree_node *fields = tree_child(root, kinds[i][0]);
        for (const struct tree_node *item = fields ? fields->first : NULL; item; item = item->next)
            warn_unused(load, source, item->key, item->key->text, used, kinds[i][1],
                        "is never read");
    }
}

static void warn_unused_models(struct load *load, const struct source *source,
                               const struct tree_node *root, const bool *used) {
    const struct tree_node *item = root->first->first; /* in the order of the snapshot's */
    for (size_t i = 0; i < load->snapshot->model_count; i++, item = item->next) {
        const struct policy_model *model = &load->snapshot->models[i];
        bool is_used = false;
        for (size_t k = 0; k < model->slot_count; k++)
            is_used |= used[model->slot + k];
        if (!is_used)
            diagnostic_warn(&load->diagnostics, source, tree_position(tree_child(item, "name")),
                            "model \"%" TEXT_FORMAT "\" is not used by any rule or threshold",
                            TEXT_ARGS(model->name));
    }
}

static void analyse_use(struct load *load) {
    const struct snapshot *snapshot = load->snapshot;
    bool *used = check_calloc(snapshot->slot_count + 1, sizeof *used);
    struct tree_node *features = NULL, *schema = NULL, *models = NULL;
    const struct source *features_source = load_find(load, FILE_FEATURES, &features);
    const struct source *models_source = load_find(load, FILE_MODELS, &models);
    const struct source *schema_source = load_find(load, FILE_SCHEMA, &schema);
    mark_readers(load, used);
    mark_keys(snapshot, used);
    mark_named(load, tree_child(features, "values"), snapshot->first_computed, used);
    if (features_source)
        warn_unused_features(load, features_source, features, used);
    if (models_source)
        warn_unused_models(load, models_source, models, used);
    /* A field counts as used if anything reads it, even an unused feature: clients send it for
     * that. */
    for (size_t i = 0; i < load->noted_count; i++)
        mark(load->noted[i].syntax, used, snapshot->slot_count);
    if (schema_source)
        warn_unused_fields(load, schema_source, schema, used);
    free(used);
}

/* ------------------------------------------------------------------------------------------------
 * Cases */

/* A case in which a rule must not fire does not show that it can. */
static bool fires_in_case(const struct snapshot *snapshot, size_t rule) {
    for (size_t i = 0; i < snapshot->case_count; i++) {
        const struct case_expectation *expect = &snapshot->cases[i].expect;
        for (size_t k = 0; k < expect->fire_count; k++)
            if (expect->fires[k] == rule)
                return true;
    }
    return false;
}

static void analyse_cases(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->load->snapshot;
    struct tree_node *root;
    const struct source *source = load_find(analysis->load, FILE_POLICY, &root);
    if (snapshot->case_count == 0 && snapshot->rule_count > 0) {
        diagnostic_warn(&analysis->load->diagnostics, source, (struct position){0},
                        "the policy has no cases: nothing tests what its rules decide");
        return;
    }
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        const struct rule *rule = &snapshot->rules[i];
        if (rule->mode != RULE_OFF && !fires_in_case(snapshot, i))
            diagnostic_warn(&analysis->load->diagnostics, analysis->rules[i].source,
                            tree_position(analysis->rules[i].name),
                            "rule \"%" TEXT_FORMAT "\" has no case in which it fires",
                            TEXT_ARGS(rule->name));
    }
}

/* ------------------------------------------------------------------------------------------------
 * The whole */

void analyse(struct load *load) {
    struct analysis analysis = {.load = load};
    if (load->diagnostics.errors > 0)
        return;
    analysis.rules = check_calloc(load->snapshot->rule_count + 1, sizeof *analysis.rules);
    arena_init(&analysis.scratch, SIZE_MAX / 4);
    rule_places_find(load, analysis.rules);
    analyse_use(load);
    analyse_rules(&analysis);
    analyse_cases(&analysis);
    arena_deinit(&analysis.scratch);
    free(analysis.rules);
}
