/* features.yaml: entities and their features, which make the plan.
 *
 * An entity's columns and filters are shared by its features: load_aggregate.c and load_filter.c
 * add those that it does not have yet. Drafts live in scratch memory until all is known; then those
 * with features become the plan, in the order of the file. */
#include "load_features.h"

#include "core/base/check.h"
#include "core/feature/plan/finish.h"
#include "core/feature/state/cost.h"
#include "core/policy/load/settings/load_field.h"
#include "load_feature.h"
#include "load_suppress.h"
#include "load_values.h"

/* ------------------------------------------------------------------------------------------------
 * Entities */

static void append_key(struct features_loader *loader, struct entity_draft *draft,
                       const struct field *field) {
    struct text *key = &draft->plan.key;
    *key = key->length ? arena_printf(loader->load->arena, "%" TEXT_FORMAT "+%" TEXT_FORMAT,
                                      TEXT_ARGS(*key), TEXT_ARGS(field->canonical))
                       : field->canonical;
    check(key->data);
    draft->binding.key_slots[draft->binding.key_slot_count++] =
        (size_t)(field - loader->load->snapshot->schema.fields);
}

static void read_key_part(struct features_loader *loader, struct entity_draft *draft,
                          const struct tree_node *node) {
    const struct field *field = load_field_read(loader->load, &loader->reader, node, "key");
    if (!field) {
        draft->broken = true;
        return;
    }
    size_t slot = (size_t)(field - loader->load->snapshot->schema.fields);
    for (size_t i = 0; i < draft->binding.key_slot_count; i++)
        if (draft->binding.key_slots[i] == slot) {
            read_diagnostic(&loader->reader, node, "key: \"%" TEXT_FORMAT "\" appears twice",
                            TEXT_ARGS(field->name));
            draft->broken = true;
            return;
        }
    if (field->type != VALUE_TEXT) {
        read_diagnostic(&loader->reader, node,
                        "key: \"%" TEXT_FORMAT "\" is %s; expected a text field",
                        TEXT_ARGS(field->name), value_type_name(field->type));
        draft->broken = true;
        return;
    }
    append_key(loader, draft, field);
}

static void read_key(struct features_loader *loader, struct entity_draft *draft,
                     const struct tree_node *node) {
    if (node->kind == TREE_TEXT) {
        read_key_part(loader, draft, node);
        return;
    }
    if (!read_list(&loader->reader, node, "key") || node->child_count == 0 ||
        node->child_count > PLAN_KEY_PARTS_MAX) {
        if (node->kind == TREE_LIST && !node->broken)
            read_diagnostic(&loader->reader, node, "key has %zu fields; expected 1 to %d",
                            node->child_count, PLAN_KEY_PARTS_MAX);
        draft->broken = true;
        return;
    }
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_key_part(loader, draft, item);
}

static bool may_be_entity(struct features_loader *loader, const struct tree_node *key,
                          struct text name) {
    const struct field *field = load_field_find(loader->load, name);
    if (load_is_taken(name) || (field && field->kind == FIELD_KIND_ATTRIBUTE)) {
        read_diagnostic(&loader->reader, key, "an entity cannot be called \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(name), field ? ": there is an attribute of this name" : "");
        return false;
    }
    return true;
}

static void read_entity(struct features_loader *loader, const struct tree_node *node) {
    struct entity_draft *draft = &loader->drafts[loader->draft_count];
    *draft = (struct entity_draft){.node = node->key};
    if (!read_name(&loader->reader, node->key, "entity", false, &draft->plan.name) ||
        !may_be_entity(loader, node->key, draft->plan.name))
        return;
    loader->draft_count++;
    struct key keys[] = {{"key", true, NULL}, {"about", false, NULL}};
    if (read_keys(&loader->reader, node, "an entity", keys, 2))
        read_key(loader, draft, keys[0].node);
    else
        draft->broken = true;
    draft->plan.columns =
        arena_calloc(loader->load->arena, PLAN_COLUMNS_MAX, sizeof *draft->plan.columns);
    draft->plan.filters =
        arena_calloc(loader->load->arena, PLAN_FILTERS_MAX, sizeof *draft->plan.filters);
    check(draft->plan.columns && draft->plan.filters);
}

static void read_entities(struct features_loader *loader, const struct tree_node *node) {
    if (!read_mapping(&loader->reader, node, "entities")) {
        loader->load->scope.incomplete = true;
        return;
    }
    if (node->child_count > PLAN_ENTITIES_MAX) {
        read_diagnostic(&loader->reader, node, "%zu entities; expected at most %d",
                        node->child_count, PLAN_ENTITIES_MAX);
        loader->load->scope.incomplete = true;
        return;
    }
    loader->drafts =
        arena_calloc(&loader->load->scratch, node->child_count, sizeof *loader->drafts);
    check(loader->drafts);
    for (const struct tree_node *item = node->first; item; item = item->next)
        if (!item->key->broken)
            read_entity(loader, item);
}

/* ------------------------------------------------------------------------------------------------
 * All of them */

static struct entity_draft *find_draft(struct features_loader *loader,
                                       const struct tree_node *key) {
    struct near near = near_to(key->text);
    for (size_t i = 0; i < loader->draft_count; i++) {
        if (text_equal(loader->drafts[i].plan.name, key->text))
            return &loader->drafts[i];
        near_try(&near, loader->drafts[i].plan.name);
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    if (!loader->load->scope.incomplete)
        read_diagnostic(&loader->reader, key, "unknown entity \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(key->text),
                        *hint ? hint : "; entities are declared under \"entities\"");
    /* Its features are unknown now; only the entity is reported. */
    loader->load->scope.incomplete = true;
    return NULL;
}

static void read_entity_features(struct features_loader *loader, const struct tree_node *node) {
    struct entity_draft *draft = find_draft(loader, node->key);
    if (!draft || !read_list(&loader->reader, node, "features of an entity")) {
        loader->load->scope.incomplete = true;
        return;
    }
    if (node->child_count > PLAN_FEATURES_MAX) {
        read_diagnostic(&loader->reader, node, "%zu features; expected at most %d",
                        node->child_count, PLAN_FEATURES_MAX);
        loader->load->scope.incomplete = true;
        return;
    }
    draft->plan.features =
        arena_calloc(loader->load->arena, node->child_count + loader->load->rule_header_count,
                     sizeof *draft->plan.features);
    check(draft->plan.features);
    for (const struct tree_node *item = node->first; item; item = item->next)
        features_read_feature(loader, draft, item);
}

static void keep_entities(struct features_loader *loader) {
    struct load *load = loader->load;
    load->scope.entities =
        arena_calloc(&load->scratch, loader->draft_count, sizeof *load->scope.entities);
    check(load->scope.entities);
    for (size_t i = 0; i < loader->draft_count; i++)
        load->scope.entities[load->scope.entity_count++] = loader->drafts[i].plan.name;
}

/* Slots of the names of one entity's features, in the plan's order. */
static void place_features(struct load *load, const struct entity_draft *draft, size_t first_slot) {
    for (size_t i = 0; i < draft->plan.feature_count - draft->hidden_count; i++) {
        struct text full =
            arena_printf(&load->scratch, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                         TEXT_ARGS(draft->plan.name), TEXT_ARGS(draft->plan.features[i].name));
        check(full.data);
        struct name *name = scope_change(&load->scope, full);
        name->slot = first_slot + i;
    }
}

/* All conditions have been read, so the rules that fired() asks for are known and get their slots.
 */
static void keep_fired(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    const struct rule_names *rules = &load->rule_names;
    snapshot->fired_count = rules->asked_count;
    snapshot->fired_rules =
        arena_calloc(load->arena, rules->asked_count, sizeof *snapshot->fired_rules);
    check(snapshot->fired_rules);
    for (size_t i = 0; i < rules->asked_count; i++) {
        snapshot->fired_rules[i] = arena_text(load->arena, rules->asked_rules[i]);
        check(snapshot->fired_rules[i].data);
    }
    snapshot->first_feature = snapshot->first_fired + snapshot->fired_count;
}

/* Drafts with features → the plan; slots for their features. */
/* Entities without features are left out: they would have no state. One that has only broken
 * features is not reported again. */
static void make_plan(struct features_loader *loader) {
    struct load *load = loader->load;
    struct snapshot *snapshot = load->snapshot;
    struct plan *plan = &snapshot->plan;
    plan->entities = arena_calloc(load->arena, loader->draft_count, sizeof *plan->entities);
    snapshot->bindings = arena_calloc(load->arena, loader->draft_count, sizeof *snapshot->bindings);
    check(plan->entities && snapshot->bindings);
    keep_fired(load);
    size_t slot = snapshot->first_feature;
    for (size_t i = 0; i < loader->draft_count; i++) {
        struct entity_draft *draft = &loader->drafts[i];
        if (draft->plan.feature_count == 0) {
            if (!draft->broken && !draft->plan.features)
                diagnostic_warn(
                    &load->diagnostics, loader->reader.source, tree_position(draft->node),
                    "entity \"%" TEXT_FORMAT "\" has no features", TEXT_ARGS(draft->plan.name));
            continue;
        }
        draft->binding.first_feature = slot;
        place_features(load, draft, slot);
        slot += draft->plan.feature_count;
        snapshot->bindings[plan->entity_count] = draft->binding;
        plan->entities[plan->entity_count++] = draft->plan;
    }
    snapshot->feature_count = slot - snapshot->first_feature;
}

/* plan_finish() computes what all plans need and checks limits that the loaders do not know. */
static void finish_plan(struct load *load) {
    struct error error;
    if (load->diagnostics.errors > 0 || plan_finish(&load->snapshot->plan, &error) == 0)
        return;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_FEATURES, &root);
    diagnostic_add(&load->diagnostics, source ? source : load->sources, (struct position){0}, "%s",
                   error.text);
}

/* Lengths in an encoded state have 32 bits: policies in which one could outgrow them are refused.
 * In memory a state may take several times as much (full distributions do), which the overlay's
 * limit is for. */
static void check_sizes(struct features_loader *loader) {
    const struct plan *plan = &loader->load->snapshot->plan;
    for (size_t i = 0; loader->load->diagnostics.errors == 0 && i < plan->entity_count; i++) {
        struct plan_cost cost = entity_plan_cost(&plan->entities[i]);
        size_t at = 0;
        while (!text_equal(loader->drafts[at].plan.name, plan->entities[i].name))
            at++;
        if (cost.bytes > UINT32_MAX)
            read_diagnostic(
                &loader->reader, loader->drafts[at].node,
                "the state of its busiest key could reach %.0f GiB; expected at most 4: use "
                "fewer quantile and distinct features over long windows, fewer windows of "
                "seconds, or a shorter lateness",
                (double)cost.bytes / (double)(1 << 30));
    }
}

static void read_file(struct features_loader *loader, const struct tree_node *root) {
    struct load *load = loader->load;
    struct key keys[] = {
        {"entities", false, NULL}, {"features", false, NULL}, {"values", false, NULL}};
    if (!read_keys(&loader->reader, root, "features.yaml", keys, 3)) {
        load->scope.incomplete = true;
        return;
    }
    if (keys[0].node)
        read_entities(loader, keys[0].node);
    keep_entities(loader);
    if (keys[1].node && !read_mapping(&loader->reader, keys[1].node, "features"))
        load->scope.incomplete = true;
    else if (keys[1].node)
        for (const struct tree_node *item = keys[1].node->first; item; item = item->next)
            if (!item->key->broken)
                read_entity_features(loader, item);
    features_read_suppressions(loader);
    make_plan(loader);
    features_place_suppressions(loader);
    load->snapshot->first_computed = load->snapshot->first_feature + load->snapshot->feature_count;
    if (keys[2].node)
        load_values(load, loader->reader.source, keys[2].node);
}

void load_features(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    static const struct name later[] = {
        {.kind = NAME_LATER, .type = VALUE_TEXT, .words = WORDS_VERDICT},
        {.kind = NAME_LATER, .type = VALUE_TEXT, .words = WORDS_OUTCOME},
    };
    /* Filters read them from the slots right after the fields; snapshot.h puts them there. */
    snapshot->slot_verdict = snapshot->schema.field_count;
    snapshot->slot_outcome = snapshot->schema.field_count + 1;
    static const char *const names[] = {"verdict", "outcome"};
    for (size_t i = 0; i < 2; i++) {
        struct name name = later[i];
        name.text = name.canonical = text_of(names[i]);
        name.slot = snapshot->slot_verdict + i;
        scope_add(&load->scope, name);
    }
    snapshot->first_fired = load->rule_names.first_slot = snapshot->schema.field_count + 2;
    load->scope.rules = &load->rule_names;
    snapshot->first_feature = snapshot->first_computed = snapshot->first_fired;
    struct tree_node *root;
    const struct source *source = load_find(load, FILE_FEATURES, &root);
    if (source) {
        struct features_loader loader = {.load = load, .reader = load_reader(load, source)};
        read_file(&loader, root);
        finish_plan(load);
        check_sizes(&loader);
    } else {
        struct features_loader loader = {.load = load};
        features_read_suppressions(&loader); /* of entities that there are none of */
        finish_plan(load);
    }
}
