/* Changes to collapsed tiles and sketch tiles where they lie in a state. Internal to core/feature.
 *
 * The state has a survey. What is in bytes behind the place of a change moves. */
#pragma once

#include "core/feature/sketch/summary.h"
#include "state.h"
#include "tile.h"

/* The tile, or sketch tile, that lies in the extent; false if there is none. There are others. */
bool collapsed_find_tile(const struct state *state, const struct parts *parts,
                         struct tile_extent extent, struct tile *ret_tile);
bool collapsed_find_sketch(const struct state *state, const struct parts *parts,
                           struct tile_extent extent, struct tile *ret_sketch);

/* Adds an entry to the tile that its time lies in, and its values to the sketch tile there, if
 * that is not dropped yet. newest_us: the newest time of the state, with the entry. */
void collapsed_add(struct state *state, const struct entity_plan *entity, const struct tile *tile,
                   const struct run_entry *added, int64_t newest_us);

/* Writes sketches in the place of [from, to), which is a sketch tile or nothing. Returns by how
 * many bytes the state grew, modulo 2^64. The head is the caller's to correct. */
size_t collapsed_put_sketches(struct state *state, const struct entity_plan *entity, size_t from,
                              size_t to, const struct sketches *sketches);

/* Values on their way into a sketch tile: for each pool as many as there are entries, or less. This
 * is the quick way for plans without distributions. */
struct values {
    uint64_t *of; /* [pool × stride …] */
    uint32_t *counts;
    uint32_t stride;
};

void values_init(struct values *values, const struct entity_plan *entity, uint32_t entries);
void values_deinit(struct values *values);
void values_collect(struct values *values, const struct entity_plan *entity,
                    const struct run_entry *entry);

/* Adds values to the sketch tile at sketch_at, which from now on reaches from oldest_us to
 * newest_us. Returns by how many bytes it grew. The head is as it was, and the caller's to
 * correct. */
size_t collapsed_add_values(struct state *state, const struct entity_plan *entity, size_t sketch_at,
                            const struct values *values, int64_t oldest_us, int64_t newest_us);
