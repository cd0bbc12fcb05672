/* Behind the time of a read lie borders: the distances at which a window begins (its delay) or ends
 * (delay and length). */
#include "changes.h"

#include <string.h>

static size_t border_at(struct entity_plan *entity, uint64_t distance_us) {
    struct border *borders = entity->borders;
    size_t at = 0;
    while (at < entity->border_count && borders[at].distance_us < distance_us)
        at++;
    if (at < entity->border_count && borders[at].distance_us == distance_us)
        return at;
    memmove(&borders[at + 1], &borders[at], (entity->border_count - at) * sizeof *borders);
    borders[at] = (struct border){.distance_us = distance_us};
    entity->border_count++;
    return at;
}

static void add_borders(struct entity_plan *entity) {
    entity->border_count = 0;
    for (size_t i = 0; i < entity->span_count; i++) {
        border_at(entity, entity->spans[i].delay_us);
        border_at(entity, entity->spans[i].end_us);
    }
    for (size_t i = 0; i < entity->span_count; i++) {
        struct span *span = &entity->spans[i];
        span->opens = (uint16_t)border_at(entity, span->delay_us);
        span->closes = (uint16_t)border_at(entity, span->end_us);
    }
}

/* Mere counts first: what is asked of one change is then mostly what was asked of the one before.
 */
static uint16_t add_changes(struct entity_plan *entity, uint16_t used, size_t border, int8_t sign) {
    for (int are_mere = 1; are_mere >= 0; are_mere--)
        for (size_t i = 0; i < entity->aggregation_count; i++) {
            const struct span *span = &entity->spans[entity->aggregations[i].span];
            const struct change *coming = &entity->comings[i];
            if ((sign > 0 ? span->opens : span->closes) != border ||
                (coming->kept == 0) != are_mere)
                continue;
            entity->changes[used] = *coming;
            entity->changes[used++].sign = sign;
        }
    return used;
}

/* Which edge an aggregate looks at. No default: whoever adds one has to say. */
static uint16_t edge_of(enum aggregate aggregate) {
    switch (aggregate) {
    case AGGREGATE_LAST:
    case AGGREGATE_SECONDS_SINCE_LAST:
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        return KEPT_LAST;
    case AGGREGATE_FIRST:
    case AGGREGATE_SECONDS_SINCE_FIRST:
    case AGGREGATE_BURST:
        return KEPT_FIRST;
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_STDDEV:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_SHARE:
    case AGGREGATE_IS_NEW:
    case AGGREGATE_QUANTILE:
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return 0;
}

static uint16_t kept_of(const struct entity_plan *entity, size_t aggregation) {
    unsigned needs = entity->aggregations[aggregation].needs;
    unsigned kept = needs & NEED_SUM ? KEPT_SUM : 0;
    kept |= needs & NEED_SQUARES ? KEPT_SQUARES : 0;
    kept |= needs & NEED_EXTREMES ? KEPT_EXTREMES : 0;
    kept |= entity->aggregations[aggregation].pool >= 0 ? KEPT_DISTINCT : 0;
    for (size_t i = 0; i < entity->feature_count; i++) {
        const struct feature *feature = &entity->features[i];
        if (feature->aggregation != aggregation)
            continue;
        kept |= needs & NEED_EDGES ? edge_of(feature->aggregate) : 0;
        kept |= feature->aggregate == AGGREGATE_MIN ? KEPT_MIN : 0;
        kept |= feature->aggregate == AGGREGATE_MAX ? KEPT_MAX : 0;
    }
    return (uint16_t)kept;
}

static uint16_t words_of(unsigned kept) {
    unsigned words = 1; /* the count */
    words += kept & KEPT_SUM ? 2 : 0;
    words += kept & KEPT_SQUARES ? 3 : 0;
    words += kept & KEPT_EXTREMES ? 2 : 0;
    words += kept & (KEPT_FIRST | KEPT_LAST) ? 1 : 0;
    return (uint16_t)words;
}

static void fill_comings(struct entity_plan *entity) {
    uint16_t members[PLAN_FEATURES_MAX] = {0};
    entity->word_count = entity->counter_count = entity->member_count = 0;
    entity->pools_reach_us = 0;
    for (size_t i = 0; i < entity->aggregation_count; i++) {
        const struct aggregation *aggregation = &entity->aggregations[i];
        struct change *coming = &entity->comings[i];
        *coming = (struct change){.aggregation = (uint16_t)i,
                                  .word = entity->word_count,
                                  .kept = kept_of(entity, i),
                                  .total = aggregation->total,
                                  .column = aggregation->column,
                                  .filter = aggregation->filter,
                                  .weight_bit = (uint8_t)(aggregation->filter + 1),
                                  .sign = 1};
        if (aggregation->column >= 0)
            coming->column_bit = UINT32_C(1) << aggregation->column;
        entity->word_count = (uint16_t)(entity->word_count + words_of(coming->kept));
        if (aggregation->pool < 0)
            continue;
        coming->pool = (uint16_t)aggregation->pool;
        coming->member = members[aggregation->pool]++;
        coming->counter = entity->counter_count++;
        if (members[aggregation->pool] > entity->member_count)
            entity->member_count = members[aggregation->pool];
        if (entity->spans[aggregation->span].end_us > entity->pools_reach_us)
            entity->pools_reach_us = entity->spans[aggregation->span].end_us;
    }
}

void changes_fill(struct entity_plan *entity) {
    add_borders(entity);
    fill_comings(entity);
    uint16_t used = 0;
    for (size_t i = 0; i < entity->border_count; i++) {
        struct border *border = &entity->borders[i];
        border->first_change = used;
        used = add_changes(entity, used, i, 1);
        used = add_changes(entity, used, i, -1);
        border->change_count = (uint16_t)(used - border->first_change);
    }
}

/* Layouts. */

static const struct width {
    uint8_t time_size, number_bits, text_size;
} widths[ROW_WIDTHS] = {
    {6, 32, 4}, /* most: 2^48 us are nine years, codes of countries and currencies are texts */
    {8, 64, 8},
    {8, 64, 32},
    {8, 64, COLUMN_TEXT_MAX + 8},
};

static uint8_t bits_of(const struct column *column, const struct width *width) {
    if (column->type != COLUMN_INTEGER || width->number_bits == 64)
        return 64;
    return column->value_type == VALUE_BOOL ? 8 : width->number_bits;
}

static void fill_row_layout(const struct entity_plan *entity, const struct width *width,
                            bool has_tally, bool has_taken, struct row_layout *row) {
    size_t flags = entity->column_count + entity->filter_count;
    *row = (struct row_layout){
        .time_mask = UINT64_MAX >> (64 - 8 * width->time_size),
        .flags_mask = flags == 0 ? 0 : UINT64_MAX >> (64 - flags),
        .id_at = width->time_size,
        .flags_at = (uint8_t)(width->time_size + entity->id_size),
        .text_size = width->text_size,
    };
    size_t at = row->flags_at + (flags + 7) / 8;
    for (size_t i = 0; i < entity->column_count; i++) {
        const struct column *column = &entity->columns[i];
        uint8_t bits = bits_of(column, width);
        row->cell_at[i] = (uint16_t)at;
        row->cell_shift[i] = (uint8_t)(64 - bits);
        at += column->type == COLUMN_TEXT ? width->text_size : bits / 8;
    }
    size_t tally_size = sizeof(uint32_t) * (1 + entity->filter_count);
    row->tally_at = has_tally ? (uint16_t)at : 0;
    at += has_tally ? tally_size : 0;
    row->taken_at = has_taken ? (uint16_t)at : 0;
    at += has_taken ? tally_size : 0;
    row->size = (uint16_t)at;
}

static size_t words_of_total(const struct entity_plan *entity, const struct total *total,
                             const struct width *width) {
    size_t words = 1 + (total->needs & (NEED_EXTREMES | NEED_EDGES) ? 1 : 0);
    words += total->needs & NEED_SUM ? 2 : 0;
    words += total->needs & NEED_SQUARES ? 3 : 0;
    words += total->needs & NEED_EXTREMES ? 2 : 0;
    bool is_text = total->column >= 0 && entity->columns[total->column].type == COLUMN_TEXT;
    size_t cell = is_text ? (width->text_size + 7u) / 8 : 1;
    words += total->needs & NEED_EDGES ? 2 * (2 + cell) : 0;
    return words;
}

static void fill_columns(struct entity_plan *entity) {
    entity->all_columns = entity->text_columns = 0;
    for (size_t i = 0; i < entity->column_count; i++) {
        uint32_t bit = UINT32_C(1) << i;
        entity->all_columns |= bit;
        entity->text_columns |= entity->columns[i].type == COLUMN_TEXT ? bit : 0;
    }
}

void layouts_fill(struct entity_plan *entity) {
    fill_columns(entity);
    for (size_t i = 0; i < ROW_WIDTHS; i++) {
        fill_row_layout(entity, &widths[i], false, false, &entity->rows[i]);
        fill_row_layout(entity, &widths[i], true, false, &entity->rows[i + ROW_TALLY]);
        fill_row_layout(entity, &widths[i], true, true, &entity->rows[i + ROW_TAKEN]);
        size_t words = 3; /* oldest and newest time, transactions */
        for (size_t j = 0; j < entity->total_count; j++) {
            entity->total_at[i][j] = (uint16_t)words;
            words += words_of_total(entity, &entity->totals[j], &widths[i]);
        }
        entity->tile_words[i] = (uint16_t)words;
    }
}
