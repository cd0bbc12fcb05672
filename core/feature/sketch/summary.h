/* What becomes of a tile's entries when it collapses, decoded: a summary of totals, and the
 * sketches of a sketch tile. Internal to core/feature. */
#pragma once

#include "core/feature/state/tile.h"
#include "core/feature/state/total.h"
#include "distribution.h"

/* A collapsed tile, decoded. Texts point to where they came from. */
struct summary {
    int64_t oldest_us, newest_us;
    uint64_t transactions;    /* 0: nothing was added yet. Stops at its greatest number */
    struct tallied tallied[]; /* parallel to the plan's totals */
};

struct summary *summary_new(const struct entity_plan *entity); /* free() it */
void summary_clear(struct summary *summary, const struct entity_plan *entity);
void summary_add_entry(struct summary *summary, const struct entity_plan *entity,
                       const struct run_entry *entry);
/* Fails (tile->body.failed) on what summary_encode() would not have written. */
void summary_add_tile(struct summary *summary, const struct entity_plan *entity, struct tile *tile);
void summary_encode(const struct summary *summary, const struct entity_plan *entity,
                    struct buffer *bytes);
/* Appends the tile with one more entry to bytes, total by total. */
void summary_grow_tile(const struct tile *tile, const struct entity_plan *entity,
                       const struct run_entry *entry, struct buffer *bytes);
uint64_t tile_transactions(const struct tile *tile);

/* A sketch tile, decoded. */
struct sketches {
    int64_t oldest_us, newest_us;
    bool any;
    struct distribution
        *distributions;     /* parallel to the plan's; in the same memory, behind the rest */
    struct sketch sketch[]; /* parallel to the plan's pools */
};

struct sketches *sketches_new(const struct entity_plan *entity); /* free() it */
void sketches_clear(struct sketches *sketches, const struct entity_plan *entity);
void sketches_extend(struct sketches *sketches, int64_t oldest_us, int64_t newest_us);
/* The values only, not the time. */
void sketches_add_entry(struct sketches *sketches, const struct entity_plan *entity,
                        const struct run_entry *entry);
/* Fails (tile->body.failed) on what cannot be read. */
void sketches_add_tile(struct sketches *sketches, const struct entity_plan *entity,
                       struct tile *tile);
/* Bit i: the sketch tile has the values of pool i one by one; of the first 64 pools. */
uint64_t sketches_exact(const struct tile *tile, const struct entity_plan *entity);
void sketches_encode(const struct sketches *sketches, const struct entity_plan *entity,
                     struct buffer *bytes);
