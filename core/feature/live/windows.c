#include "windows.h"

#include "core/base/check.h"

#include <stdlib.h>

/* Memory. */

void windows_init(struct windows *windows, const struct entity_plan *entity) {
    windows->is_known = false;
    windows->size = (uint32_t)windows_size(entity);
    windows->distinct = NULL;
    if (entity->pool_count == 0)
        return;
    windows->distinct = (struct distinct *)(void *)((uint8_t *)windows + accumulators_end(entity));
    distinct_init(windows->distinct, entity);
}

void windows_deinit(struct windows *windows) {
    if (windows->distinct)
        distinct_deinit(windows->distinct);
}

void windows_make(struct state *state, const struct entity_plan *entity) {
    state->windows = state_resize(state, NULL, 0, windows_size(entity));
    windows_init(state->windows, entity);
}

void windows_free(struct state *state) {
    if (!state->windows)
        return;
    windows_deinit(state->windows);
    state_free(state, state->windows, state->windows->size);
    state->windows = NULL;
}

/* Rows. */

enum effect { COMES, LEAVES, STAYS };

static inline void change_extremes(uint64_t *extremes, const struct change *change,
                                   enum effect effect, bool any, int64_t value) {
    int64_t *least = (int64_t *)extremes, *greatest = least + 1;
    if (effect == COMES && !any) {
        *least = *greatest = value;
    } else if (effect == COMES && *least <= *greatest) {
        *least = value < *least ? value : *least;
        *greatest = value > *greatest ? value : *greatest;
    } else if (effect == LEAVES && (((change->kept & KEPT_MIN) && value <= *least) ||
                                    ((change->kept & KEPT_MAX) && value >= *greatest))) {
        *least = INT64_MAX;
        *greatest = INT64_MIN;
    }
}

#define NO_EDGES (ROW_UNKNOWN | (uint64_t)ROW_UNKNOWN << 32)

static inline void change_edges(uint64_t *edges, enum effect effect, bool any, uint32_t row) {
    uint32_t first = (uint32_t)*edges, last = (uint32_t)(*edges >> 32);
    if (effect == COMES && !any) {
        first = last = row;
    } else if (effect == COMES && row != ROW_UNKNOWN) {
        first = first != ROW_UNKNOWN && row < first ? row : first;
        last = last != ROW_UNKNOWN && row > last ? row : last;
    } else if (effect == LEAVES) {
        first = row == first ? ROW_UNKNOWN : first;
        last = row == last ? ROW_UNKNOWN : last;
    }
    *edges = first | (uint64_t)last << 32;
}

/* More than its count. weight: what is added to the count; any: of the aggregation before. row:
 * ROW_UNKNOWN if it is in a tile. */
__attribute__((always_inline)) static inline void
change_more(const struct windows *windows, const struct state *state, const struct change *change,
            const struct row_layout *layout, const uint8_t *at, uint32_t row, int64_t weight,
            bool any, enum effect effect, struct accumulator parts) {
    unsigned kept = change->kept;
    int64_t value = change->column < 0 ? 0 : row_number(layout, at, (size_t)change->column);
    if (kept & KEPT_SUM)
        wide_add(parts.sum, (int128)weight * value);
    if (kept & KEPT_SQUARES)
        squares_add_value(parts.squares, value, weight);
    if (kept & KEPT_EXTREMES)
        change_extremes(parts.extremes, change, effect, any, value);
    if (kept & (KEPT_FIRST | KEPT_LAST))
        change_edges(parts.edges, effect, any, row);
    if ((kept & KEPT_DISTINCT) && effect != STAYS && windows->distinct->is_known &&
        row != ROW_UNKNOWN &&
        distinct_is_lone(windows->distinct, state, row_time(state, layout, row)))
        distinct_change(windows->distinct, change, effect == COMES, (uint64_t)value);
}

/* Nearly all rows are in layouts without tally: their weights are bits. Mere counts take a weight
 * of 0 as well: what passes a filter is hard to foresee for a branch. */
__attribute__((always_inline)) static inline void
change_all(struct windows *windows, const struct state *state, const struct entity_plan *entity,
           const struct change *change, const struct change *end, const uint8_t *at, uint32_t row) {
    const struct row_layout *layout = row_layout(state, entity);
    uint64_t *words = windows_words(windows, entity);
    uint64_t flags = row_flags(layout, at), weights = row_weights(entity, flags);
    for (; change != end; change++) {
        if (change->column_bit & ~(uint32_t)flags)
            continue;
        int64_t weight = (int64_t)(weights >> change->weight_bit & 1);
        if (__builtin_expect(layout->tally_at > 0, 0))
            weight = row_weight(entity, layout, at, change->filter);
        uint64_t *count = words + change->word;
        bool any = *count != 0;
        *count += (uint64_t)(change->sign * weight);
        if (change->kept && weight != 0)
            change_more(windows, state, change, layout, at, row, change->sign * weight, any,
                        change->sign > 0 ? COMES : LEAVES, accumulator_of(words, change));
    }
}

/* Gives a row, or what has gone into tile `tile`, to all windows that hold it. passed: borders. */
static void add_to_holders(struct windows *windows, const struct state *state,
                           const struct entity_plan *entity, const uint8_t *at, uint32_t row,
                           size_t passed) {
    for (size_t i = 0; i < entity->span_count; i++) {
        const struct span *span = &entity->spans[i];
        const struct change *coming = &entity->comings[span->first];
        if (span->opens < passed && passed <= span->closes)
            change_all(windows, state, entity, coming, coming + span->count, at, row);
    }
}

/* Tiles. */

static void pass_tile(struct windows *windows, const struct state *state,
                      const struct entity_plan *entity, const struct border *border,
                      uint64_t *tile) {
    uint64_t *words = windows_words(windows, entity);
    const struct change *change = &entity->changes[border->first_change];
    for (const struct change *end = change + border->change_count; change != end; change++) {
        if (change->total < 0)
            continue;
        const struct total *total = &entity->totals[change->total];
        uint64_t *at = total_of(state, entity, tile, (size_t)change->total);
        struct total_parts from = total_parts(total, at, 0);
        struct accumulator to = accumulator_of(words, change);
        bool any = *to.count != 0;
        enum effect effect = change->sign > 0 ? COMES : LEAVES;
        *to.count += (uint64_t)change->sign * *at;
        if (change->kept & KEPT_SUM)
            wide_add(to.sum, change->sign > 0 ? wide_get(from.sum)
                                              : (int128)(0 - (uint128)wide_get(from.sum)));
        if (change->kept & KEPT_SQUARES)
            squares_add(to.squares, from.squares, change->sign);
        if (*at == 0)
            continue;
        if (change->kept & KEPT_EXTREMES) {
            change_extremes(to.extremes, change, effect, any, (int64_t)from.extremes[0]);
            change_extremes(to.extremes, change, effect, true, (int64_t)from.extremes[1]);
        }
        if (change->kept & (KEPT_FIRST | KEPT_LAST))
            change_edges(to.edges, effect, any, ROW_UNKNOWN);
    }
}

/* Going on in time. What has passed one border waits at the next one; what has passed none, at the
 * nearest. */

/* When the first of those that wait at the border passes it; INT64_MAX: none waits. */
static int64_t due_of(const struct windows *windows, const struct state *state,
                      const struct entity_plan *entity, size_t border) {
    const struct mark *mark = &windows->marks[border];
    uint64_t distance_us = entity->borders[border].distance_us;
    uint32_t rows = border > 0 ? mark[-1].row : state->end;
    uint32_t tiles = border > 0 ? mark[-1].tile : state->tile_list ? state->tile_list->end : 0;
    int64_t due_us = INT64_MAX;
    if (mark->row < rows)
        due_us = time_plus(row_time(state, row_layout(state, entity), mark->row), distance_us);
    if (__builtin_expect(mark->tile < tiles, 0)) {
        int64_t newest_us = tile_newest(tile_at(state, entity, mark->tile));
        int64_t tile_us = time_plus(newest_us, distance_us);
        due_us = tile_us < due_us ? tile_us : due_us;
    }
    return due_us;
}

static void find_first_due(struct windows *windows, const struct entity_plan *entity) {
    windows->due_us = INT64_MAX;
    for (size_t i = 0; i < entity->border_count; i++)
        if (windows->marks[i].due_us < windows->due_us)
            windows->due_us = windows->marks[i].due_us;
}

/* All are to be found again. */
static void forget_dues(struct windows *windows, const struct entity_plan *entity) {
    for (size_t i = 0; i < entity->border_count; i++)
        windows->marks[i].due_us = INT64_MIN;
    windows->due_us = INT64_MIN;
}

/* Has what is due then passed by now? At the last of all times it may not have. */
static inline bool has_passed(int64_t time_us, int64_t due_us, int64_t at_us,
                              uint64_t distance_us) {
    return at_us >= due_us && (at_us < INT64_MAX || is_behind(time_us, at_us, distance_us));
}

/* Each returns when the next one passes the border; INT64_MAX: none waits. */

static int64_t pass_tiles(struct windows *windows, const struct state *state,
                          const struct entity_plan *entity, size_t border, int64_t at_us) {
    struct mark *mark = &windows->marks[border];
    const struct border *passed = &entity->borders[border];
    uint32_t tiles = border > 0 ? mark[-1].tile : state->tile_list->end;
    for (; mark->tile < tiles; mark->tile++) {
        uint64_t *tile = tile_at(state, entity, mark->tile);
        int64_t due_us = time_plus(tile_newest(tile), passed->distance_us);
        if (!has_passed(tile_newest(tile), due_us, at_us, passed->distance_us))
            return due_us;
        pass_tile(windows, state, entity, passed, tile);
    }
    return INT64_MAX;
}

static inline int64_t pass_rows(struct windows *windows, const struct state *state,
                                const struct entity_plan *entity, size_t border, int64_t at_us) {
    const struct row_layout *layout = row_layout(state, entity);
    struct mark *mark = &windows->marks[border];
    const struct border *passed = &entity->borders[border];
    const struct change *change = &entity->changes[passed->first_change];
    for (; mark->row < mark[-1].row; mark->row++) {
        int64_t time_us = row_time(state, layout, mark->row);
        int64_t due_us = time_plus(time_us, passed->distance_us);
        if (!has_passed(time_us, due_us, at_us, passed->distance_us))
            return due_us;
        change_all(windows, state, entity, change, change + passed->change_count,
                   row_at(state, mark->row), mark->row);
    }
    return INT64_MAX;
}

/* Rows that have passed nothing go at once to the windows that hold them. Returns how many borders
 * the first of them has passed now. */
static size_t enter_rows(struct windows *windows, const struct state *state,
                         const struct entity_plan *entity, int64_t at_us) {
    const struct row_layout *layout = row_layout(state, entity);
    size_t most = 0;
    for (uint32_t row = windows->marks[0].row; row < state->end; row++) {
        int64_t time_us = row_time(state, layout, row);
        size_t passed = 0;
        while (passed < entity->border_count &&
               is_behind(time_us, at_us, entity->borders[passed].distance_us))
            windows->marks[passed++].row = row + 1;
        if (passed == 0)
            break;
        add_to_holders(windows, state, entity, row_at(state, row), row, passed);
        /* A late one may be beside a sketch, as of whose newest time it counts. */
        if (windows->distinct && !distinct_is_lone(windows->distinct, state, time_us))
            windows->distinct->is_known = false;
        most = passed > most ? passed : most;
    }
    return most;
}

static void pass_due(struct windows *windows, const struct state *state,
                     const struct entity_plan *entity, int64_t at_us) {
    int64_t first_us = INT64_MAX;
    struct mark *mark = windows->marks;
    bool is_passed = false; /* the border before: there may be more that waits */
    if (state->tile_list) {
        uint32_t tile = mark->tile;
        pass_tiles(windows, state, entity, 0, at_us);
        is_passed = mark->tile != tile;
    }
    for (size_t i = 1; i < entity->border_count; i++) {
        mark++;
        if (at_us >= mark->due_us || is_passed) {
            uint32_t row = mark->row, tile = mark->tile;
            int64_t tile_us = INT64_MAX;
            if (state->tile_list)
                tile_us = pass_tiles(windows, state, entity, i, at_us);
            mark->due_us = pass_rows(windows, state, entity, i, at_us);
            mark->due_us = tile_us < mark->due_us ? tile_us : mark->due_us;
            is_passed = mark->row != row || mark->tile != tile;
        }
        first_us = mark->due_us < first_us ? mark->due_us : first_us;
    }
    size_t entered = enter_rows(windows, state, entity, at_us);
    windows->marks[0].due_us = due_of(windows, state, entity, 0);
    first_us = windows->marks[0].due_us < first_us ? windows->marks[0].due_us : first_us;
    /* At the borders that rows have passed as they entered none waits; at the next, one does,
     * behind others or, where there are tiles, maybe before them. */
    for (size_t i = 1; entered > 0 && i <= entered && i < entity->border_count; i++) {
        mark = &windows->marks[i];
        if (i < entered || mark->due_us == INT64_MAX || state->tile_list)
            mark->due_us = due_of(windows, state, entity, i);
        first_us = mark->due_us < first_us ? mark->due_us : first_us;
    }
    windows->due_us = first_us;
}

static void begin(struct windows *windows, const struct state *state,
                  const struct entity_plan *entity) {
    uint64_t *words = windows_words(windows, entity);
    memset(words, 0, entity->word_count * sizeof *words);
    for (size_t i = 0; i < entity->border_count; i++)
        windows->marks[i] = (struct mark){.row = state->begin,
                                          .tile = state->tile_list ? state->tile_list->begin : 0,
                                          .due_us = INT64_MIN};
    if (windows->distinct)
        distinct_clear(windows->distinct, entity, sketch_tile_count(state) == 0);
    windows->due_us = INT64_MIN;
    windows->is_known = true;
}

void windows_bring(struct windows *windows, const struct state *state,
                   const struct entity_plan *entity, int64_t at_us) {
    if (!windows->is_known)
        begin(windows, state, entity);
    windows->at_us = at_us;
    if (at_us >= windows->due_us)
        pass_due(windows, state, entity, at_us);
    struct distinct *distinct = windows->distinct;
    if (distinct && (!distinct->is_known || at_us >= distinct->due_us))
        distinct_recount(distinct, state, entity, at_us);
}

/* Looking for what is not known. */

static const struct span *span_of(const struct entity_plan *entity, const struct change *coming) {
    return &entity->spans[entity->aggregations[coming->aggregation].span];
}

void windows_look_up_extremes(struct windows *windows, const struct state *state,
                              const struct entity_plan *entity, const struct change *coming) {
    const struct row_layout *layout = row_layout(state, entity);
    const struct mark *from = &windows->marks[span_of(entity, coming)->closes];
    const struct mark *until = &windows->marks[span_of(entity, coming)->opens];
    uint64_t *extremes = accumulator_of(windows_words(windows, entity), coming).extremes;
    int64_t least = INT64_MAX, greatest = INT64_MIN;
    for (uint32_t i = from->tile; i < until->tile; i++) {
        const struct total *total = &entity->totals[coming->total];
        uint64_t *at = total_of(state, entity, tile_at(state, entity, i), (size_t)coming->total);
        const int64_t *other = (const int64_t *)total_parts(total, at, 0).extremes;
        least = *at != 0 && other[0] < least ? other[0] : least;
        greatest = *at != 0 && other[1] > greatest ? other[1] : greatest;
    }
    for (uint32_t i = from->row; i < until->row; i++) {
        const uint8_t *at = row_at(state, i);
        if (row_counts(entity, layout, at, coming->column, coming->filter) == 0)
            continue;
        int64_t value = row_number(layout, at, (size_t)coming->column);
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
    }
    extremes[0] = (uint64_t)least;
    extremes[1] = (uint64_t)greatest;
}

uint32_t windows_first_row(struct windows *windows, const struct state *state,
                           const struct entity_plan *entity, const struct change *coming) {
    const struct row_layout *layout = row_layout(state, entity);
    uint64_t *edges = accumulator_of(windows_words(windows, entity), coming).edges;
    uint32_t row = (uint32_t)*edges;
    if (row != ROW_UNKNOWN)
        return row;
    uint32_t until = windows->marks[span_of(entity, coming)->opens].row;
    for (row = windows->marks[span_of(entity, coming)->closes].row; row < until; row++)
        if (row_counts(entity, layout, row_at(state, row), coming->column, coming->filter) != 0) {
            *edges = (*edges & ~(uint64_t)UINT32_MAX) | row;
            return row;
        }
    return ROW_UNKNOWN;
}

uint32_t windows_last_row(struct windows *windows, const struct state *state,
                          const struct entity_plan *entity, const struct change *coming) {
    const struct row_layout *layout = row_layout(state, entity);
    uint64_t *edges = accumulator_of(windows_words(windows, entity), coming).edges;
    uint32_t row = (uint32_t)(*edges >> 32);
    if (row != ROW_UNKNOWN)
        return row;
    uint32_t from = windows->marks[span_of(entity, coming)->closes].row;
    for (row = windows->marks[span_of(entity, coming)->opens].row; row-- > from;)
        if (row_counts(entity, layout, row_at(state, row), coming->column, coming->filter) != 0) {
            *edges = (*edges & UINT32_MAX) | (uint64_t)row << 32;
            return row;
        }
    return ROW_UNKNOWN;
}

/* Changes of the state. */

/* How many borders the row has passed, as the windows have it. */
static size_t borders_passed(const struct windows *windows, const struct entity_plan *entity,
                             uint32_t row) {
    size_t passed = 0;
    while (passed < entity->border_count && row < windows->marks[passed].row)
        passed++;
    return passed;
}

void windows_note_row(struct state *state, const struct entity_plan *entity, uint32_t row,
                      bool inserted) {
    struct windows *windows = state->windows;
    if (!windows || !windows->is_known)
        return;
    int64_t time_us = row_time(state, row_layout(state, entity), row);
    size_t passed = inserted ? borders_passed(windows, entity, row) : 0;
    if (passed > 0) {
        struct distinct *distinct = windows->distinct;
        add_to_holders(windows, state, entity, row_at(state, row), row, passed);
        if (distinct && !distinct_is_lone(distinct, state, time_us))
            distinct->is_known = false;
    }
    if (passed == entity->border_count)
        return;
    struct mark *mark = &windows->marks[passed]; /* where it waits, maybe as the first */
    int64_t due_us = time_plus(time_us, entity->borders[passed].distance_us);
    mark->due_us = due_us < mark->due_us ? due_us : mark->due_us;
    windows->due_us = due_us < windows->due_us ? due_us : windows->due_us;
}

void windows_note_united(struct state *state, const struct entity_plan *entity) {
    if (state->windows && state->windows->is_known)
        forget_dues(state->windows, entity);
}

/* Does a total of the tile count something again, all of which had been taken out before this row?
 * The tile has kept its extremes, which the windows have left out until now. */
static bool counts_again(const struct state *state, const struct entity_plan *entity, uint32_t tile,
                         const struct state *as_row, const uint8_t *row) {
    const struct row_layout *layout = row_layout(as_row, entity);
    uint64_t *words = tile_at(state, entity, tile);
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        const uint64_t *at = total_of(state, entity, words, i);
        if (!total_has_taken(total) || at[1] == 0)
            continue;
        int64_t weight = row_counts(entity, layout, row, total->column, total->filter);
        if (weight != 0 && at[0] == (uint64_t)weight)
            return true;
    }
    return false;
}

void windows_note_grown(struct state *state, const struct entity_plan *entity, uint32_t tile,
                        int64_t newest_us, const struct entry *entry, const struct state *as_row,
                        const uint8_t *row) {
    struct windows *windows = state->windows;
    if (!windows || !windows->is_known)
        return;
    if (entry->is_taken_out || counts_again(state, entity, tile, as_row, row)) {
        windows_forget(state);
        return;
    }
    size_t passed = 0;
    while (passed < entity->border_count && tile < windows->marks[passed].tile)
        passed++;
    if (entry->time_us > newest_us && passed > 0 &&
        !is_behind(entry->time_us, windows->at_us, entity->borders[passed - 1].distance_us)) {
        windows->is_known = false; /* it has passed borders that it is not behind any more */
        return;
    }
    if (passed > 0)
        add_to_holders(windows, as_row, entity, row, ROW_UNKNOWN, passed);
    if (passed < entity->border_count) {
        windows->marks[passed].due_us = due_of(windows, state, entity, passed);
        find_first_due(windows, entity);
    }
    if (windows->distinct && sketch_tile_count(state) > 0 && windows->distinct->is_known)
        distinct_note_grown(windows->distinct, state, entity, entry, windows->at_us);
}

void windows_weigh(const struct state *state, const struct entity_plan *entity, uint32_t row,
                   struct weights_before *ret_before) {
    const struct row_layout *layout = row_layout(state, entity);
    const uint8_t *at = row_at(state, row);
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        ret_before->of[i] = row_counts(entity, layout, at, coming->column, coming->filter);
    }
}

void windows_note_weights(struct state *state, const struct entity_plan *entity, uint32_t row,
                          const struct weights_before *before) {
    struct windows *windows = state->windows;
    const struct row_layout *layout = row_layout(state, entity);
    const uint8_t *at = row_at(state, row);
    size_t passed = borders_passed(windows, entity, row);
    uint64_t *words = windows_words(windows, entity);
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        const struct span *span = span_of(entity, coming);
        int64_t weight = row_counts(entity, layout, at, coming->column, coming->filter);
        if (weight == before->of[i] || passed <= span->opens || passed > span->closes)
            continue;
        struct accumulator parts = accumulator_of(words, coming);
        bool any = *parts.count != 0;
        *parts.count += (uint64_t)(weight - before->of[i]);
        enum effect effect = before->of[i] == 0 ? COMES : weight == 0 ? LEAVES : STAYS;
        change_more(windows, state, coming, layout, at, row, weight - before->of[i], any, effect,
                    parts);
    }
    struct distinct *distinct = windows->distinct;
    if (distinct && !distinct_is_lone(distinct, state, row_time(state, layout, row)))
        distinct->is_known = false;
}
