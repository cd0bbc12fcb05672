/* Sketch tiles: the different values and the distributions of what has collapsed, by the tiles of
 * the plan's second, wider partition. Internal to core/feature. */
#pragma once

#include "tile.h"

/* The sketch tile that holds this time when the newest is newest_us; NULL: none does. */
struct sketch_tile *sketch_tile_find(const struct state *state, const struct entity_plan *entity,
                                     int64_t time_us, int64_t newest_us);
/* The same; where there is none, a new one. NULL: the plan has none, or no window will read this
 * one any more. Not for a time of its own: the caller extends it. */
struct sketch_tile *sketch_tile_make(struct state *state, const struct entity_plan *entity,
                                     int64_t time_us, int64_t newest_us);
void sketch_tile_extend(struct sketch_tile *tile, int64_t oldest_us, int64_t newest_us);
/* The values of a row: different ones that were ever put in, and how often each counts. */
void sketch_tile_add(struct sketch_tile *tile, const struct entity_plan *entity,
                     const struct row *row);
/* Moves all of the other one into it; the other is empty then. */
void sketch_tile_take(struct sketch_tile *tile, struct sketch_tile *other);
void sketch_tile_deinit(struct sketch_tile *tile);
/* An empty one behind all others of the state. */
struct sketch_tile *sketch_tile_append(struct state *state, const struct entity_plan *entity);
/* One with nothing in it, to be overwritten, where one of this oldest time belongs. */
struct sketch_tile *sketch_tile_insert(struct state *state, const struct entity_plan *entity,
                                       int64_t oldest_us);
/* Takes out sketch tiles [from, to) without freeing what is in them. */
void sketch_tiles_remove(struct state *state, uint32_t from, uint32_t to);
size_t sketch_tile_bytes(const struct sketch_tile *tile);

static inline uint32_t sketch_tile_count(const struct state *state) {
    return state->tile_list ? state->tile_list->sketch_count : 0;
}
