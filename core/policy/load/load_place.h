/* Where the rules and expressions of a loaded policy stand in its files. Private to core/policy. */
#pragma once

#include "load.h"

/* Where a rule stands. */
struct rule_place {
    const struct source *source;
    const struct tree_node *name;
    const struct noted_expression *when;
};

const struct tree_node *load_child(const struct tree_node *node, const char *name);

const struct noted_expression *load_noted(const struct load *load, const struct tree_node *node);

/* Of all rules of a load without faults, parallel to the snapshot's. */
void load_place_rules(const struct load *load, struct rule_place *ret_places);
