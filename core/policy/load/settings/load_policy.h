/* policy.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills the snapshot's settings, groups and the schema's money. The first of the loaders. */
void load_policy(struct load *load);
