/* Reading a state: values, and the windows that they are exact for. */
#include "state.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"
#include "core/feature/read/scan.h"

#include <stdlib.h>

struct state_scratch {
    struct reading reading;
    struct state decoded;    /* what state_read() reads */
    struct windows *windows; /* of one read alone */
    size_t windows_capacity;
};

struct state_scratch *state_scratch_new(void) {
    return check_calloc(1, sizeof(struct state_scratch));
}

void state_scratch_free(struct state_scratch *scratch) {
    if (!scratch)
        return;
    for (size_t i = 0; i < scratch->reading.quantile_capacity; i++)
        quantile_deinit(&scratch->reading.quantiles[i]);
    free(scratch->reading.quantiles);
    free(scratch->windows);
    state_deinit(&scratch->decoded);
    free(scratch);
}

/* Is the read so far behind the newest entry that values may miss expired ones? */
static bool is_late(const struct state *state, int64_t at_us, int64_t lateness_us) {
    return state->newest_us > at_us &&
           (uint64_t)state->newest_us - (uint64_t)at_us > (uint64_t)lateness_us;
}

/* Of single transactions, with nothing collapsed. Windows are kept until half of the rows that they
 * were made for are left. */
static bool has_few_rows(const struct state *state) {
    uint32_t few = state->windows ? SCAN_ROWS_MAX / 2 : SCAN_ROWS_MAX;
    return state->end - state->begin <= few && tile_count(state) == 0 && state->layout < ROW_TALLY;
}

/* By windows that are made for this read, and forgotten. */
static void read_once(const struct state *state, const struct entity_plan *entity, int64_t at_us,
                      struct state_scratch *scratch) {
    size_t size = windows_size(entity);
    if (size > scratch->windows_capacity) {
        free(scratch->windows);
        scratch->windows = check_malloc(size);
        scratch->windows_capacity = size;
    }
    windows_init(scratch->windows, entity);
    windows_bring(scratch->windows, state, entity, at_us);
    scan_windows(&scratch->reading, state, scratch->windows);
    windows_deinit(scratch->windows);
}

static void read_kept(struct state *state, const struct entity_plan *entity, int64_t at_us,
                      struct state_scratch *scratch) {
    if (!state->windows)
        windows_make(state, entity);
    if (state->windows->is_known && at_us < state->windows->at_us) {
        if (at_us < state->newest_us) { /* late: those behind it are not */
            read_once(state, entity, at_us, scratch);
            return;
        }
        windows_forget(state); /* after a look ahead */
    }
    windows_bring(state->windows, state, entity, at_us);
    scan_windows(&scratch->reading, state, state->windows);
}

int state_evaluate(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                   int64_t at_us, const struct entry *current, struct state_scratch *scratch,
                   struct value *ret_values) {
    struct reading *reading = &scratch->reading;
    check(lateness_us == entity->lateness_us);
    reading_begin(reading, entity, at_us, current);
    if (has_few_rows(state)) {
        windows_free(state);
        scan_rows(reading, state);
    } else {
        read_kept(state, entity, at_us, scratch);
    }
    scan_quantiles(reading, state);
    values_put(reading, ret_values);
    return !state_is_empty(state) && is_late(state, at_us, lateness_us);
}

int state_read(const void *bytes, size_t length, const struct entity_plan *entity,
               int64_t lateness_us, int64_t at_us, const struct entry *current,
               struct state_scratch *scratch, struct value *ret_values) {
    struct state *state = &scratch->decoded;
    struct reading *reading = &scratch->reading;
    check(lateness_us == entity->lateness_us);
    state_assign(state, entity, bytes, length);
    reading_begin(reading, entity, at_us, current);
    if (has_few_rows(state))
        scan_rows(reading, state);
    else
        read_once(state, entity, at_us, scratch);
    scan_quantiles(reading, state);
    values_put(reading, ret_values);
    return !state_is_empty(state) && is_late(state, at_us, lateness_us);
}

uint64_t state_scratch_unknown(const struct state_scratch *scratch) {
    return scratch->reading.unknown_count;
}

/* With windows, rows that pass the nearest borders and the oldest, of which the longest window
 * loses one, and the one that may collapse with what comes; else all. And the place of the next
 * one. */
#define NEWEST_BYTES 192
#define OLDEST_BYTES 64
#define TILE_BYTES   128 /* of a tile: with few features, most of it */

static void prefetch_rows(const struct state *state) {
    const uint8_t *begin = row_at(state, state->begin), *end = row_at(state, state->end);
    const uint8_t *next = NULL;
    if (state->windows && end - begin > NEWEST_BYTES) {
        next = prefetch_far_from(NULL, begin, begin + OLDEST_BYTES);
        if (state->end - state->begin > TILE_RAW_MAX) {
            const uint8_t *first = row_at(state, state->end - TILE_RAW_MAX);
            next = prefetch_far_from(next, first, first + sizeof(int64_t));
        }
        begin = end - NEWEST_BYTES;
    }
    prefetch_far_from(next, begin, end + state->row_size + ROW_SPARE);
}

static void prefetch_windows(const struct windows *windows, const struct entity_plan *entity) {
    prefetch_far_all(windows, windows_size(entity));
}

/* Of the row or tile that passes a border by then, and when the next row does. */
static void prefetch_due(const struct state *state, const struct entity_plan *entity, int64_t at_us,
                         const struct entry *current) {
    const struct windows *windows = state->windows;
    for (size_t i = 1; i < entity->border_count; i++) {
        const struct mark *mark = &windows->marks[i];
        if (mark->due_us > at_us)
            continue;
        if (mark->row < state->end) {
            const uint8_t *row = row_at(state, mark->row);
            prefetch_near_from(NULL, row, row + state->row_size + sizeof(int64_t));
        }
        if (state->tile_list && mark->tile < state->tile_list->end)
            prefetch_far_all(tile_at(state, entity, mark->tile), TILE_BYTES);
    }
    for (size_t i = 0; current && windows->distinct && i < entity->pool_count; i++)
        if (current->present >> entity->pools[i].column & 1)
            value_counts_prefetch(&windows->distinct->counts, i,
                                  (uint64_t)current->integers[entity->pools[i].column]);
}

void state_prefetch(const struct state *state, const struct entity_plan *entity, int64_t at_us,
                    const struct entry *current, int step) {
    if (step == 0) {
        prefetch(state);
        prefetch((const char *)(state + 1) - 1); /* it may lie on two lines */
    } else if (step == 1) {
        if (state->rows)
            prefetch_rows(state);
        if (state->windows)
            prefetch_windows(state->windows, entity);
        if (state->tile_list)
            prefetch_far_all(state->tile_list, offsetof(struct tile_list, meeting_count));
    } else {
        if (tile_count(state) > 0) /* most that comes goes into the newest tile, or behind it */
            prefetch_far_all(tile_at(state, entity, state->tile_list->end - 1), TILE_BYTES);
        if (state->windows && state->windows->is_known)
            prefetch_due(state, entity, at_us, current);
    }
}

/* Effective windows. */

static void take_tile(struct effective_window *window, const struct effective_window *asked,
                      int64_t oldest_us, int64_t newest_us) {
    bool is_in = newest_us > asked->after_us && newest_us <= asked->until_us;
    if (is_in && oldest_us <= asked->after_us)
        window->after_us = time_before(oldest_us, 1);
    if (!is_in && oldest_us <= asked->until_us && newest_us > asked->until_us)
        window->until_us = time_before(oldest_us, 1);
}

static struct effective_window effective_window(const struct state *state,
                                                const struct entity_plan *entity,
                                                const struct aggregation *aggregation,
                                                bool sketched, int64_t at_us) {
    const struct span *span = &entity->spans[aggregation->span];
    struct effective_window asked = {.after_us = time_before(at_us, span->end_us),
                                     .until_us = time_before(at_us, span->delay_us)};
    struct effective_window window = asked;
    for (uint32_t i = 0; !sketched && i < tile_count(state); i++) {
        const uint64_t *tile = tile_at(state, entity, state->tile_list->begin + i);
        take_tile(&window, &asked, tile_oldest(tile), tile_newest(tile));
    }
    for (uint32_t i = 0; sketched && i < sketch_tile_count(state); i++) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        take_tile(&window, &asked, tile->oldest_us, tile->newest_us);
    }
    return window;
}

struct effective_window state_effective_window(const struct state *state,
                                               const struct entity_plan *entity, size_t feature,
                                               int64_t at_us) {
    enum aggregate aggregate = entity->features[feature].aggregate;
    bool sketched = aggregate == AGGREGATE_DISTINCT || aggregate == AGGREGATE_IS_NEW ||
                    aggregate == AGGREGATE_QUANTILE;
    return effective_window(state, entity,
                            &entity->aggregations[entity->features[feature].aggregation], sketched,
                            at_us);
}

struct effective_window state_effective_tick(const struct state *state,
                                             const struct entity_plan *entity, size_t feature,
                                             int64_t at_us) {
    check(entity->features[feature].aggregate == AGGREGATE_BURST);
    return effective_window(state, entity,
                            &entity->aggregations[entity->features[feature].tick_aggregation],
                            false, at_us);
}
