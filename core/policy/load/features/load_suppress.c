/* "suppress" of a rule: {by: card, for: 1h} is a hidden feature of the entity, the count of
 * transactions within the last hour on which the rule fired with effect. So what a suppression
 * remembers is part of the entities' states, and is rebuilt, merged and replayed like any other
 * feature. */
#include "load_suppress.h"

#include "core/base/check.h"
#include "core/policy/load/rules/load_rule_headers.h"
#include "load_filter.h"

static struct entity_draft *find_entity(struct features_loader *loader, const struct reader *reader,
                                        const struct tree_node *node) {
    struct text name;
    if (!read_text(reader, node, "by", NAME_SIZE_MAX, &name))
        return NULL;
    struct near near = near_to(name);
    for (size_t i = 0; i < loader->draft_count; i++) {
        struct entity_draft *draft = &loader->drafts[i];
        if (text_equal(draft->plan.name, name))
            return draft->broken ? NULL : draft;
        near_try(&near, draft->plan.name);
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    if (!loader->load->scope.incomplete)
        read_diagnostic(reader, node, "unknown entity \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(name),
                        *hint ? hint : "; entities are declared in features.yaml");
    return NULL;
}

/* The condition is made here and its rule exists, so no error of the author's can occur in it. */
static void report_defect(struct reporter *reporter, size_t offset, size_t length,
                          const char *text) {
    (void)reporter, (void)offset, (void)length, (void)text;
}

/* The condition; NULL: there are too many, or the rule's name is invalid, which load_rules.c
 * reports. */
static const struct syntax *fired_condition(struct load *load, const struct reader *reader,
                                            const struct tree_node *node, struct text rule) {
    struct reporter reporter = {.report = report_defect};
    struct text source =
        arena_printf(&load->scratch, "fired(\"%" TEXT_FORMAT "\")", TEXT_ARGS(rule));
    check(source.data);
    const struct syntax *condition =
        expression_check(source, &load->scope, SCOPE_FILTER, VALUE_BOOL, &load->scratch, &reporter);
    if (!condition && load->rule_names.asked_count == SCOPE_FIRED_MAX)
        read_diagnostic(
            reader, node,
            "fired() and suppressions refer to more than %d different rules; each suppression "
            "refers to its own",
            SCOPE_FIRED_MAX);
    return condition;
}

/* An entity that only has suppressions has no array of features yet. */
static bool has_room(struct features_loader *loader, const struct reader *reader,
                     const struct tree_node *node, struct entity_draft *draft) {
    if (!draft->plan.features) {
        draft->plan.features = arena_calloc(loader->load->arena, loader->load->rule_header_count,
                                            sizeof *draft->plan.features);
        check(draft->plan.features);
    }
    if (draft->plan.feature_count < PLAN_FEATURES_MAX)
        return true;
    read_diagnostic(reader, node,
                    "entity \"%" TEXT_FORMAT
                    "\" has more than %d features; each suppression counts as one",
                    TEXT_ARGS(draft->plan.name), PLAN_FEATURES_MAX);
    return false;
}

static void add_feature(struct features_loader *loader, struct entity_draft *draft,
                        const struct rule_header *header, int filter, int64_t window_us) {
    struct feature *feature = &draft->plan.features[draft->plan.feature_count++];
    draft->hidden_count++;
    *feature = (struct feature){
        .name = arena_printf(loader->load->arena, "suppress(%" TEXT_FORMAT ")",
                             TEXT_ARGS(header->name)),
        .aggregate = AGGREGATE_COUNT,
        .column = -1,
        .filter = filter,
        .part = -1,
        .window_us = window_us,
    };
    check(feature->name.data);
}

static void read_suppression(struct features_loader *loader, struct rule_header *header) {
    struct reader reader = load_reader(loader->load, header->source);
    struct key keys[] = {{"by", true, NULL}, {"for", true, NULL}};
    int64_t window_us;
    if (header->suppress->kind == TREE_TEXT) {
        read_diagnostic(
            &reader, header->suppress,
            "suppress needs an entity and a duration; expected for example {by: card, for: 1h}");
        return;
    }
    bool good = read_keys(&reader, header->suppress, "suppress", keys, 2);
    struct entity_draft *draft = keys[0].node ? find_entity(loader, &reader, keys[0].node) : NULL;
    if (keys[1].node)
        good &= read_duration(&reader, keys[1].node, "for", INT64_C(1000000), PLAN_WINDOW_US_MAX,
                              &window_us);
    const struct syntax *fired =
        good && draft ? fired_condition(loader->load, &reader, header->suppress, header->name)
                      : NULL;
    if (!fired || !has_room(loader, &reader, header->suppress, draft))
        return;
    int filter = load_filter_add(loader, draft, &reader, header->suppress, fired);
    if (filter < 0)
        return;
    /* Its index among the entity's features, until features_place_suppressions(). */
    header->suppress_slot = draft->plan.feature_count;
    header->entity = (size_t)(draft - loader->drafts);
    add_feature(loader, draft, header, filter, window_us);
}

void features_read_suppressions(struct features_loader *loader) {
    struct load *load = loader->load;
    for (size_t i = 0; i < load->rule_header_count; i++)
        if (load->rule_headers[i].suppress && !load->rule_headers[i].suppress->broken)
            read_suppression(loader, &load->rule_headers[i]);
}

void features_place_suppressions(struct features_loader *loader) {
    struct load *load = loader->load;
    for (size_t i = 0; i < load->rule_header_count; i++) {
        struct rule_header *header = &load->rule_headers[i];
        if (header->suppress_slot != SIZE_MAX)
            header->suppress_slot += loader->drafts[header->entity].binding.first_feature;
    }
}
