/* schema.yaml. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Declares all fields of a transaction, derived ones last. After load_policy(). */
void load_schema(struct load *load);
