/* "suppress" of rules, as hidden features of their entities. Private to policy/. */
#pragma once

#include "feature_draft.h"

/* Appends them after all other features of their entities. */
void features_read_suppressions(struct features_loader *loader);
/* Once features have slots: from places within the entity to slots of the frame. */
void features_place_suppressions(struct features_loader *loader);
