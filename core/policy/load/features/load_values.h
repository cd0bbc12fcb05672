/* "values" of features.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Once the features have slots. */
void load_values(struct load *load, const struct source *source, const struct tree_node *node);
