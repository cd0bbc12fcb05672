/* What an entity's features can cost at worst: bytes of its state, and work in a decision. */
#pragma once

#include "core/feature/plan/plan.h"

struct plan_cost {
    uint64_t bytes;   /* of one entity's state, encoded; in memory it may take several times as much */
    uint64_t entries; /* that one read visits: raw entries, collapsed tiles and sketch tiles */
};

/* The most that there can be, however busy the entity is: as long as it has fewer than 2^32
 * transactions, and the outcomes in its state have their transactions there. Most entities are far
 * below: they have not filled every tile. Greater than UINT64_MAX: UINT64_MAX. */
struct plan_cost entity_plan_cost(const struct entity_plan *entity);
