/* What is derived from a checked plan: what the windows of an entity's features hold, what tiles
 * keep, how wide they are, and the hashes. */
#include "finish.h"

#include "changes.h"
#include "outputs.h"
#include "plan_hash.h"

#include <string.h>

/* No tile is wider than this part of a window that reads it. */
#define TILE_FRACTION   64
#define SKETCH_FRACTION 8

/* Spans and aggregations. */

static void add_span(struct entity_plan *entity, int64_t delay_us, int64_t window_us) {
    struct span span = {.delay_us = (uint64_t)delay_us, .end_us = (uint64_t)(delay_us + window_us)};
    size_t at = 0;
    while (at < entity->span_count && entity->spans[at].end_us > span.end_us)
        at++;
    for (size_t i = at; i < entity->span_count && entity->spans[i].end_us == span.end_us; i++)
        if (entity->spans[i].delay_us == span.delay_us)
            return;
    memmove(&entity->spans[at + 1], &entity->spans[at],
            (entity->span_count - at) * sizeof *entity->spans);
    entity->spans[at] = span;
    entity->span_count++;
}

static bool is_span(const struct span *span, int64_t delay_us, int64_t window_us) {
    return (uint64_t)delay_us == span->delay_us && (uint64_t)(delay_us + window_us) == span->end_us;
}

/* The span's aggregation for this column and filter; a new one when there is none yet. */
static uint16_t share_aggregation(struct entity_plan *entity, uint16_t span_number, int column,
                                  int filter, uint16_t needs) {
    struct span *span = &entity->spans[span_number];
    size_t i = span->first;
    while (i < entity->aggregation_count &&
           (entity->aggregations[i].column != column || entity->aggregations[i].filter != filter))
        i++;
    if (i == entity->aggregation_count) {
        entity->aggregations[i] = (struct aggregation){
            .column = (int8_t)column, .filter = (int8_t)filter, .span = span_number};
        entity->aggregation_count++;
        span->count++;
    }
    entity->aggregations[i].needs |= needs;
    return (uint16_t)i;
}

static void add_aggregations(struct entity_plan *entity, uint16_t span_number) {
    struct span *span = &entity->spans[span_number];
    span->first = (uint16_t)entity->aggregation_count;
    for (size_t i = 0; i < entity->feature_count; i++) {
        struct feature *feature = &entity->features[i];
        if (feature->tick_us > 0 && is_span(span, feature->delay_us, feature->tick_us))
            feature->tick_aggregation =
                share_aggregation(entity, span_number, -1, feature->filter, NEED_COUNT);
        if (!is_span(span, feature->delay_us, feature->window_us))
            continue;
        feature->aggregation =
            share_aggregation(entity, span_number, feature->column, feature->filter,
                              aggregate_needs(feature->aggregate));
        feature->part_aggregation =
            feature->part < 0
                ? 0
                : share_aggregation(entity, span_number, -1, feature->part, NEED_COUNT);
    }
}

/* Totals and pools, and which aggregation is made from which. */

/* The aggregations of one column and filter. */
static void add_total(struct entity_plan *entity, int column, int filter) {
    struct total total = {.column = (int8_t)column, .filter = (int8_t)filter};
    struct pool pool = {.column = (int8_t)column, .filter = (int8_t)filter};
    uint16_t all_needs = 0;
    bool any_totals = false;
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        struct aggregation *aggregation = &entity->aggregations[i];
        if (aggregation->column != column || aggregation->filter != filter)
            continue;
        uint16_t needs = aggregation->needs;
        bool has_totals = needs & (uint16_t)~NEED_SKETCHED;
        all_needs |= needs;
        aggregation->total = has_totals ? (int16_t)entity->total_count : -1;
        aggregation->pool = needs & NEED_VALUES ? (int16_t)entity->pool_count : -1;
        aggregation->distribution =
            needs & NEED_QUANTILES ? (int16_t)entity->distribution_count : -1;
        aggregation->quantile = needs & NEED_QUANTILES ? (int16_t)entity->quantile_count++ : -1;
        any_totals |= has_totals;
    }
    total.needs = (uint8_t)(all_needs & (uint16_t) ~(NEED_SKETCHED | NEED_COUNT));
    if (any_totals)
        entity->totals[entity->total_count++] = total;
    if (all_needs & NEED_VALUES)
        entity->pools[entity->pool_count++] = pool;
    if (all_needs & NEED_QUANTILES)
        entity->distributions[entity->distribution_count++] = pool;
}

static void add_totals(struct entity_plan *entity) {
    entity->total_count = 0;
    entity->pool_count = entity->distribution_count = entity->quantile_count = 0;
    /* In an order that the features' order has no part in. */
    for (int column = -1; column < (int)entity->column_count; column++)
        for (int filter = -1; filter < (int)entity->filter_count; filter++)
            add_total(entity, column, filter);
}

/* The zones of tiles: state.c explains them. */
static void add_partitions(struct entity_plan *entity) {
    struct span sketched[PLAN_SPANS_MAX];
    size_t sketched_count = 0;
    uint64_t lateness_us = (uint64_t)entity->lateness_us;
    for (size_t i = 0; i < entity->span_count; i++)
        if (plan_reads_sketches(entity, &entity->spans[i]))
            sketched[sketched_count++] = entity->spans[i];
    entity->has_sketches = sketched_count > 0;
    entity->tiles = partition_of(entity->spans, entity->span_count, TILE_FRACTION, lateness_us);
    entity->block_level = entity->tiles.most;
    entity->kept_us = (uint64_t)entity->reach_us + lateness_us;
    entity->pools_kept_us = 0;
    if (!entity->has_sketches)
        return;
    struct partition sketches =
        partition_of(sketched, sketched_count, SKETCH_FRACTION, lateness_us);
    /* A sketch's tile holds tiles as a whole, also where only longer windows still read those. */
    if (sketches.most < entity->tiles.most)
        sketches.most = entity->tiles.most;
    entity->sketch_tiles = sketches;
    entity->block_level = sketches.most;
    entity->pools_kept_us = sketched[0].end_us + lateness_us;
}

static void derive_entity(struct entity_plan *entity, int64_t lateness_us) {
    entity->reach_us = 0;
    entity->lateness_us = lateness_us;
    entity->span_count = entity->aggregation_count = 0;
    entity->has_sketches = false;
    for (size_t i = 0; i < entity->feature_count; i++) {
        struct feature *feature = &entity->features[i];
        feature->definition = plan_definition_hash(entity, feature);
        feature->tick_aggregation = 0;
        add_span(entity, feature->delay_us, feature->window_us);
        if (feature->tick_us > 0)
            add_span(entity, feature->delay_us, feature->tick_us);
    }
    if (entity->span_count > 0)
        entity->reach_us = (int64_t)entity->spans[0].end_us;
    for (size_t i = 0; i < entity->span_count; i++)
        add_aggregations(entity, (uint16_t)i);
    add_totals(entity);
    changes_fill(entity);
    outputs_fill(entity);
    if (entity->span_count > 0)
        add_partitions(entity);
    entity->id_size = sizeof(uint64_t);
    layouts_fill(entity);
    entity->layout = plan_layout_hash(entity);
}

bool plan_omit_ids(struct entity_plan *entity) {
    for (size_t i = 0; i < entity->aggregation_count; i++)
        if (entity->aggregations[i].needs & NEED_EDGES && entity->aggregations[i].column >= 0)
            return false;
    entity->id_size = 0;
    layouts_fill(entity);
    return true;
}

int plan_finish(struct plan *plan, struct error *ret_error) {
    int r = plan_check(plan, ret_error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < plan->entity_count; i++)
        derive_entity(&plan->entities[i], plan->lateness_us);
    plan->id = plan_whole_hash(plan);
    return 0;
}
