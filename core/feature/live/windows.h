/* What the windows of an entity hold, kept from one read to the next: one accumulator for each
 * aggregation, that changes as rows and tiles come into its window and leave it. Internal to
 * core/feature.
 *
 * Sums and counts are exact integers, so what is taken off leaves what a scan would find. What
 * cannot be taken off is looked for again when it is read: extremes of which one has left, and the
 * first or last row (row.h: ROW_UNKNOWN).
 *
 * The words of an accumulator, as far as the aggregation keeps them (enum kept): count, sum,
 * squares, extremes as in a tile (tile.h), then the first and the last row. */
#pragma once

#include "distinct.h"

/* Of one block with all that it needs while there are few values. */
static inline size_t windows_size(const struct entity_plan *entity) {
    return accumulators_end(entity) + (entity->pool_count > 0 ? distinct_size(entity) : 0);
}
void windows_init(struct windows *windows, const struct entity_plan *entity);
void windows_deinit(struct windows *windows);

/* The state's own. */
void windows_make(struct state *state, const struct entity_plan *entity);
void windows_free(struct state *state);
static inline void windows_forget(struct state *state) {
    if (state->windows)
        state->windows->is_known = false;
}

/* Brings windows of the state to at_us, not before they have been. Where they are not known, all of
 * it is found anew; they need not be the state's own then. */
void windows_bring(struct windows *windows, const struct state *state,
                   const struct entity_plan *entity, int64_t at_us);

/* An accumulator's parts; what the aggregation does not keep means nothing. */
struct accumulator {
    uint64_t *count, *sum, *squares, *extremes, *edges;
};
static inline struct accumulator accumulator_of(uint64_t *words, const struct change *coming) {
    struct accumulator parts;
    parts.count = words + coming->word;
    parts.sum = parts.count + 1;
    parts.squares = parts.sum + (coming->kept & KEPT_SUM ? 2 : 0);
    parts.extremes = parts.squares + (coming->kept & KEPT_SQUARES ? 3 : 0);
    parts.edges = parts.extremes + (coming->kept & KEPT_EXTREMES ? 2 : 0);
    return parts;
}
/* One of the extremes has left: the least is greater than the greatest. */
static inline bool extremes_are_stale(const uint64_t *extremes) {
    return (int64_t)extremes[0] > (int64_t)extremes[1];
}
/* Finds them again. */
void windows_look_up_extremes(struct windows *windows, const struct state *state,
                              const struct entity_plan *entity, const struct change *coming);
/* The first and the last row of a window that count; ROW_UNKNOWN: none. */
uint32_t windows_first_row(struct windows *windows, const struct state *state,
                           const struct entity_plan *entity, const struct change *coming);
uint32_t windows_last_row(struct windows *windows, const struct state *state,
                          const struct entity_plan *entity, const struct change *coming);

/* What the state says of each change, once rows, tiles and marks are as the change leaves them. */

/* A row came: behind all others, or (`inserted`) between them. */
void windows_note_row(struct state *state, const struct entity_plan *entity, uint32_t row,
                      bool inserted);
/* Rows and tiles of one extent have become one tile. */
void windows_note_united(struct state *state, const struct entity_plan *entity);
/* An entry came into tile i, whose newest time was newest_us. row: the entry in the layout of
 * as_row, which may be outcomes only. */
void windows_note_grown(struct state *state, const struct entity_plan *entity, uint32_t tile,
                        int64_t newest_us, const struct entry *entry, const struct state *as_row,
                        const uint8_t *row);

/* The weights of row i are about to change, and have changed. */
struct weights_before {
    int64_t of[PLAN_AGGREGATIONS_MAX];
};
void windows_weigh(const struct state *state, const struct entity_plan *entity, uint32_t row,
                   struct weights_before *ret_before);
void windows_note_weights(struct state *state, const struct entity_plan *entity, uint32_t row,
                          const struct weights_before *before);
