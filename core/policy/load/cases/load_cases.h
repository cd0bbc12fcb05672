/* Cases, beside rules and in cases/NAME.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills the snapshot's cases. The last of the loaders. */
void load_cases(struct load *load);
