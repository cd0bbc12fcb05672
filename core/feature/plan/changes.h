/* What follows from a plan's windows: the borders that entries pass as they age and what passing
 * them changes, and how entries and tiles lie in memory. Internal to plan.c. */
#pragma once

#include "plan.h"

/* Fills borders, changes and comings; spans, aggregations and totals are there. */
void changes_fill(struct entity_plan *entity);
/* Fills rows and tile_words; columns, filters, totals and id_size are there. */
void layouts_fill(struct entity_plan *entity);
