/* Which value is made of what, kind by kind: derived from a plan's features, for gather_give().
 * Internal to core/feature. */
#pragma once

#include "core/feature/plan/plan.h"

/* Fills entity->givings and giving_starts; the gatherings are there. */
void giving_fill(struct entity_plan *entity);
