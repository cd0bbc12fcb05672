#include "scan.h"

#include "core/base/check.h"

static const struct span *span_of(const struct entity_plan *entity, size_t aggregation) {
    return &entity->spans[entity->aggregations[aggregation].span];
}

static uint64_t age_of(const struct reading *reading, int64_t time_us) {
    return (uint64_t)reading->at_us - (uint64_t)time_us;
}

static bool is_text(const struct entity_plan *entity, int column) {
    return entity->text_columns >> column & 1;
}

static struct cell cell_of_row(const struct state *state, const struct entity_plan *entity,
                               uint32_t row, int column) {
    const struct row_layout *layout = row_layout(state, entity);
    struct cell cell = {0};
    if (is_text(entity, column))
        cell.text = row_text(layout, row_at(state, row), (size_t)column);
    else
        cell.integer = row_number(layout, row_at(state, row), (size_t)column);
    return cell;
}

static void put_first(struct reading *reading, const struct state *state, uint32_t row, int column,
                      struct aggregated *aggregated) {
    const struct entity_plan *entity = reading->entity;
    aggregated->first_age_us = age_of(reading, row_time(state, row_layout(state, entity), row));
    if (column >= 0)
        aggregated->first = cell_of_row(state, entity, row, column);
}

static void put_last(struct reading *reading, const struct state *state, uint32_t row, int column,
                     struct aggregated *aggregated) {
    const struct entity_plan *entity = reading->entity;
    aggregated->last_age_us = age_of(reading, row_time(state, row_layout(state, entity), row));
    if (column >= 0)
        aggregated->last = cell_of_row(state, entity, row, column);
}

/* Few rows. */

/* [border]: the rows before this one have passed it. */
static void find_passed(const struct reading *reading, const struct state *state,
                        uint32_t *ret_rows) {
    const struct entity_plan *entity = reading->entity;
    const struct row_layout *layout = row_layout(state, entity);
    uint32_t row = state->end;
    for (size_t i = 0; i < entity->border_count; i++) {
        uint64_t distance_us = entity->borders[i].distance_us;
        while (row > state->begin &&
               !is_behind(row_time(state, layout, row - 1), reading->at_us, distance_us))
            row--;
        ret_rows[i] = row;
    }
}

/* The different values of so few: each is compared with those behind it. */
static void count_values(const struct reading *reading, const uint64_t *values, size_t count,
                         int column, struct aggregated *aggregated) {
    bool has_current = reading->current_present >> column & 1;
    uint64_t current = has_current ? (uint64_t)reading->current->integers[column] : 0;
    int64_t distinct = 0;
    bool matched = false;
    for (size_t i = 0; i < count; i++) {
        bool is_again = false;
        for (size_t j = i + 1; j < count; j++)
            is_again |= values[j] == values[i];
        distinct += !is_again;
        matched |= values[i] == current;
    }
    aggregated->matched = has_current && matched;
    aggregated->distinct = distinct;
    aggregated->distinct_with_current = distinct + (has_current && !matched);
    aggregated->is_estimated = false;
}

static inline int64_t weight_of(const struct entity_plan *entity, const struct row_layout *layout,
                                const uint8_t *row, const struct change *coming) {
    uint64_t flags = row_flags(layout, row);
    if (coming->column_bit & ~(uint32_t)flags)
        return 0;
    if (__builtin_expect(layout->tally_at > 0, 0))
        return row_weight(entity, layout, row, coming->filter);
    return (int64_t)(row_weights(entity, flags) >> coming->weight_bit & 1);
}

static int64_t count_rows(const struct state *state, const struct entity_plan *entity,
                          const struct change *coming, uint32_t from, uint32_t until) {
    const struct row_layout *layout = row_layout(state, entity);
    int64_t count = 0;
    if (coming->filter < 0 && coming->column < 0 && layout->tally_at == 0)
        return until - from;
    const uint8_t *at = row_at(state, from);
    for (const uint8_t *end = row_at(state, until); at != end; at += state->row_size)
        count += weight_of(entity, layout, at, coming);
    return count;
}

static void scan_nothing(const struct reading *reading, const struct change *coming,
                         struct aggregated *aggregated) {
    aggregated->count = 0;
    if (coming->kept == 0)
        return;
    aggregated->sum = aggregated->squares_high = 0;
    aggregated->squares_low = 0;
    aggregated->any = aggregated->matched = aggregated->is_estimated = false;
    aggregated->distinct = 0;
    aggregated->distinct_with_current =
        (coming->kept & KEPT_DISTINCT) && (reading->current_present >> coming->column & 1);
}

/* Of more than a count, over rows that there are. */
static void scan_window(struct reading *reading, const struct state *state,
                        const struct change *coming, uint32_t from, uint32_t until,
                        struct aggregated *aggregated) {
    const struct entity_plan *entity = reading->entity;
    const struct row_layout *layout = row_layout(state, entity);
    const unsigned kept = coming->kept;
    const int column = coming->column;
    const bool has_numbers =
        kept & (KEPT_SUM | KEPT_SQUARES | KEPT_EXTREMES | KEPT_DISTINCT);
    uint64_t values[SCAN_ROWS_MAX];
    size_t value_count = 0;
    int64_t count = 0, min = INT64_MAX, max = INT64_MIN;
    int128 sum = 0, high = 0;
    uint64_t low = 0;
    uint32_t first = ROW_UNKNOWN, last = ROW_UNKNOWN;
    const uint8_t *at = row_at(state, from);
    for (uint32_t row = from; row < until; row++, at += state->row_size) {
        int64_t weight = weight_of(entity, layout, at, coming);
        if (weight == 0)
            continue;
        count += weight;
        first = first == ROW_UNKNOWN ? row : first;
        last = row;
        if (!has_numbers)
            continue;
        int64_t value = row_number(layout, at, (size_t)column);
        if (kept & KEPT_DISTINCT)
            values[value_count++] = (uint64_t)value;
        if (!(kept & (KEPT_SUM | KEPT_SQUARES | KEPT_EXTREMES)))
            continue;
        sum += (int128)weight * value;
        if (kept & KEPT_SQUARES)
            add_square(&low, &high, value, weight);
        min = value < min ? value : min;
        max = value > max ? value : max;
    }
    aggregated->count = count;
    aggregated->any = last != ROW_UNKNOWN;
    aggregated->sum = sum;
    aggregated->squares_low = low;
    aggregated->squares_high = high;
    aggregated->min = min;
    aggregated->max = max;
    if (kept & KEPT_DISTINCT)
        count_values(reading, values, value_count, column, aggregated);
    if ((kept & KEPT_FIRST) && aggregated->any)
        put_first(reading, state, first, column, aggregated);
    if ((kept & KEPT_LAST) && aggregated->any)
        put_last(reading, state, last, column, aggregated);
}

void scan_rows(struct reading *reading, const struct state *state) {
    const struct entity_plan *entity = reading->entity;
    uint32_t passed[2 * PLAN_SPANS_MAX];
    find_passed(reading, state, passed);
    for (size_t i = 0; i < entity->span_count; i++) {
        const struct span *span = &entity->spans[i];
        uint32_t from = passed[span->closes], until = passed[span->opens];
        const struct change *coming = &entity->comings[span->first];
        struct aggregated *aggregated = &reading->aggregated[span->first];
        for (const struct change *end = coming + span->count; coming != end;
             coming++, aggregated++) {
            if (from == until)
                scan_nothing(reading, coming, aggregated);
            else if (coming->kept == 0)
                aggregated->count = count_rows(state, entity, coming, from, until);
            else
                scan_window(reading, state, coming, from, until, aggregated);
        }
    }
}

/* Windows. */

static struct cell cell_of_edge(const struct state *state, const struct entity_plan *entity,
                                const struct total *total, const uint64_t *edge) {
    struct cell cell = {0};
    if (total->column >= 0 && is_text(entity, total->column))
        cell.text = cell_text(edge + 2, cell_words(state, entity, total));
    else
        cell.integer = (int64_t)edge[2];
    return cell;
}

/* The parts of the first tile of the window that counts, or of the last. False: none does. */
static bool find_tile(const struct state *state, const struct windows *windows,
                      const struct entity_plan *entity, const struct change *coming, bool is_last,
                      struct total_parts *ret_parts) {
    const struct span *span = span_of(entity, coming->aggregation);
    uint32_t from = windows->marks[span->closes].tile, until = windows->marks[span->opens].tile;
    const struct total *total = &entity->totals[coming->total];
    for (uint32_t i = 0; i < until - from; i++) {
        uint32_t tile = is_last ? until - 1 - i : from + i;
        uint64_t *at = total_of(state, entity, tile_at(state, entity, tile),
                                (size_t)coming->total);
        *ret_parts = total_parts(total, at, cell_words(state, entity, total));
        if (*at != 0)
            return true;
    }
    return false;
}

/* Rows and tiles never lie between each other: of equal times the row is the newer one. */
static void take_edges(struct reading *reading, const struct state *state,
                       struct windows *windows, const struct change *coming,
                       struct aggregated *aggregated) {
    const struct entity_plan *entity = reading->entity;
    const struct row_layout *layout = row_layout(state, entity);
    struct total_parts parts;
    if (coming->kept & KEPT_FIRST) {
        const struct total *total = &entity->totals[coming->total];
        uint32_t row = windows_first_row(windows, state, entity, coming);
        if (find_tile(state, windows, entity, coming, false, &parts) &&
            (row == ROW_UNKNOWN || (int64_t)parts.first[0] <= row_time(state, layout, row))) {
            aggregated->first_age_us = age_of(reading, (int64_t)parts.first[0]);
            aggregated->first = cell_of_edge(state, entity, total, parts.first);
        } else {
            put_first(reading, state, row, coming->column, aggregated);
        }
    }
    if (coming->kept & KEPT_LAST) {
        const struct total *total = &entity->totals[coming->total];
        uint32_t row = windows_last_row(windows, state, entity, coming);
        if (find_tile(state, windows, entity, coming, true, &parts) &&
            (row == ROW_UNKNOWN || (int64_t)parts.last[0] > row_time(state, layout, row))) {
            aggregated->last_age_us = age_of(reading, (int64_t)parts.last[0]);
            aggregated->last = cell_of_edge(state, entity, total, parts.last);
        } else {
            put_last(reading, state, row, coming->column, aggregated);
        }
    }
}

static void take_values(struct reading *reading, struct windows *windows,
                        const struct change *coming, struct aggregated *aggregated) {
    bool has_current = reading->current_present >> coming->column & 1;
    uint64_t current = has_current ? (uint64_t)reading->current->integers[coming->column] : 0;
    struct distinct_found found =
        distinct_find(windows->distinct, coming, has_current ? &current : NULL);
    aggregated->distinct = found.count;
    aggregated->distinct_with_current = found.with_current;
    aggregated->matched = found.matched;
    aggregated->is_estimated = found.is_estimated;
}

void scan_windows(struct reading *reading, const struct state *state, struct windows *windows) {
    const struct entity_plan *entity = reading->entity;
    uint64_t *words = windows_words(windows, entity);
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct change *coming = &entity->comings[i];
        struct aggregated *aggregated = &reading->aggregated[i];
        unsigned kept = coming->kept;
        uint64_t *at = words + coming->word;
        aggregated->count = (int64_t)*at++;
        if (kept == 0)
            continue;
        aggregated->any = aggregated->count != 0;
        if (kept & KEPT_SUM) {
            aggregated->sum = wide_get(at);
            at += 2;
        }
        if (kept & KEPT_SQUARES) {
            aggregated->squares_low = at[0];
            aggregated->squares_high = wide_get(at + 1);
            at += 3;
        }
        if ((kept & KEPT_EXTREMES) && aggregated->any) {
            if (extremes_are_stale(at))
                windows_look_up_extremes(windows, state, entity, coming);
            aggregated->min = (int64_t)at[0];
            aggregated->max = (int64_t)at[1];
        }
        if ((kept & (KEPT_FIRST | KEPT_LAST)) && aggregated->any)
            take_edges(reading, state, windows, coming, aggregated);
        if (kept & KEPT_DISTINCT)
            take_values(reading, windows, coming, aggregated);
    }
}

/* Quantiles. */

/* Sketches of the window; returns the first row that may be in it. */
static uint32_t add_sketches(struct reading *reading, const struct state *state,
                             const struct aggregation *aggregation, struct quantile *quantile) {
    const struct entity_plan *entity = reading->entity;
    const struct span *span = &entity->spans[aggregation->span];
    int64_t from_us = time_before(reading->at_us, span->end_us);
    for (uint32_t i = 0; i < sketch_tile_count(state); i++) {
        const struct sketch_tile *tile = &state->tile_list->sketches[i];
        if (!span_holds(span, tile->newest_us, reading->at_us))
            continue;
        quantile_add_all(quantile, &tile->distributions[aggregation->distribution]);
        from_us = tile->oldest_us < from_us ? tile->oldest_us : from_us;
    }
    return rows_find(state, entity, from_us);
}

static void scan_quantile(struct reading *reading, const struct state *state,
                          const struct aggregation *aggregation) {
    const struct entity_plan *entity = reading->entity;
    const struct row_layout *layout = row_layout(state, entity);
    const struct span *span = &entity->spans[aggregation->span];
    struct quantile *quantile = &reading->quantiles[aggregation->quantile];
    uint32_t tile = 0, tiles = sketch_tile_count(state);
    for (uint32_t row = add_sketches(reading, state, aggregation, quantile); row < state->end;
         row++) {
        const uint8_t *at = row_at(state, row);
        int64_t as_of_us = row_time(state, layout, row);
        while (tile < tiles && state->tile_list->sketches[tile].newest_us < as_of_us)
            tile++;
        if (tile < tiles && state->tile_list->sketches[tile].oldest_us <= as_of_us)
            as_of_us = state->tile_list->sketches[tile].newest_us; /* as the sketch beside it */
        if (span_holds(span, as_of_us, reading->at_us))
            quantile_add(quantile, row_number(layout, at, (size_t)aggregation->column),
                         row_counts(entity, layout, at, aggregation->column, aggregation->filter));
    }
}

static void clear_quantiles(struct reading *reading) {
    size_t count = reading->entity->quantile_count;
    if (count > reading->quantile_capacity) {
        reading->quantiles =
            check_reallocarray(reading->quantiles, count, sizeof *reading->quantiles);
        for (; reading->quantile_capacity < count; reading->quantile_capacity++)
            quantile_init(&reading->quantiles[reading->quantile_capacity]);
    }
    for (size_t i = 0; i < count; i++)
        quantile_clear(&reading->quantiles[i]);
}

void scan_quantiles(struct reading *reading, const struct state *state) {
    const struct entity_plan *entity = reading->entity;
    if (entity->quantile_count == 0)
        return;
    clear_quantiles(reading);
    for (size_t i = 0; i < entity->aggregation_count; i++)
        if (entity->aggregations[i].quantile >= 0)
            scan_quantile(reading, state, &entity->aggregations[i]);
}
