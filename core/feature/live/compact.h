/* Compaction: which tiles there are follows from the entries, the newest time and the plan alone
 * (plan/partition.h; state.c says why). As entries come and time goes on, tiles are collapsed,
 * united and dropped one by one, each when it is due; or all of it is done at once. Both give the
 * same. Internal to core/feature.
 *
 * A tile collapses when it holds more than TILE_RAW_MAX transactions; a collapsed tile takes in all
 * that is in its extent. So what has to be watched are runs of rows with just more transactions
 * than that, and neighbours of which one is a tile: each pair has a time at which one tile holds
 * both (partition_meeting()). */
#pragma once

#include "windows.h"

/* Finds out what will be due; nothing is due now. */
void compact_schedule(struct state *state, const struct entity_plan *entity);
/* A row has come, or has more transactions than before. */
void compact_note_row(struct state *state, const struct entity_plan *entity, uint32_t row);
/* Does what is due at state->newest_us. The state may be empty then. */
void compact_due(struct state *state, const struct entity_plan *entity);
/* Whatever tiles there are, in order of time, rows and sketch tiles likewise: makes of them what is
 * right for state->newest_us. The windows are forgotten, and what will be due is not known. */
void compact_all(struct state *state, const struct entity_plan *entity);

/* The collapsed tile in the extent that holds this time; false: there is none. */
bool compact_find_tile(const struct state *state, const struct entity_plan *entity, int64_t time_us,
                       uint32_t *ret_tile);
/* Adds an entry to it. */
void compact_grow_tile(struct state *state, const struct entity_plan *entity, uint32_t tile,
                       const struct entry *entry);
/* Is it so old that its block has been dropped? */
static inline bool is_dropped(const struct entity_plan *entity, int64_t time_us,
                              int64_t newest_us) {
    return is_behind(tile_extent_of(time_us, entity->block_level).last_us, newest_us,
                     entity->kept_us);
}
