#include "distinct.h"

#include "core/base/check.h"

#include <stdlib.h>

#define POOL_BITS 64 /* with more pools, all is counted anew whenever a sketch changes */

size_t distinct_size(const struct entity_plan *entity) {
    size_t words = entity->counter_count + value_counts_words(entity->member_count);
    return sizeof(struct distinct) + words * sizeof(uint64_t);
}

void distinct_init(struct distinct *distinct, const struct entity_plan *entity) {
    memset(distinct, 0, distinct_size(entity));
    distinct->counter_count = entity->counter_count;
    value_counts_init(&distinct->counts, entity->member_count,
                      (uint64_t *)&distinct->exact[entity->counter_count]);
}

void distinct_deinit(struct distinct *distinct) {
    value_counts_deinit(&distinct->counts);
    free(distinct->estimates);
}

size_t distinct_bytes(const struct distinct *distinct) {
    return value_counts_bytes(&distinct->counts) +
           (distinct->estimates ? distinct->counter_count * sizeof *distinct->estimates : 0);
}

void distinct_clear(struct distinct *distinct, const struct entity_plan *entity, bool is_known) {
    value_counts_clear(&distinct->counts);
    memset(distinct->exact, 0, entity->counter_count * sizeof *distinct->exact);
    free(distinct->estimates);
    distinct->estimates = NULL;
    distinct->due_us = INT64_MAX;
    distinct->is_known = is_known;
}

/* The registers of an aggregation that needs them; NULL: it does not. */
static struct estimate *estimate_of(struct distinct *distinct, const struct change *change) {
    struct estimate *estimate = distinct->estimates ? &distinct->estimates[change->counter] : NULL;
    return estimate && estimate->is_needed ? estimate : NULL;
}

static void add_to_estimate(struct estimate *estimate, uint64_t value) {
    if (!estimate || !registers_would_change(&estimate->all, value))
        return;
    registers_add(&estimate->all, value);
    estimate->is_current = false;
}

static void add_value(struct distinct *distinct, const struct change *change, uint64_t value) {
    distinct->exact[change->counter] +=
        value_counts_add(&distinct->counts, change->pool, change->member, value);
    add_to_estimate(estimate_of(distinct, change), value);
}

void distinct_change(struct distinct *distinct, const struct change *change, bool comes,
                     uint64_t value) {
    if (comes) {
        add_value(distinct, change, value);
        return;
    }
    if (!value_counts_remove(&distinct->counts, change->pool, change->member, value))
        return;
    struct estimate *estimate = estimate_of(distinct, change);
    distinct->exact[change->counter]--;
    if (estimate)
        estimate->has_lost = true;
}

/* Times. */

static bool holds(const struct entity_plan *entity, const struct change *coming, int64_t time_us,
                  int64_t at_us) {
    return span_holds(&entity->spans[entity->aggregations[coming->aggregation].span], time_us,
                      at_us);
}

/* What is of this time passes borders of windows whose different values are asked for. */
static void expect(struct distinct *distinct, const struct entity_plan *entity, int64_t time_us,
                   int64_t at_us) {
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct span *span = &entity->spans[entity->aggregations[i].span];
        if (entity->aggregations[i].pool < 0)
            continue;
        uint64_t next_us =
            is_behind(time_us, at_us, span->delay_us) ? span->end_us : span->delay_us;
        int64_t due_us = time_plus(time_us, next_us);
        if (!is_behind(time_us, at_us, next_us) && due_us < distinct->due_us)
            distinct->due_us = due_us;
    }
}

bool is_in_no_sketch(const struct state *state, int64_t time_us) {
    for (uint32_t i = sketch_tile_count(state); i-- > 0;) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        if (tile->newest_us < time_us)
            return true;
        if (tile->oldest_us <= time_us)
            return false;
    }
    return true;
}

/* Counting. */

static bool is_of_pool(const struct entity_plan *entity, const struct change *coming) {
    return entity->aggregations[coming->aggregation].pool >= 0;
}

static void add_registers(struct distinct *distinct, const struct entity_plan *entity,
                          const struct change *coming, const struct sketch *sketch) {
    if (!distinct->estimates)
        distinct->estimates = check_calloc(entity->counter_count, sizeof *distinct->estimates);
    struct estimate *estimate = &distinct->estimates[coming->counter];
    estimate->is_needed = true;
    registers_add_packed(&estimate->sketched, sketch->packed);
}

/* Registers first: values go to the registers where there are some. */
static void count_sketches(struct distinct *distinct, const struct state *state,
                           const struct entity_plan *entity, int64_t at_us, bool are_estimated) {
    for (uint32_t i = 0; i < sketch_tile_count(state); i++) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        for (size_t j = 0; j < entity->aggregation_count; j++) {
            const struct change *coming = &entity->comings[j];
            if (!is_of_pool(entity, coming) || !holds(entity, coming, tile->newest_us, at_us))
                continue;
            const struct sketch *sketch = &tile->sketches[coming->pool];
            if (are_estimated && sketch->is_estimated)
                add_registers(distinct, entity, coming, sketch);
            for (uint32_t k = 0; !are_estimated && k < sketch->count; k++)
                add_value(distinct, coming, sketch->values[k]);
        }
        expect(distinct, entity, tile->newest_us, at_us);
    }
}

static void count_row(struct distinct *distinct, const struct state *state,
                      const struct entity_plan *entity, uint32_t row, int64_t as_of_us,
                      int64_t at_us) {
    const struct row_layout *layout = row_layout(state, entity);
    const uint8_t *at = row_at(state, row);
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        if (is_of_pool(entity, coming) && holds(entity, coming, as_of_us, at_us) &&
            row_counts(entity, layout, at, coming->column, coming->filter) != 0)
            add_value(distinct, coming, (uint64_t)row_number(layout, at, (size_t)coming->column));
    }
}

/* Rows before this are in no window whose values are asked for, not even as of the newest time of
 * a sketch that they are beside. */
static int64_t reached_from(const struct state *state, uint64_t reach_us, int64_t at_us) {
    int64_t from_us = time_before(at_us, reach_us);
    for (uint32_t i = 0; i < sketch_tile_count(state); i++) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        if (!is_behind(tile->newest_us, at_us, reach_us))
            return tile->oldest_us < from_us ? tile->oldest_us : from_us;
    }
    return from_us;
}

static void count_rows(struct distinct *distinct, const struct state *state,
                       const struct entity_plan *entity, int64_t at_us) {
    const struct row_layout *layout = row_layout(state, entity);
    uint32_t tile = 0, tiles = sketch_tile_count(state);
    uint32_t row = rows_find(state, entity, reached_from(state, entity->pools_reach_us, at_us));
    for (; row < state->end; row++) {
        int64_t time_us = row_time(state, layout, row);
        while (tile < tiles && state->tile_list->sketches[tile].newest_us < time_us)
            tile++;
        bool is_beside = tile < tiles && state->tile_list->sketches[tile].oldest_us <= time_us;
        count_row(distinct, state, entity, row,
                  is_beside ? state->tile_list->sketches[tile].newest_us : time_us, at_us);
    }
}

uint64_t distinct_estimated(const struct sketch_tile *tile, const struct entity_plan *entity) {
    uint64_t pools = 0;
    for (size_t i = 0; i < entity->pool_count && i < POOL_BITS; i++)
        pools |= (uint64_t)tile->sketches[i].is_estimated << i;
    return pools;
}

void distinct_recount(struct distinct *distinct, const struct state *state,
                      const struct entity_plan *entity, int64_t at_us) {
    distinct_clear(distinct, entity, true);
    count_sketches(distinct, state, entity, at_us, true);
    for (size_t i = 0; distinct->estimates && i < entity->counter_count; i++)
        distinct->estimates[i].all = distinct->estimates[i].sketched;
    count_sketches(distinct, state, entity, at_us, false);
    count_rows(distinct, state, entity, at_us);
    uint32_t tiles = sketch_tile_count(state);
    if (tiles == 0)
        return;
    const struct sketch_tile *newest = &state->tile_list->sketches[tiles - 1];
    distinct->sketch_oldest_us = newest->oldest_us;
    distinct->sketch_newest_us = newest->newest_us;
    distinct->are_estimated = distinct_estimated(newest, entity);
}

/* Is what was counted as of the sketch's newest time in the same windows as of what that is now? */
static bool is_as_of(const struct distinct *distinct, const struct entity_plan *entity,
                     int64_t newest_us, int64_t at_us) {
    bool same = newest_us <= at_us;
    for (size_t i = 0;
         same && newest_us > distinct->sketch_newest_us && i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        if (is_of_pool(entity, coming))
            same = holds(entity, coming, newest_us, at_us) ==
                   holds(entity, coming, distinct->sketch_newest_us, at_us);
    }
    return same;
}

void distinct_note_grown(struct distinct *distinct, const struct state *state,
                         const struct entity_plan *entity, const struct entry *entry,
                         int64_t at_us) {
    const struct sketch_tile *newest = &state->tile_list->sketches[sketch_tile_count(state) - 1];
    uint32_t present = entry_present(entity, entry);
    /* Pools have no outcome filters, so an outcome brings no value; and this one moves no border of
     * a tile, either. */
    if (!entry->transaction && entry->time_us < newest->oldest_us &&
        newest->oldest_us == distinct->sketch_oldest_us &&
        newest->newest_us == distinct->sketch_newest_us)
        return;
    distinct->is_known &= newest->oldest_us == distinct->sketch_oldest_us &&
                          entry->time_us >= newest->oldest_us && entity->pool_count <= POOL_BITS &&
                          distinct_estimated(newest, entity) == distinct->are_estimated &&
                          is_as_of(distinct, entity, newest->newest_us, at_us);
    distinct->sketch_newest_us = newest->newest_us;
    for (size_t i = 0; distinct->is_known && i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        if (!is_of_pool(entity, coming) || !(present >> coming->column & 1) ||
            (coming->filter < 0 ? !entry->transaction : entry->weights[coming->filter] == 0) ||
            !holds(entity, coming, newest->newest_us, at_us))
            continue;
        uint64_t value = (uint64_t)entry->integers[coming->column];
        struct estimate *estimate = estimate_of(distinct, coming);
        if (!newest->sketches[coming->pool].is_estimated) {
            add_value(distinct, coming, value);
        } else if (estimate) {
            registers_add(&estimate->sketched, value);
            add_to_estimate(estimate, value);
        }
    }
    expect(distinct, entity, newest->newest_us, at_us);
}

/* Values that were counted for each row are in a sketch now. Where that has them one by one, they
 * stay counted as often as they were: none of them leaves before all is counted anew. */
void distinct_note_moved(struct distinct *distinct, const struct state *state,
                         const struct entity_plan *entity, const struct sketch_tile *tile,
                         uint64_t were_estimated, uint32_t from, uint32_t to, int64_t at_us) {
    const struct row_layout *layout = row_layout(state, entity);
    distinct->is_known &= entity->pool_count <= POOL_BITS && tile->newest_us <= at_us &&
                          distinct_estimated(tile, entity) == were_estimated;
    for (size_t i = 0; distinct->is_known && i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        if (!is_of_pool(entity, coming))
            continue;
        bool is_held = holds(entity, coming, tile->newest_us, at_us);
        distinct->is_known = holds(entity, coming, tile->oldest_us, at_us) == is_held;
        for (uint32_t row = from; row < to; row++)
            distinct->is_known &=
                holds(entity, coming, row_time(state, layout, row), at_us) == is_held;
        if (!distinct->is_known || !is_held || !tile->sketches[coming->pool].is_estimated)
            continue;
        struct estimate *estimate = estimate_of(distinct, coming);
        distinct->is_known = estimate != NULL;
        for (uint32_t row = from; estimate && row < to; row++) {
            const uint8_t *at = row_at(state, row);
            if (row_counts(entity, layout, at, coming->column, coming->filter) == 0)
                continue;
            uint64_t value = (uint64_t)row_number(layout, at, (size_t)coming->column);
            registers_add(&estimate->sketched, value);
            distinct->exact[coming->counter] -=
                value_counts_remove(&distinct->counts, coming->pool, coming->member, value);
        }
    }
    const struct sketch_tile *newest = &state->tile_list->sketches[sketch_tile_count(state) - 1];
    distinct->sketch_oldest_us = newest->oldest_us;
    distinct->sketch_newest_us = newest->newest_us;
    distinct->are_estimated = distinct_estimated(newest, entity);
    expect(distinct, entity, tile->newest_us, at_us);
}

/* Answers. */

/* The registers without what has left. */
static void make_again(const struct distinct *distinct, const struct change *coming,
                       struct estimate *estimate) {
    uint32_t at = 0;
    uint64_t value;
    estimate->all = estimate->sketched;
    while (value_counts_next(&distinct->counts, &at, coming->pool, coming->member, &value))
        registers_add(&estimate->all, value);
    estimate->has_lost = estimate->is_current = false;
}

static int64_t estimate_with(const struct estimate *estimate, uint64_t value) {
    if (!registers_would_change(&estimate->all, value))
        return estimate->number;
    struct registers registers = estimate->all;
    registers_add(&registers, value);
    return registers_estimate(&registers);
}

struct distinct_found distinct_find(struct distinct *distinct, const struct change *coming,
                                    const uint64_t *value) {
    struct estimate *estimate = estimate_of(distinct, coming);
    struct distinct_found found = {
        .count = distinct->exact[coming->counter],
        .matched = value &&
                   value_counts_count(&distinct->counts, coming->pool, coming->member, *value) > 0,
        .is_estimated = estimate,
    };
    found.with_current = found.count + (value && !found.matched);
    if (!estimate)
        return found;
    if (estimate->has_lost)
        make_again(distinct, coming, estimate);
    if (!estimate->is_current)
        estimate->number = registers_estimate(&estimate->all);
    estimate->is_current = true;
    found.count = found.with_current = estimate->number;
    if (value)
        found.with_current = estimate_with(estimate, *value);
    return found;
}
