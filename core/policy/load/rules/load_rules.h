/* rules/NAME.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills the snapshot's rules and their prefilters. After load_thresholds(). */
void load_rules(struct load *load);
