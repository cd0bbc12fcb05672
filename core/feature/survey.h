/* A survey: what must be known of a state to add an entry behind its newest without a look at the
 * others. Internal to core/feature. */
#pragma once

#include "tile.h"

struct survey {
    /* While the newest time is below this, no tile has to be collapsed, united with another or
     * dropped: folding the state would change nothing. */
    int64_t quiet_us;
    uint32_t newest_transactions; /* in the tile of the newest time; TILE_RAW_MAX + 1: collapsed */
    uint32_t transactions;        /* raw ones, at most TILE_RAW_MAX + 1 */
};

struct survey survey_state(const struct parts *parts, const struct entity_plan *entity);
