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

static void put_first(const struct reading *reading, const struct state *state, uint32_t row,
                      int column, struct aggregated *aggregated) {
    const struct entity_plan *entity = reading->entity;
    check(row != ROW_UNKNOWN); /* else the window's count would be wrong */
    aggregated->first_age_us = age_of(reading, row_time(state, row_layout(state, entity), row));
    if (column >= 0)
        aggregated->first = cell_of_row(state, entity, row, column);
}

static void put_last(const struct reading *reading, const struct state *state, uint32_t row,
                     int column, struct aggregated *aggregated) {
    const struct entity_plan *entity = reading->entity;
    check(row != ROW_UNKNOWN);
    aggregated->last_age_us = age_of(reading, row_time(state, row_layout(state, entity), row));
    if (column >= 0)
        aggregated->last = cell_of_row(state, entity, row, column);
}

/* Few rows. */

/* [border]: so many rows have passed it. */
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
        ret_rows[i] = row - state->begin;
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

/* Rows as bits, the first lowest: those whose flag i is set. Eight rows at a time: bit i of the
 * eight bytes of a word comes together in its highest byte. */
struct row_sets {
    uint32_t of[64];
};

static uint32_t set_of(const uint64_t words[2], unsigned bit) {
    const uint64_t lowest = UINT64_C(0x0101010101010101), spread = UINT64_C(0x0102040810204080);
    uint64_t first = (words[0] >> bit & lowest) * spread >> 56;
    uint64_t second = (words[1] >> bit & lowest) * spread >> 56;
    return (uint32_t)(first | second << 8);
}

static void find_sets(const struct state *state, const struct entity_plan *entity,
                      struct row_sets *ret_sets) {
    const struct row_layout *layout = row_layout(state, entity);
    const size_t rows = state->end - state->begin;
    const size_t bits = entity->column_count + entity->filter_count;
    if (rows == 0) {
        memset(ret_sets->of, 0, bits * sizeof *ret_sets->of);
        return;
    }
    for (size_t first = 0; first < bits; first += 8) {
        const uint8_t *at = row_at(state, state->begin) + layout->flags_at + first / 8;
        uint64_t words[2] = {0};
        for (size_t i = 0; i < rows; i++, at += state->row_size)
            words[i / 8] |= (uint64_t)*at << 8 * (i % 8);
        for (size_t i = first; i < bits && i < first + 8; i++)
            ret_sets->of[i] = set_of(words, (unsigned)(i - first));
    }
}

/* The rows of a window that count for an aggregation. */
static uint32_t rows_that_count(const struct entity_plan *entity, const struct row_sets *sets,
                                const struct change *coming, uint32_t window) {
    if (coming->column >= 0)
        window &= sets->of[coming->column];
    if (coming->filter >= 0)
        window &= sets->of[entity->column_count + (size_t)coming->filter];
    return window;
}

static void scan_nothing(const struct reading *reading, const struct change *coming,
                         struct aggregated *aggregated) {
    aggregated->sum = aggregated->squares_high = 0;
    aggregated->squares_low = 0;
    aggregated->any = aggregated->matched = aggregated->is_estimated = false;
    aggregated->distinct = 0;
    aggregated->distinct_with_current =
        (coming->kept & KEPT_DISTINCT) && (reading->current_present >> coming->column & 1);
}

static inline uint32_t lowest_row(uint32_t set) {
    return (uint32_t)__builtin_ctz(set);
}
static inline uint32_t highest_row(uint32_t set) {
    return 31u - (uint32_t)__builtin_clz(set);
}

/* Numbers of single transactions; set: of rows, not empty. */
static void add_numbers(const struct reading *reading, const struct state *state,
                        const struct change *coming, uint32_t set, struct aggregated *aggregated) {
    const struct row_layout *layout = row_layout(state, reading->entity);
    const uint8_t *rows = row_at(state, state->begin) + layout->cell_at[coming->column];
    const unsigned shift = layout->cell_shift[coming->column];
    int64_t min = INT64_MAX, max = INT64_MIN;
    int128 sum = 0, high = 0;
    uint64_t low = 0;
    for (; set != 0; set &= set - 1) {
        const uint8_t *at = rows + lowest_row(set) * (size_t)state->row_size;
        int64_t value = (int64_t)(load_u64(at) << shift) >> shift;
        sum += value;
        if (coming->kept & KEPT_SQUARES)
            add_square(&low, &high, value, 1);
        min = value < min ? value : min;
        max = value > max ? value : max;
    }
    aggregated->sum = sum;
    aggregated->squares_low = low;
    aggregated->squares_high = high;
    aggregated->min = min;
    aggregated->max = max;
}

static void add_values(const struct reading *reading, const struct state *state,
                       const struct change *coming, uint32_t set, struct aggregated *aggregated) {
    const struct row_layout *layout = row_layout(state, reading->entity);
    uint64_t values[SCAN_ROWS_MAX];
    size_t count = 0;
    for (; set != 0; set &= set - 1) {
        const uint8_t *row = row_at(state, state->begin + lowest_row(set));
        values[count++] = (uint64_t)row_number(layout, row, (size_t)coming->column);
    }
    count_values(reading, values, count, coming->column, aggregated);
}

/* More than a count; set: of rows, not empty. */
static void scan_set(const struct reading *reading, const struct state *state,
                     const struct change *coming, uint32_t set, struct aggregated *aggregated) {
    const unsigned kept = coming->kept;
    aggregated->any = true;
    if (kept & (KEPT_SUM | KEPT_SQUARES | KEPT_EXTREMES))
        add_numbers(reading, state, coming, set, aggregated);
    if (kept & KEPT_DISTINCT)
        add_values(reading, state, coming, set, aggregated);
    if (kept & KEPT_FIRST)
        put_first(reading, state, state->begin + lowest_row(set), coming->column, aggregated);
    if (kept & KEPT_LAST)
        put_last(reading, state, state->begin + highest_row(set), coming->column, aggregated);
}

void scan_rows(struct reading *reading, const struct state *state) {
    const struct entity_plan *entity = reading->entity;
    uint32_t passed[2 * PLAN_SPANS_MAX];
    struct row_sets sets;
    find_passed(reading, state, passed);
    find_sets(state, entity, &sets);
    for (size_t i = 0; i < entity->span_count; i++) {
        const struct span *span = &entity->spans[i];
        uint32_t until = (UINT32_C(1) << passed[span->opens]) - 1;
        uint32_t window = until & ~((UINT32_C(1) << passed[span->closes]) - 1);
        const struct change *coming = &entity->comings[span->first];
        struct aggregated *aggregated = &reading->aggregated[span->first];
        for (const struct change *end = coming + span->count; coming != end;
             coming++, aggregated++) {
            uint32_t set = rows_that_count(entity, &sets, coming, window);
            aggregated->count = __builtin_popcount(set);
            if (coming->kept != 0 && set != 0)
                scan_set(reading, state, coming, set, aggregated);
            else if (coming->kept != 0)
                scan_nothing(reading, coming, aggregated);
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
        uint64_t *at = total_of(state, entity, tile_at(state, entity, tile), (size_t)coming->total);
        *ret_parts = total_parts(total, at, cell_words(state, entity, total));
        if (*at != 0)
            return true;
    }
    return false;
}

/* Rows and tiles never lie between each other: of equal times the row is the newer one. */
static void take_edges(struct reading *reading, const struct state *state, struct windows *windows,
                       const struct change *coming, struct aggregated *aggregated) {
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
