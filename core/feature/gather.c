/* An entry's weight in a gathering is how often it counts: for a plain filter 0 or 1, for an
 * outcome filter whatever has become of the sum, for no filter its number of transactions (0 while
 * only its outcome is known). Sums take the weight as a factor; what cannot be undone (extremes,
 * edges, different values) takes each entry whose weight is not 0, because the plan grants it only
 * to plain filters, which have no negative ones.
 *
 * Bounds. |value| <= 2^63, |weight| < 2^32, entries < 2^29 (a state has less than 2^32 bytes): sums
 * stay below 2^124, sums of squares below 2^187 (two limbs of 64 and 128 bits), and
 * count × squares − sum² below 2^250. */
#include "gather.h"

#include "../base/check.h"

#include <math.h>

void gather_init(struct gather *gather) {
    gather->entity = NULL;
    gather->current = NULL;
    sightings_init(&gather->sightings);
}

void gather_deinit(struct gather *gather) {
    sightings_deinit(&gather->sightings);
}

void gather_begin(struct gather *gather, const struct entity_plan *entity, int64_t at_us,
                  const struct entry *current) {
    gather->entity = entity;
    gather->current = current;
    gather->current_present = current ? run_present(entity, current) : 0;
    gather->at_us = at_us;
    for (size_t i = 0; i < entity->gathering_count; i++)
        gather->gathered[i] = (struct gathered){0};
    sightings_clear(&gather->sightings);
}

static bool has_column(uint32_t present, int column) {
    return column < 0 || (present >> column & 1);
}

static bool has_type(const struct entity_plan *entity, int column, enum column_type type) {
    return column >= 0 && entity->columns[column].type == type;
}

static void add_square(struct gathered *gathered, int64_t value, int64_t weight) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint128 square = (uint128)magnitude * magnitude;
    gathered->squares_low += (int128)weight * (uint64_t)square;
    gathered->squares_high += (int128)weight * (uint64_t)(square >> 64);
}

static void add_edge(struct gathered *gathered, const struct run_entry *entry, int column,
                     bool is_text, uint64_t age_us) {
    struct cell cell = {0};
    if (is_text)
        cell.text = entry->texts[column];
    else if (column >= 0)
        cell.integer = entry->integers[column];
    if (!gathered->any) {
        gathered->first_age_us = age_us;
        gathered->first = cell;
    }
    gathered->last_age_us = age_us;
    gathered->last = cell;
}

/* What takes an entry or leaves it, however often it counts; entries come oldest first. */
static void add_transaction(struct gather *gather, size_t i, const struct run_entry *entry,
                            uint64_t age_us) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    int column = gathering->column;
    if (gathering->needs & GATHERING_EXTREMES) {
        int64_t value = entry->integers[column];
        gathered->min = gathered->any && gathered->min < value ? gathered->min : value;
        gathered->max = gathered->any && gathered->max > value ? gathered->max : value;
    }
    if (gathering->needs & GATHERING_EDGES)
        add_edge(gathered, entry, column, has_type(gather->entity, column, COLUMN_TEXT), age_us);
    if (gathering->needs & GATHERING_MATCH)
        gathered->matched |= (gather->current_present >> column & 1) &&
                             entry->integers[column] == gather->current->integers[column];
    if (gathering->needs & GATHERING_SIGHTINGS)
        sightings_add(&gather->sightings, (uint32_t)i, (uint64_t)entry->integers[column], age_us);
    gathered->any = true;
}

static inline void add_entry(struct gather *gather, size_t i, const struct run_entry *entry,
                             uint64_t age_us) {
    const struct gathering *gathering = &gather->entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    int64_t weight =
        gathering->filter < 0 ? (int64_t)entry->transactions : entry->weights[gathering->filter];
    if (weight == 0 || !has_column(entry->present, gathering->column))
        return;
    gathered->count += weight;
    if (gathering->needs & GATHERING_SUM)
        gathered->sum += (int128)weight * entry->integers[gathering->column];
    if (gathering->needs & GATHERING_SQUARES)
        add_square(gathered, entry->integers[gathering->column], weight);
    if (gathering->needs & ~(GATHERING_SUM | GATHERING_SQUARES))
        add_transaction(gather, i, entry, age_us);
}

static void count_distinct(struct gather *gather) {
    const struct entity_plan *entity = gather->entity;
    for (size_t i = 0; i < gather->sightings.count; i++) {
        const struct sighting *sighting = &gather->sightings.list[i];
        /* Each window of the chain is inside the one before, and all have the same delay. */
        size_t at = sighting->subject;
        do {
            if (sighting->age_us >= entity->spans[entity->gatherings[at].span].end_us)
                break;
            gather->gathered[at].distinct++;
            at = entity->gatherings[at].next;
        } while (at != 0);
    }
}

void gather_run(struct gather *gather, struct run *run) {
    const struct entity_plan *entity = gather->entity;
    struct run_entry entry;
    while (run_next(run, &entry) && entry.time_us <= gather->at_us) {
        uint64_t age_us = (uint64_t)gather->at_us - (uint64_t)entry.time_us;
        for (size_t i = 0; i < entity->span_count; i++) {
            const struct span *span = &entity->spans[i];
            if (age_us >= span->end_us)
                break; /* the spans behind reach no further */
            if (age_us < span->delay_us)
                continue;
            for (size_t j = span->first; j < (size_t)span->first + span->count; j++)
                add_entry(gather, j, &entry, age_us);
        }
    }
    check(!run->cursor.failed);
    count_distinct(gather);
}

/* Making values. */

static int64_t scale_of(const struct column *column) {
    static const int64_t powers_of_ten[PLAN_DIGITS_MAX + 1] = {
        1,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
    };
    return powers_of_ten[column->digits];
}

static struct value cell_value(const struct column *column, const struct cell *cell) {
    switch (column->value_type) {
    case VALUE_INT:
        return value_int(cell->integer);
    case VALUE_BOOL:
        return value_bool(cell->integer != 0);
    case VALUE_TIMESTAMP:
        return value_timestamp(cell->integer);
    case VALUE_DOUBLE:
        return value_double((double)cell->integer / (double)scale_of(column));
    case VALUE_TEXT:
        return value_text(cell->text);
    case VALUE_ABSENT:
    case VALUE_DURATION:
    case VALUE_ERROR:
        break;
    }
    return value_absent();
}

/* The weight of the current transaction in a feature; 0 when it is left out. */
static int64_t current_weight(const struct gather *gather, const struct feature *feature,
                              int filter) {
    const struct entry *current = gather->current;
    if (!current || feature->exclude_current || feature->delay_us > 0 ||
        !has_column(gather->current_present, feature->column))
        return 0;
    return filter < 0 ? current->transaction : current->weights[filter];
}

static struct cell current_cell(const struct gather *gather, int column) {
    struct cell cell = {0};
    if (has_type(gather->entity, column, COLUMN_TEXT))
        cell.text = gather->current->texts[column];
    else
        cell.integer = gather->current->integers[column];
    return cell;
}

static struct value sum_value(const struct column *column, int128 sum) {
    if (column->value_type == VALUE_DOUBLE)
        return value_double((double)sum / (double)scale_of(column));
    if (sum < INT64_MIN || sum > INT64_MAX)
        return value_absent();
    return value_int((int64_t)sum);
}

static struct value mean_value(const struct column *column, const struct gathered *all) {
    if (all->count <= 0)
        return value_absent();
    return value_double((double)all->sum / (double)((int128)all->count * scale_of(column)));
}

/* count × squares − sum², which is count² times the mean squared distance from the mean, rounded
 * once. 128 bits are enough for all but huge values and much faster. */
static double spread_of(const struct gathered *all) {
    const int128 low_max = (int128)1 << 95, sum_max = INT64_MAX, count_max = INT32_MAX;
    if (all->squares_high == 0 && all->squares_low >= 0 && all->squares_low < low_max &&
        all->count < count_max && all->sum > -sum_max && all->sum < sum_max)
        return (double)(all->count * all->squares_low - all->sum * all->sum);
    struct wide squares = wide_sum(wide_shift_limb(wide_product(all->count, all->squares_high)),
                                   wide_product(all->count, all->squares_low));
    return wide_to_double(wide_difference(squares, wide_product(all->sum, all->sum)));
}

static struct value stddev_value(const struct column *column, const struct gathered *all) {
    if (all->count < 2)
        return value_absent();
    double spread = spread_of(all);
    /* Cannot be for whole transactions; can while outcomes wait for theirs. */
    if (spread < 0)
        return value_absent();
    double variance = spread / (double)((int128)all->count * (all->count - 1));
    return value_double(sqrt(variance) / (double)scale_of(column));
}

/* Features that are sums: the current transaction is one more summand. */
static struct value additive_value(const struct gather *gather, const struct feature *feature,
                                   struct gathered all) {
    int64_t weight = current_weight(gather, feature, feature->filter);
    all.count += weight;
    if (feature->aggregate == AGGREGATE_COUNT)
        return value_int(all.count);
    if (weight != 0) {
        int64_t value = gather->current->integers[feature->column];
        all.sum += (int128)weight * value;
        add_square(&all, value, weight);
    }
    const struct column *column = &gather->entity->columns[feature->column];
    if (feature->aggregate == AGGREGATE_SUM)
        return sum_value(column, all.sum);
    if (feature->aggregate == AGGREGATE_MEAN)
        return mean_value(column, &all);
    return stddev_value(column, &all);
}

static struct value share_value(const struct gather *gather, const struct feature *feature) {
    int64_t all = gather->gathered[feature->gathering].count +
                  current_weight(gather, feature, feature->filter);
    int64_t part = gather->gathered[feature->part_gathering].count +
                   current_weight(gather, feature, feature->part);
    return all <= 0 ? value_absent() : value_double((double)part / (double)all);
}

static struct value extreme_value(const struct gather *gather, const struct feature *feature,
                                  const struct gathered *all) {
    bool is_min = feature->aggregate == AGGREGATE_MIN, any = all->any;
    struct cell cell = {.integer = is_min ? all->min : all->max};
    if (current_weight(gather, feature, feature->filter) > 0) {
        int64_t value = gather->current->integers[feature->column];
        if (!any || (is_min ? value < cell.integer : value > cell.integer))
            cell.integer = value;
        any = true;
    }
    return any ? cell_value(&gather->entity->columns[feature->column], &cell) : value_absent();
}

static struct value first_value(const struct gather *gather, const struct feature *feature,
                                const struct gathered *all) {
    const struct column *column = &gather->entity->columns[feature->column];
    if (all->any)
        return cell_value(column, &all->first);
    if (current_weight(gather, feature, feature->filter) <= 0)
        return value_absent();
    struct cell cell = current_cell(gather, feature->column);
    return cell_value(column, &cell);
}

static struct value since_first_value(const struct gather *gather, const struct feature *feature,
                                      const struct gathered *all) {
    if (all->any)
        return value_double((double)all->first_age_us / 1e6);
    bool current = current_weight(gather, feature, feature->filter) > 0;
    return current ? value_double(0) : value_absent();
}

static struct value is_new_value(const struct gather *gather, const struct feature *feature,
                                 const struct gathered *all) {
    if (!(gather->current_present >> feature->column & 1))
        return value_absent();
    return value_bool(!all->matched);
}

static struct value own_value(const struct gather *gather, const struct feature *feature) {
    const struct gathered *all = &gather->gathered[feature->gathering];
    switch (feature->aggregate) {
    case AGGREGATE_COUNT:
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_STDDEV:
        return additive_value(gather, feature, *all);
    case AGGREGATE_SHARE:
        return share_value(gather, feature);
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return extreme_value(gather, feature, all);
    case AGGREGATE_DISTINCT: {
        bool one_more = current_weight(gather, feature, feature->filter) > 0 && !all->matched;
        return value_int(all->distinct + one_more);
    }
    case AGGREGATE_FIRST:
        return first_value(gather, feature, all);
    case AGGREGATE_LAST:
        return all->any ? cell_value(&gather->entity->columns[feature->column], &all->last)
                        : value_absent();
    case AGGREGATE_SECONDS_SINCE_FIRST:
        return since_first_value(gather, feature, all);
    case AGGREGATE_SECONDS_SINCE_LAST:
        return all->any ? value_double((double)all->last_age_us / 1e6) : value_absent();
    case AGGREGATE_IS_NEW:
        return is_new_value(gather, feature, all);
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    return value_absent();
}

struct value gather_value(const struct gather *gather, const struct feature *feature) {
    struct value value = own_value(gather, feature);
    return value.type == VALUE_ABSENT ? feature->default_value : value;
}
