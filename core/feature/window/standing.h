/* A standing: what every window of an entity holds, kept in front of a state's bytes in memory from
 * one read to the next, so that a read touches only what has entered or left since. standing.c says
 * how. Internal to core/feature: state_evaluate() drives it, state.c tells it what changes.
 *
 * It is a cache. The bytes alone say what a value is; a standing may be forgotten at any time and
 * is made again by a scan. Only states with many items have one (state_memory.h: state_standing()),
 * and where there is none, none of these does anything.
 *
 * An item is a raw entry or a collapsed tile. Positions in raw entries count from the run's
 * beginning, in collapsed tiles from the first tile's, so that neither head nor sketches nor the
 * other part moves them. */
#pragma once

#include "core/feature/state/run.h"
#include "core/feature/state/state.h"

struct standing;
struct gather;
struct values;

/* Its own memory is the state's. */
void standing_deinit(struct standing *standing);
void standing_moved(struct standing *standing); /* and its memory with it */
size_t standing_bytes(const struct state *state, const struct entity_plan *entity);

/* Brings the state's standing up to the time of a read; makes one where the state is worth it.
 * False: there is none, it is further than this time, or has much to look up; the bytes must be
 * scanned. */
bool standing_bring(struct state *state, const struct entity_plan *entity, int64_t at_us);
/* After that: what has been gathered, as gather_state() has it. gather_open() came before. */
void standing_give(const struct state *state, struct gather *gather);
int64_t standing_newest(const struct standing *standing); /* time of the newest item */

/* state_prefetch()'s: the standing itself (returns what prefetch_far_from() does), and then what it
 * leads to. */
const uint8_t *standing_prefetch(const struct state *state);
void standing_prefetch_due(const struct state *state, const struct entity_plan *entity,
                           int64_t at_us, const struct entry *current);

/* What state.c has to say about every change, once the bytes, the length and the head are as the
 * change leaves them. What none of the first six describes wholly is standing_forget(). */

/* A raw entry came behind all others, and is the newest item. Nothing else changed. */
void standing_note_appended(struct state *state, const struct entity_plan *entity,
                            const struct run_entry *added);

/* An entry, not older than its newest, went into the newest collapsed tile, which is the newest
 * item; and into its sketch. Nothing else changed. newest_us: the tile's newest time before. */
void standing_note_grown(struct state *state, const struct entity_plan *entity,
                         const struct run_entry *added, int64_t newest_us);

/* The oldest items went: the run is run_bytes shorter than it was and the tiles are tile_bytes
 * shorter. (The run's new first entry has a shorter time; that counts too.) */
void standing_note_dropped(struct state *state, const struct entity_plan *entity,
                           uint32_t run_bytes, uint32_t tile_bytes);

/* The oldest sketch tiles went. */
void standing_note_unsketched(struct state *state, const struct entity_plan *entity);

/* All items from first_us to last_us have become one collapsed tile. */
struct collapse {
    int64_t first_us, last_us;   /* the new tile's own oldest and newest time */
    uint32_t tile_at;            /* where the new tile begins, in the tiles */
    int64_t run_grew, tile_grew; /* bytes that the run and the tiles are now longer */
    /* The first raw entry behind: its time and where its identity begins now, in the run.
     * next_us = INT64_MAX: there is none. */
    int64_t next_us;
    uint32_t next_at;
    /* Raw entries that have collapsed, what of them went to a sketch tile (NULL: it is not known)
     * and what that was before: throng.h. */
    uint32_t entries;
    const struct values *values;
    uint64_t were_exact;
};
void standing_note_collapsed(struct state *state, const struct entity_plan *entity,
                             const struct collapse *collapse);

/* Sketch tiles have become one, from first_us to last_us. were_exact: throng.h. */
void standing_note_united(struct state *state, const struct entity_plan *entity, int64_t first_us,
                          int64_t last_us, uint64_t were_exact);

/* Anything else: an entry in the middle, a sum of tallies, a merge, a fold, other bytes. */
void standing_forget(struct state *state);
