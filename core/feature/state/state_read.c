/* Reading a state: values, and the windows that they are exact for. */
#include "state.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"
#include "core/feature/window/gather.h"
#include "core/feature/window/standing.h"
#include "state_memory.h"
#include "survey.h"

#include <stdlib.h>

struct state_scratch {
    struct gather gather;
};

struct state_scratch *state_scratch_new(void) {
    struct state_scratch *scratch = check_malloc(sizeof *scratch);
    gather_init(&scratch->gather);
    return scratch;
}

void state_scratch_free(struct state_scratch *scratch) {
    if (scratch)
        gather_deinit(&scratch->gather);
    free(scratch);
}

/* Is the read so far behind the newest entry that values may miss expired ones? */
static bool is_late(int64_t newest_us, int64_t at_us, int64_t lateness_us) {
    return newest_us > at_us && (uint64_t)newest_us - (uint64_t)at_us > (uint64_t)lateness_us;
}

int state_read(const void *bytes, size_t length, const struct entity_plan *entity,
               int64_t lateness_us, int64_t at_us, const struct entry *current,
               struct state_scratch *scratch, struct value *ret_values) {
    struct gather *gather = &scratch->gather;
    bool approximate = false;
    check(lateness_us == entity->lateness_us);
    if (length == 0) {
        gather_begin(gather, entity, at_us, current);
    } else {
        struct parts parts = parts_of(bytes, length);
        approximate = is_late(parts.newest_us, at_us, lateness_us);
        gather_open(gather, entity, at_us, current);
        if (!(entity->is_plain ? gather_plain(gather, &parts) : gather_few(gather, &parts))) {
            gather_begin(gather, entity, at_us, current);
            gather_state(gather, &parts);
        }
    }
    gather_give(gather, ret_values);
    return approximate;
}

int state_evaluate(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                   int64_t at_us, const struct entry *current, struct state_scratch *scratch,
                   struct value *ret_values) {
    check(lateness_us == entity->lateness_us);
    if (state->length == 0 || !standing_bring(state, entity, at_us))
        return state_read(state->bytes, state->length, entity, lateness_us, at_us, current, scratch,
                          ret_values);
    struct gather *gather = &scratch->gather;
    gather_open(gather, entity, at_us, current);
    standing_give(state, gather);
    gather_give(gather, ret_values);
    return is_late(standing_newest(state_standing(state)), at_us, lateness_us);
}

/* Behind the last entry, where the next one will be. */
#define NEXT_ENTRY_BYTES 32
/* The newest entries, which are what passes the nearest borders, and the oldest, of which the
 * longest window loses one. */
#define NEWEST_BYTES 128
#define OLDEST_BYTES 64

static void prefetch_bytes(const struct state *state) {
    const uint8_t *bytes = state->bytes, *end = bytes + state->length + NEXT_ENTRY_BYTES;
    if (state->front == 0) {
        prefetch_far_from(NULL, bytes, end);
        return;
    }
    const uint8_t *next = standing_prefetch(state);
    next = prefetch_far_from(next, bytes, bytes + HEAD_SIZE + OLDEST_BYTES);
    if (state->length > NEWEST_BYTES)
        bytes += state->length - NEWEST_BYTES;
    prefetch_far_from(next, bytes, end);
}

/* Most that comes to a state with tiles goes there, or behind it. */
static void prefetch_newest_tile(const struct state *state) {
    prefetch(state->bytes + HEAD_SIZE + DENSE_SIZE + state->survey->newest_tile_at);
}

void state_prefetch(const struct state *state, const struct entity_plan *entity, int64_t at_us,
                    const struct entry *current, int step) {
    if (step == 0) {
        prefetch(state);
        prefetch((const char *)(state + 1) - 1); /* it may lie on two lines */
    } else if (step == 1 && state->length > 0) {
        if (state->survey)
            survey_prefetch(state);
        prefetch_bytes(state);
    } else if (state->length > 0) {
        if (state->survey && head_get(state->bytes).dense_size > 0)
            prefetch_newest_tile(state);
        if (state->front > 0)
            standing_prefetch_due(state, entity, at_us, current);
    }
}

size_t state_kept_bytes(const struct state *state, const struct entity_plan *entity) {
    if (state->front == 0 && !state->survey)
        return 0;
    return standing_bytes(state, entity) + survey_bytes(state->survey);
}

uint64_t state_scratch_unknown(const struct state_scratch *scratch) {
    return scratch->gather.unknown_count;
}

static struct effective_window effective_window(const void *bytes, size_t length,
                                                const struct entity_plan *entity,
                                                const struct gathering *gathering, bool sketched,
                                                int64_t at_us) {
    const struct span *span = &entity->spans[gathering->span];
    struct effective_window window = {.after_us = time_before(at_us, span->end_us),
                                      .until_us = time_before(at_us, span->delay_us)};
    if (length == 0)
        return window;
    struct parts parts = parts_of(bytes, length);
    struct effective_window asked = window;
    struct tiles tiles = sketched ? parts_sketches(&parts) : parts_tiles(&parts);
    struct tile tile;
    while (tiles_next(&tiles, &tile)) {
        bool is_in = tile.newest_us > asked.after_us && tile.newest_us <= asked.until_us;
        if (is_in && tile.oldest_us <= asked.after_us)
            window.after_us = time_before(tile.oldest_us, 1);
        if (!is_in && tile.oldest_us <= asked.until_us && tile.newest_us > asked.until_us)
            window.until_us = time_before(tile.oldest_us, 1);
    }
    return window;
}

struct effective_window state_effective_window(const void *bytes, size_t length,
                                               const struct entity_plan *entity, size_t feature,
                                               int64_t at_us) {
    enum aggregate aggregate = entity->features[feature].aggregate;
    bool sketched = aggregate == AGGREGATE_DISTINCT || aggregate == AGGREGATE_IS_NEW ||
                    aggregate == AGGREGATE_QUANTILE;
    const struct gathering *gathering = &entity->gatherings[entity->features[feature].gathering];
    return effective_window(bytes, length, entity, gathering, sketched, at_us);
}

struct effective_window state_effective_tick(const void *bytes, size_t length,
                                             const struct entity_plan *entity, size_t feature,
                                             int64_t at_us) {
    check(entity->features[feature].aggregate == AGGREGATE_BURST);
    const struct gathering *gathering =
        &entity->gatherings[entity->features[feature].tick_gathering];
    return effective_window(bytes, length, entity, gathering, false, at_us);
}
