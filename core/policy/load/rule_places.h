/* The places of the rules and expressions of a loaded policy in its files. Private to core/policy.
 */
#pragma once

#include "load.h"

struct rule_place {
    const struct source *source;
    const struct tree_node *item, *name; /* the whole rule; its name */
    const struct noted_expression *when;
};

/* The noted expression of a text node; NULL: none, or node is NULL. */
const struct noted_expression *noted_expression_of(const struct load *load,
                                                   const struct tree_node *node);

/* The places of all rules of a load without errors; ret_places: parallel to the snapshot's. */
void rule_places_find(const struct load *load, struct rule_place *ret_places);
