/* The hashes that name what a plan makes of records: they are stored beside states. Internal to
 * plan.c. */
#pragma once

#include "plan.h"

/* What a feature's values mean: equal as long as they may be taken over from another plan. */
uint64_t plan_definition_hash(const struct entity_plan *entity, const struct feature *feature);
/* What an entity's states look like, once spans, totals and pools are there. */
uint64_t plan_layout_hash(const struct entity_plan *entity);
/* All of it, once every entity has the two above. */
uint64_t plan_whole_hash(const struct plan *plan);

/* Is a value asked for over this window that comes from sketches where tiles have collapsed? */
bool plan_reads_sketches(const struct entity_plan *entity, const struct span *span);
