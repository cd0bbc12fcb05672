/* "groups" of policy.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

void load_groups(struct load *load, const struct reader *reader, const struct tree_node *node);
