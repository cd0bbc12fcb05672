/* "derived" of schema.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Once the schema's other fields are in the scope: appends the derived ones. */
void load_derived(struct load *load, const struct source *source, const struct tree_node *node);
