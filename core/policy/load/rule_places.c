/* Places are found again from the trees instead of being kept in the snapshot: only `harrier check`
 * and explanations need them. A load without errors guarantees the shape, so nothing is checked. */
#include "rule_places.h"

const struct noted_expression *noted_expression_of(const struct load *load,
                                                   const struct tree_node *node) {
    for (size_t i = 0; node && i < load->noted_count; i++)
        if (load->noted[i].node == node)
            return &load->noted[i];
    return NULL;
}

static void place_rule(const struct load *load, const struct source *source,
                       const struct tree_node *item, struct rule_place *places) {
    const struct snapshot *snapshot = load->snapshot;
    const struct tree_node *name = tree_child(item, "name");
    for (size_t i = 0; i < snapshot->rule_count; i++)
        if (text_equal(snapshot->rules[i].name, name->text))
            places[i] =
                (struct rule_place){.source = source,
                                    .item = item,
                                    .name = name,
                                    .when = noted_expression_of(load, tree_child(item, "when"))};
}

void rule_places_find(const struct load *load, struct rule_place *ret_places) {
    for (size_t i = 0; i < load->file_count; i++) {
        if (policy_file_kind(load->sources[i].path) != FILE_RULES)
            continue;
        const struct tree_node *rules = tree_child(load->roots[i], "rules");
        for (const struct tree_node *item = rules->first; item; item = item->next)
            place_rule(load, &load->sources[i], item, ret_places);
    }
}
