/* One feature of features.yaml. Private to policy/. */
#pragma once

#include "feature_draft.h"

/* Appends the feature to the draft's plan, unless something was reported. */
void features_read_feature(struct features_loader *loader, struct entity_draft *draft,
                           const struct tree_node *node);
