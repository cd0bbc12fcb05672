#include "load_place.h"

const struct tree_node *load_child(const struct tree_node *node, const char *name) {
    if (!node || node->kind != TREE_MAPPING)
        return NULL;
    for (const struct tree_node *child = node->first; child; child = child->next)
        if (text_is(child->key->text, name))
            return child;
    return NULL;
}

const struct noted_expression *load_noted(const struct load *load, const struct tree_node *node) {
    for (size_t i = 0; node && i < load->noted_count; i++)
        if (load->noted[i].node == node)
            return &load->noted[i];
    return NULL;
}

static void place_rule(const struct load *load, const struct source *source,
                       const struct tree_node *item, struct rule_place *places) {
    const struct snapshot *snapshot = load->snapshot;
    const struct tree_node *name = load_child(item, "name");
    for (size_t i = 0; i < snapshot->rule_count; i++)
        if (text_equal(snapshot->rules[i].name, name->text))
            places[i] = (struct rule_place){
                .source = source, .name = name, .when = load_noted(load, load_child(item, "when"))};
}

void load_place_rules(const struct load *load, struct rule_place *ret_places) {
    for (size_t i = 0; i < load->file_count; i++) {
        if (policy_file_kind(load->sources[i].path) != FILE_RULES)
            continue;
        const struct tree_node *rules = load_child(load->roots[i], "rules");
        for (const struct tree_node *item = rules->first; item; item = item->next)
            place_rule(load, &load->sources[i], item, ret_places);
    }
}
