/* Reading a state: values, and the windows that they are exact for. */
#include "state.h"

#include "../base/check.h"
#include "gather.h"

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

int state_read(const void *bytes, size_t length, const struct entity_plan *entity,
               int64_t lateness_us, int64_t at_us, const struct entry *current,
               struct state_scratch *scratch, struct value *ret_values) {
    struct gather *gather = &scratch->gather;
    bool approximate = false;
    check(lateness_us == entity->lateness_us);
    gather_begin(gather, entity, at_us, current);
    if (length > 0) {
        struct parts parts = parts_of(bytes, length);
        approximate = parts.newest_us > at_us &&
                      (uint64_t)parts.newest_us - (uint64_t)at_us > (uint64_t)lateness_us;
        gather_state(gather, &parts);
    }
    for (size_t i = 0; i < entity->feature_count; i++)
        ret_values[i] = gather_value(gather, &entity->features[i]);
    return approximate;
}

uint64_t state_scratch_unknown(const struct state_scratch *scratch) {
    return scratch->gather.unknown_count;
}

/* time − distance, and no further than there are times. */
static int64_t time_before(int64_t time_us, uint64_t distance_us) {
    uint64_t left = (uint64_t)time_us - (uint64_t)INT64_MIN;
    return distance_us > left ? INT64_MIN : (int64_t)((uint64_t)time_us - distance_us);
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
