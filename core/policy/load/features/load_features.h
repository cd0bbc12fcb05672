/* features.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills plan, bindings and computed values. After load_rule_headers(). */
void load_features(struct load *load);
