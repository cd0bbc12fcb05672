/* Making values of what has been gathered, straight into the result: with ten features and more to
 * a decision, copies of values are what would cost most. */
#include "gather.h"

#include "burst.h"
#include "place.h"

#include <math.h>
#include <stddef.h>

#define POWERS_OF_TEN(F)                                                                           \
    F(1), F(10), F(100), F(1000), F(10000), F(100000), F(1000000), F(10000000), F(100000000),      \
        F(1000000000), F(10000000000), F(100000000000), F(1000000000000), F(10000000000000),       \
        F(100000000000000), F(1000000000000000), F(10000000000000000), F(100000000000000000),      \
        F(1000000000000000000)

static int64_t scale_of(const struct column *column) {
    static const int64_t powers[PLAN_DIGITS_MAX + 1] = {POWERS_OF_TEN(INT64_C)};
    return powers[column->digits];
}

/* The same: all of them are doubles, too. */
static double double_scale_of(const struct column *column) {
    static const double powers[PLAN_DIGITS_MAX + 1] = {POWERS_OF_TEN((double))};
    return powers[column->digits];
}

/* Values are put together where they belong: copied as a whole, they would wait for their parts. */

static void put_int(struct value *ret_value, int64_t integer) {
    ret_value->type = VALUE_INT;
    ret_value->integer = integer;
}

static void put_double(struct value *ret_value, double number) {
    ret_value->type = VALUE_DOUBLE;
    ret_value->number = number;
}

static void put_absent(struct value *ret_value) {
    ret_value->type = VALUE_ABSENT;
}

static void put_cell(struct value *ret_value, const struct column *column,
                     const struct cell *cell) {
    ret_value->type = column->value_type;
    switch (column->value_type) {
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        ret_value->integer = cell->integer;
        return;
    case VALUE_BOOL:
        ret_value->boolean = cell->integer != 0;
        return;
    case VALUE_DOUBLE:
        ret_value->number = (double)cell->integer / double_scale_of(column);
        return;
    case VALUE_TEXT:
        ret_value->text = cell->text;
        return;
    case VALUE_ABSENT:
    case VALUE_DURATION:
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    put_absent(ret_value);
}

/* The weight of the current transaction in a feature; 0 when it is left out. */
static inline int64_t current_weight(const struct gather *gather, const struct feature *feature) {
    return feature->column_bit & ~gather->current_present
               ? 0
               : gather->current_weights[feature->current_at];
}

static struct cell current_cell(const struct gather *gather, int column) {
    struct cell cell = {0};
    if (gather->entity->columns[column].type == COLUMN_TEXT)
        cell.text = gather->current->texts[column];
    else
        cell.integer = gather->current->integers[column];
    return cell;
}

/* The same, and quicker than the compiler's for what fits in 64 bits. */
static inline double to_double(int128 number) {
    return __builtin_expect(number == (int64_t)number, 1) ? (double)(int64_t)number
                                                          : (double)number;
}
static inline double product_to_double(int64_t a, int64_t b) {
    int64_t product;
    return __builtin_expect(__builtin_mul_overflow(a, b, &product), 0) ? (double)((int128)a * b)
                                                                       : (double)product;
}

/* Features that are sums: the current transaction is one more summand. */

static inline int64_t count_with_current(const struct gathered *all, int64_t weight) {
    return (int64_t)((uint64_t)all->count + (uint64_t)weight);
}

static inline int64_t current_value(const struct gather *gather, const struct feature *feature,
                                    int64_t weight) {
    return weight != 0 ? gather->current->integers[feature->column] : 0;
}

static void sum_value(const struct gather *gather, const struct feature *feature,
                      const struct gathered *all, struct value *ret_value) {
    const struct column *column = &gather->entity->columns[feature->column];
    int64_t weight = current_weight(gather, feature);
    int64_t value = current_value(gather, feature, weight);
    int128 sum = wrapping_sum(all->sum, (int128)weight * value);
    if (column->value_type == VALUE_DOUBLE)
        put_double(ret_value, to_double(sum) / double_scale_of(column));
    else if (sum < INT64_MIN || sum > INT64_MAX)
        put_absent(ret_value);
    else
        put_int(ret_value, (int64_t)sum);
}

static void mean_value(const struct gather *gather, const struct feature *feature,
                       const struct gathered *all, struct value *ret_value) {
    const struct column *column = &gather->entity->columns[feature->column];
    int64_t weight = current_weight(gather, feature);
    int64_t value = current_value(gather, feature, weight);
    int64_t count = count_with_current(all, weight);
    int128 sum = wrapping_sum(all->sum, (int128)weight * value);
    if (count <= 0)
        put_absent(ret_value);
    else
        put_double(ret_value, to_double(sum) / product_to_double(count, scale_of(column)));
}

/* With the current transaction. */
struct summed {
    int64_t count;
    int128 sum;
    uint64_t squares_low;
    int128 squares_high;
};

/* count × squares − sum², which is count² times the mean squared distance from the mean, rounded
 * once. 128 bits are enough for all but huge values and much faster. */
static double wide_spread_of(const struct summed *all) {
    struct wide squares = wide_sum(wide_shift_limb(wide_product(all->count, all->squares_high)),
                                   wide_product(all->count, (int128)all->squares_low));
    return wide_to_double(wide_difference(squares, wide_product(all->sum, all->sum)));
}
static inline double spread_of(const struct summed *all) {
    int64_t sum = (int64_t)all->sum;
    if (__builtin_expect(all->squares_high != 0 || all->count >= INT32_MAX || all->sum != sum ||
                             sum == INT64_MIN,
                         0))
        return wide_spread_of(all);
    return to_double((int128)((uint128)all->count * all->squares_low) - (int128)sum * sum);
}

static void stddev_value(const struct gather *gather, const struct feature *feature,
                         const struct gathered *gathered, struct value *ret_value) {
    const struct column *column = &gather->entity->columns[feature->column];
    int64_t weight = current_weight(gather, feature);
    int64_t value = current_value(gather, feature, weight);
    struct summed all = {.count = count_with_current(gathered, weight),
                         .sum = wrapping_sum(gathered->sum, (int128)weight * value),
                         .squares_low = gathered->squares_low,
                         .squares_high = gathered->squares_high};
    add_square(&all.squares_low, &all.squares_high, value, weight);
    double spread = all.count < 2 ? -1 : spread_of(&all);
    /* Cannot be for whole transactions; can while outcomes wait for theirs. */
    if (spread < 0) {
        put_absent(ret_value);
        return;
    }
    double variance = spread / product_to_double(all.count, all.count - 1);
    put_double(ret_value, sqrt(variance) / double_scale_of(column));
}

static void wide_share_value(int128 part, int128 all, struct value *ret_value) {
    if (all <= 0)
        put_absent(ret_value);
    else
        put_double(ret_value, to_double(part) / to_double(all));
}

static void share_value(const struct gather *gather, const struct feature *feature,
                        struct value *ret_value) {
    const int64_t all_before = gather->gathered[feature->gathering].count;
    const int64_t part_before = gather->gathered[feature->part_gathering].count;
    const int64_t weight = current_weight(gather, feature);
    const int64_t part_weight = gather->current_weights[feature->current_part_at];
    int64_t all, part;
    bool is_wide = __builtin_add_overflow(all_before, weight, &all);
    is_wide |= __builtin_add_overflow(part_before, part_weight, &part);
    if (__builtin_expect(is_wide, 0))
        wide_share_value((int128)part_before + part_weight, (int128)all_before + weight, ret_value);
    else if (all <= 0)
        put_absent(ret_value);
    else
        put_double(ret_value, (double)part / (double)all);
}

static void extreme_value(const struct gather *gather, const struct feature *feature,
                          const struct gathered *all, struct value *ret_value) {
    bool is_min = feature->aggregate == AGGREGATE_MIN, any = all->any;
    struct cell cell = {.integer = is_min ? all->min : all->max};
    if (current_weight(gather, feature) > 0) {
        int64_t value = gather->current->integers[feature->column];
        if (!any || (is_min ? value < cell.integer : value > cell.integer))
            cell.integer = value;
        any = true;
    }
    if (any)
        put_cell(ret_value, &gather->entity->columns[feature->column], &cell);
    else
        put_absent(ret_value);
}

static void first_value(const struct gather *gather, const struct feature *feature,
                        const struct gathered *all, struct value *ret_value) {
    const struct column *column = &gather->entity->columns[feature->column];
    if (all->any) {
        put_cell(ret_value, column, &all->first);
    } else if (current_weight(gather, feature) > 0) {
        struct cell cell = current_cell(gather, feature->column);
        put_cell(ret_value, column, &cell);
    } else {
        put_absent(ret_value);
    }
}

static void last_value(const struct gather *gather, const struct feature *feature,
                       const struct gathered *all, struct value *ret_value) {
    if (all->any)
        put_cell(ret_value, &gather->entity->columns[feature->column], &all->last);
    else
        put_absent(ret_value);
}

static void since_first_value(const struct gather *gather, const struct feature *feature,
                              const struct gathered *all, struct value *ret_value) {
    if (all->any)
        put_double(ret_value, (double)all->first_age_us / 1e6);
    else if (current_weight(gather, feature) > 0)
        put_double(ret_value, 0);
    else
        put_absent(ret_value);
}

static void since_last_value(const struct gathered *all, struct value *ret_value) {
    if (all->any)
        put_double(ret_value, (double)all->last_age_us / 1e6);
    else
        put_absent(ret_value);
}

static void distinct_value(const struct gather *gather, const struct feature *feature,
                           const struct gathered *all, struct value *ret_value) {
    if (current_weight(gather, feature) <= 0)
        put_int(ret_value, all->distinct);
    else
        put_int(ret_value,
                all->is_blurred ? all->distinct_with_current : all->distinct + !all->matched);
}

static void is_new_value(struct gather *gather, const struct feature *feature,
                         const struct gathered *all, struct value *ret_value) {
    bool has_current = gather->current_present >> feature->column & 1;
    bool is_unknown = has_current && !all->matched && all->is_blurred;
    gather->unknown_count += is_unknown;
    ret_value->type = has_current && !is_unknown ? VALUE_BOOL : VALUE_ABSENT;
    ret_value->boolean = !all->matched;
}

static void quantile_value(struct gather *gather, const struct feature *feature,
                           struct value *ret_value) {
    size_t i = (size_t)gather->entity->gatherings[feature->gathering].quantile;
    struct quantile_value current = {.weight = current_weight(gather, feature)};
    struct cell cell = {0};
    if (current.weight > 0)
        current.value = gather->current->integers[feature->column];
    if (quantile_find(&gather->quantiles[i], feature->q_parts, current, &cell.integer))
        put_cell(ret_value, &gather->entity->columns[feature->column], &cell);
    else
        put_absent(ret_value);
}

/* Distance and speed: whether or not the current transaction passes the filter. */
static void travel_value(const struct gather *gather, const struct feature *feature,
                         const struct gathered *all, struct value *ret_value) {
    if (!all->any || !(gather->current_present >> feature->column & 1)) {
        put_absent(ret_value);
        return;
    }
    int64_t distance_m =
        place_distance_m(all->last.integer, gather->current->integers[feature->column]);
    if (feature->aggregate == AGGREGATE_DISTANCE)
        put_int(ret_value, distance_m);
    else
        put_double(ret_value, (double)place_speed_tenths(distance_m, all->last_age_us) / 10);
}

static void burst_value(const struct gather *gather, const struct feature *feature,
                        const struct gathered *all, struct value *ret_value) {
    int64_t weight = current_weight(gather, feature);
    const struct gathered *tick = &gather->gathered[feature->tick_gathering];
    put_double(ret_value, burst_surprise(tick->count + weight, all->count + weight,
                                         all->any ? all->first_age_us - feature->delay_us : 0,
                                         feature->tick_us, feature->window_us));
}

/* Inlined where all features are gone through: a call for each costs as much as most values. */
__attribute__((always_inline)) static inline void
own_value(struct gather *gather, const struct feature *feature, struct value *ret_value) {
    const struct gathered *all = &gather->gathered[feature->gathering];
    switch (feature->aggregate) {
    case AGGREGATE_COUNT: {
        put_int(ret_value, count_with_current(all, current_weight(gather, feature)));
        return;
    }
    case AGGREGATE_SUM:
        sum_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_MEAN:
        mean_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_STDDEV:
        stddev_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_SHARE:
        share_value(gather, feature, ret_value);
        return;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        extreme_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_DISTINCT:
        distinct_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_FIRST:
        first_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_LAST:
        last_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_SECONDS_SINCE_FIRST:
        since_first_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_SECONDS_SINCE_LAST:
        since_last_value(all, ret_value);
        return;
    case AGGREGATE_IS_NEW:
        is_new_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_QUANTILE:
        quantile_value(gather, feature, ret_value);
        return;
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        travel_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_BURST:
        burst_value(gather, feature, all, ret_value);
        return;
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    put_absent(ret_value);
}

static inline void or_default(const struct feature *feature, struct value *value) {
    if (value->type == VALUE_ABSENT)
        *value = feature->default_value;
}

__attribute__((noinline)) static void
give_other(struct gather *gather, const struct feature *feature, struct value *ret_value) {
    own_value(gather, feature, ret_value);
    or_default(feature, ret_value);
}

/* Where entity->is_plain, nearly all are counts and sums of all entries: the current transaction
 * counts once, or not at all. */
static void give_plain(struct gather *gather, struct value *ret_values) {
    const struct feature *feature = gather->entity->features;
    const struct feature *end = feature + gather->entity->feature_count;
    for (struct value *value = ret_values; feature != end; feature++, value++) {
        const struct gathered *all = &gather->gathered[feature->gathering];
        if (feature->aggregate == AGGREGATE_COUNT) {
            put_int(value, count_with_current(all, current_weight(gather, feature)));
            continue;
        }
        if (feature->aggregate == AGGREGATE_SUM) {
            const struct column *column = &gather->entity->columns[feature->column];
            bool counts = current_weight(gather, feature) != 0;
            int64_t more = counts ? gather->current->integers[feature->column] : 0;
            int128 sum = wrapping_sum(all->sum, more);
            if (__builtin_expect(column->value_type == VALUE_DOUBLE && sum == (int64_t)sum, 1)) {
                put_double(value, (double)(int64_t)sum / double_scale_of(column));
                continue;
            }
        }
        give_other(gather, feature, value);
    }
}

void gather_give(struct gather *gather, struct value *ret_values) {
    if (gather->entity->is_plain) {
        give_plain(gather, ret_values);
        return;
    }
    const struct feature *feature = gather->entity->features;
    const struct feature *end = feature + gather->entity->feature_count;
    for (struct value *value = ret_values; feature != end; feature++, value++) {
        own_value(gather, feature, value);
        or_default(feature, value);
    }
}
