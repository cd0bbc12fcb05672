/* What a feature computes. Both return false when something was reported. Private to policy/. */
#pragma once

#include "feature_draft.h"

bool feature_read_aggregate(struct feature_draft *it);
/* After the aggregate. Adds the column of the field and of its currency; for `share`, `of` is a
 * condition and is not read here. */
bool feature_read_of(struct feature_draft *it);
