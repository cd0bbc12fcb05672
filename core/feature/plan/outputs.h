/* How the value of each feature is computed, derived from a plan. Internal to plan.c. */
#pragma once

#include "plan.h"

/* Fills entity->outputs; the features' aggregations are there. */
void outputs_fill(struct entity_plan *entity);
