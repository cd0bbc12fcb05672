/* Conditions of an entity's features. Private to policy/. */
#pragma once

#include "feature_draft.h"

/* The number of the entity's filter with this condition, a new one if there is none yet; −1, and a
 * report at the node, when the entity has too many. */
int load_filter_add(struct features_loader *loader, struct entity_draft *draft,
                    const struct reader *reader, const struct tree_node *node,
                    const struct syntax *syntax);
