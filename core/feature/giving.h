/* Which value is made of what, kind by kind: derived from a plan's features, for gather_give().
 * Internal to core/feature. */
#pragma once

#include "plan.h"

/* Fills entity->givings and giving_ends; the gatherings are there. */
void giving_fill(struct entity_plan *entity);

/* What a column's integers are of its doubles: 10^digits. */
int64_t giving_scale(const struct column *column);
