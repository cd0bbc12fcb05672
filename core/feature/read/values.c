/* Making values of what has been aggregated, straight into the result: with ten features and more
 * to a decision, copies of values are what would cost most. Kind by kind (plan/outputs.c), so that
 * nothing has to be asked of a feature that is known of its kind. */
#include "values.h"

#include "burst.h"
#include "place.h"
#include "wide.h"

#include <math.h>
#include <stddef.h>

/* Values that are there mostly are put together where they belong: copied as a whole, they would
 * wait for their parts. */

static inline void put_int(struct value *ret_value, int64_t integer) {
    ret_value->type = VALUE_INT;
    ret_value->integer = integer;
}

static inline void put_double(struct value *ret_value, double number) {
    ret_value->type = VALUE_DOUBLE;
    ret_value->number = number;
}

/* Absent, or the feature's default. */
__attribute__((noinline)) static void
put_absent(const struct reading *reading, const struct output *output, struct value *ret_value) {
    *ret_value = reading->entity->features[output->feature].default_value;
}

static void put_cell(const struct reading *reading, const struct output *output,
                     const struct cell *cell, struct value *ret_value) {
    ret_value->type = output->type;
    switch ((enum value_type)output->type) {
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        ret_value->integer = cell->integer;
        return;
    case VALUE_BOOL:
        ret_value->boolean = cell->integer != 0;
        return;
    case VALUE_DOUBLE:
        ret_value->number = (double)cell->integer / output->divisor;
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
    put_absent(reading, output, ret_value);
}

void reading_begin(struct reading *reading, const struct entity_plan *entity, int64_t at_us,
                   const struct entry *current) {
    reading->entity = entity;
    reading->current = current;
    reading->current_present = current ? entry_present(entity, current) : 0;
    reading->current_missing = ~reading->current_present;
    reading->current_weights[WEIGHT_NONE] = 0;
    reading->current_weights[weight_at(-1)] = current && current->transaction;
    for (size_t i = 0; i < entity->filter_count; i++)
        reading->current_weights[weight_at(0) + i] = current ? current->weights[i] : 0;
    reading->at_us = at_us;
    reading->unknown_count = 0;
}

/* The current transaction. */

/* Its weight in a feature; 0 when it is left out. is_whole: it has all columns, as most have. */
static inline int64_t current_weight(const struct reading *reading, const struct output *output,
                                     bool is_whole) {
    if (!is_whole && (output->column_bit & reading->current_missing))
        return 0;
    return reading->current_weights[output->weight_at];
}

static inline int64_t current_value(const struct reading *reading, const struct output *output,
                                    int64_t weight) {
    return weight != 0 ? reading->current->integers[output->column] : 0;
}

static struct cell current_cell(const struct reading *reading, int column) {
    struct cell cell = {0};
    if (reading->entity->columns[column].type == COLUMN_TEXT)
        cell.text = reading->current->texts[column];
    else
        cell.integer = reading->current->integers[column];
    return cell;
}

/* Doubles of integers: the same as the compiler's, and quicker for what fits in 64 bits. */

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

static inline int64_t count_with_current(const struct aggregated *all, int64_t weight) {
    return (int64_t)((uint64_t)all->count + (uint64_t)weight);
}

static inline void sum_value(const struct reading *reading, const struct output *output,
                             const struct aggregated *all, int64_t weight,
                             struct value *ret_value) {
    int64_t value = current_value(reading, output, weight);
    int128 sum = wrapping_sum(all->sum, (int128)weight * value);
    if (output->type == VALUE_DOUBLE)
        put_double(ret_value, to_double(sum) / output->divisor);
    else if (sum < INT64_MIN || sum > INT64_MAX)
        put_absent(reading, output, ret_value);
    else
        put_int(ret_value, (int64_t)sum);
}

static inline void mean_value(const struct reading *reading, const struct output *output,
                              const struct aggregated *all, int64_t weight,
                              struct value *ret_value) {
    int64_t value = current_value(reading, output, weight);
    int64_t count = count_with_current(all, weight);
    int128 sum = wrapping_sum(all->sum, (int128)weight * value);
    if (count <= 0)
        put_absent(reading, output, ret_value);
    else
        put_double(ret_value, to_double(sum) / product_to_double(count, output->scale));
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
__attribute__((noinline)) static double wide_spread_of(const struct summed *all) {
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

static inline void stddev_of(const struct reading *reading, const struct output *output,
                             int64_t count, double spread, struct value *ret_value) {
    /* Below 0 it cannot be for whole transactions; can while outcomes wait for theirs. */
    if (count < 2 || spread < 0) {
        put_absent(reading, output, ret_value);
        return;
    }
    double variance = spread / product_to_double(count, count - 1);
    put_double(ret_value, sqrt(variance) / output->divisor);
}

__attribute__((noinline)) static void wide_stddev_value(const struct reading *reading,
                                                        const struct output *output,
                                                        const struct aggregated *aggregated,
                                                        int64_t weight, struct value *ret_value) {
    int64_t value = current_value(reading, output, weight);
    struct summed all = {.count = count_with_current(aggregated, weight),
                         .sum = wrapping_sum(aggregated->sum, (int128)weight * value),
                         .squares_low = aggregated->squares_low,
                         .squares_high = aggregated->squares_high};
    add_square(&all.squares_low, &all.squares_high, value, weight);
    stddev_of(reading, output, all.count, all.count < 2 ? -1 : spread_of(&all), ret_value);
}

/* As small as counts, values and their sums mostly are: with the current transaction, the sum has
 * 62 bits, that of the squares 63, and what is made of them fits in 128. */
#define SMALL_COUNT   (INT64_C(1) << 20)
#define SMALL_VALUE   (INT64_C(1) << 31)
#define SMALL_SUM     (INT64_C(1) << 61)
#define SMALL_SQUARES (UINT64_C(1) << 62)

static inline void stddev_value(const struct reading *reading, const struct output *output,
                                const struct aggregated *all, int64_t weight,
                                struct value *ret_value) {
    int64_t value = current_value(reading, output, weight);
    int64_t count = count_with_current(all, weight);
    int64_t sum = (int64_t)all->sum;
    bool is_small = (uint64_t)all->count < (uint64_t)SMALL_COUNT && (uint64_t)weight <= 1 &&
                    value > -SMALL_VALUE && value < SMALL_VALUE && all->squares_high == 0 &&
                    all->squares_low < SMALL_SQUARES && all->sum == sum && sum >= -SMALL_SUM &&
                    sum < SMALL_SUM;
    if (__builtin_expect(!is_small, 0)) {
        wide_stddev_value(reading, output, all, weight, ret_value);
        return;
    }
    sum += value; /* 0 without a weight */
    uint64_t squares = all->squares_low + (uint64_t)(value * value);
    double spread = to_double((int128)((uint128)count * squares) - (int128)sum * sum);
    stddev_of(reading, output, count, spread, ret_value);
}

__attribute__((noinline)) static void wide_share_value(const struct reading *reading,
                                                       const struct output *output, int128 part,
                                                       int128 all, struct value *ret_value) {
    if (all <= 0)
        put_absent(reading, output, ret_value);
    else
        put_double(ret_value, to_double(part) / to_double(all));
}

static inline void share_value(const struct reading *reading, const struct output *output,
                               int64_t weight, struct value *ret_value) {
    const int64_t all_before = reading->aggregated[output->aggregation].count;
    const int64_t part_before = reading->aggregated[output->part_aggregation].count;
    const int64_t part_weight = reading->current_weights[output->part_at];
    int64_t all, part;
    bool is_wide = __builtin_add_overflow(all_before, weight, &all);
    is_wide |= __builtin_add_overflow(part_before, part_weight, &part);
    if (__builtin_expect(is_wide, 0))
        wide_share_value(reading, output, (int128)part_before + part_weight,
                         (int128)all_before + weight, ret_value);
    else if (all <= 0)
        put_absent(reading, output, ret_value);
    else
        put_double(ret_value, (double)part / (double)all);
}

/* Features that are not. */

static inline void extreme_value(const struct reading *reading, const struct output *output,
                                 const struct aggregated *all, int64_t weight,
                                 struct value *ret_value) {
    bool any = all->any;
    int64_t extreme = output->is_min ? all->min : all->max;
    if (weight > 0) {
        int64_t value = reading->current->integers[output->column];
        bool is_further = output->is_min ? value < extreme : value > extreme;
        extreme = !any || is_further ? value : extreme;
        any = true;
    }
    struct cell cell = {.integer = extreme};
    if (!any)
        put_absent(reading, output, ret_value);
    else if (__builtin_expect(output->type == VALUE_DOUBLE, 1))
        put_double(ret_value, (double)extreme / output->divisor);
    else
        put_cell(reading, output, &cell, ret_value);
}

static inline void distinct_value(const struct aggregated *all, int64_t weight,
                                  struct value *ret_value) {
    put_int(ret_value, weight > 0 ? all->distinct_with_current : all->distinct);
}

static inline void last_age_value(const struct reading *reading, const struct output *output,
                                  const struct aggregated *all, struct value *ret_value) {
    if (all->any)
        put_double(ret_value, (double)all->last_age_us / 1e6);
    else
        put_absent(reading, output, ret_value);
}

static void first_value(const struct reading *reading, const struct output *output,
                        const struct aggregated *all, int64_t weight, struct value *ret_value) {
    if (all->any) {
        put_cell(reading, output, &all->first, ret_value);
    } else if (weight > 0) {
        struct cell cell = current_cell(reading, output->column);
        put_cell(reading, output, &cell, ret_value);
    } else {
        put_absent(reading, output, ret_value);
    }
}

static void last_value(const struct reading *reading, const struct output *output,
                       const struct aggregated *all, struct value *ret_value) {
    if (all->any)
        put_cell(reading, output, &all->last, ret_value);
    else
        put_absent(reading, output, ret_value);
}

static void first_age_value(const struct reading *reading, const struct output *output,
                            const struct aggregated *all, int64_t weight, struct value *ret_value) {
    if (all->any)
        put_double(ret_value, (double)all->first_age_us / 1e6);
    else if (weight > 0)
        put_double(ret_value, 0);
    else
        put_absent(reading, output, ret_value);
}

static void is_new_value(struct reading *reading, const struct output *output,
                         const struct aggregated *all, struct value *ret_value) {
    bool has_current = reading->current_present >> output->column & 1;
    bool is_unknown = has_current && !all->matched && all->is_estimated;
    reading->unknown_count += is_unknown;
    if (has_current && !is_unknown)
        *ret_value = (struct value){.type = VALUE_BOOL, .boolean = !all->matched};
    else
        put_absent(reading, output, ret_value);
}

static void quantile_value(struct reading *reading, const struct output *output, uint16_t q_parts,
                           int64_t weight, struct value *ret_value) {
    const struct entity_plan *entity = reading->entity;
    uint16_t aggregation = entity->features[output->feature].aggregation;
    size_t i = (size_t)entity->aggregations[aggregation].quantile;
    struct quantile_value current = {.weight = weight};
    struct cell cell = {0};
    if (current.weight > 0)
        current.value = reading->current->integers[output->column];
    if (quantile_find(&reading->quantiles[i], q_parts, current, &cell.integer))
        put_cell(reading, output, &cell, ret_value);
    else
        put_absent(reading, output, ret_value);
}

/* Distance and speed: whether or not the current transaction passes the filter. */
static void travel_value(const struct reading *reading, const struct output *output,
                         bool is_distance, const struct aggregated *all, struct value *ret_value) {
    if (!all->any || !(reading->current_present >> output->column & 1)) {
        put_absent(reading, output, ret_value);
        return;
    }
    int64_t distance_m =
        place_distance_m(all->last.integer, reading->current->integers[output->column]);
    if (is_distance)
        put_int(ret_value, distance_m);
    else
        put_double(ret_value, (double)place_speed_tenths(distance_m, all->last_age_us) / 10);
}

static void burst_value(const struct reading *reading, const struct output *output,
                        const struct aggregated *all, int64_t weight, struct value *ret_value) {
    const struct feature *feature = &reading->entity->features[output->feature];
    const struct aggregated *tick = &reading->aggregated[feature->tick_aggregation];
    put_double(ret_value,
               burst_surprise(tick->count + weight, all->count + weight,
                              all->any ? all->first_age_us - (uint64_t)feature->delay_us : 0,
                              feature->tick_us, feature->window_us));
}

static void other_value(struct reading *reading, const struct output *output,
                        const struct aggregated *all, int64_t weight, struct value *ret_value) {
    const struct feature *feature = &reading->entity->features[output->feature];
    switch (feature->aggregate) {
    case AGGREGATE_FIRST:
        first_value(reading, output, all, weight, ret_value);
        return;
    case AGGREGATE_LAST:
        last_value(reading, output, all, ret_value);
        return;
    case AGGREGATE_SECONDS_SINCE_FIRST:
        first_age_value(reading, output, all, weight, ret_value);
        return;
    case AGGREGATE_IS_NEW:
        is_new_value(reading, output, all, ret_value);
        return;
    case AGGREGATE_QUANTILE:
        quantile_value(reading, output, feature->q_parts, weight, ret_value);
        return;
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        travel_value(reading, output, feature->aggregate == AGGREGATE_DISTANCE, all, ret_value);
        return;
    case AGGREGATE_BURST:
        burst_value(reading, output, all, weight, ret_value);
        return;
    case AGGREGATE_COUNT: /* these have kinds of their own */
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
    case AGGREGATE_STDDEV:
    case AGGREGATE_SHARE:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_SECONDS_SINCE_LAST:
    case AGGREGATE_TYPE_COUNT:
        break;
    }
    put_absent(reading, output, ret_value);
}

/* The kinds lie one behind the other: each begins where the one before it has ended. */
#define EACH(kind)                                                                                 \
    for (const struct output *end = entity->outputs + entity->output_starts[(kind) + 1];           \
         output != end; output++)
#define ALL    (&reading->aggregated[output->aggregation])
#define WEIGHT current_weight(reading, output, is_whole)
#define VALUE  (&ret_values[output->feature])

/* Every kind has a line here, in their order. */
__attribute__((always_inline)) static inline void put(struct reading *reading, bool is_whole,
                                                      struct value *ret_values) {
    const struct entity_plan *entity = reading->entity;
    const struct output *output = entity->outputs;
    EACH(OUTPUT_COUNT)
    put_int(VALUE, count_with_current(ALL, WEIGHT));
    EACH(OUTPUT_SUM)
    sum_value(reading, output, ALL, WEIGHT, VALUE);
    EACH(OUTPUT_MEAN)
    mean_value(reading, output, ALL, WEIGHT, VALUE);
    EACH(OUTPUT_STDDEV)
    stddev_value(reading, output, ALL, WEIGHT, VALUE);
    EACH(OUTPUT_SHARE)
    share_value(reading, output, WEIGHT, VALUE);
    EACH(OUTPUT_EXTREME)
    extreme_value(reading, output, ALL, WEIGHT, VALUE);
    EACH(OUTPUT_DISTINCT)
    distinct_value(ALL, WEIGHT, VALUE);
    EACH(OUTPUT_LAST_AGE)
    last_age_value(reading, output, ALL, VALUE);
    EACH(OUTPUT_OTHER)
    other_value(reading, output, ALL, WEIGHT, VALUE);
}
_Static_assert(OUTPUT_KIND_COUNT == 9, "one for each kind");

__attribute__((noinline)) static void put_without_columns(struct reading *reading,
                                                          struct value *ret_values) {
    put(reading, false, ret_values);
}

void values_put(struct reading *reading, struct value *ret_values) {
    if (__builtin_expect((reading->current_missing & reading->entity->all_columns) == 0, 1))
        put(reading, true, ret_values);
    else
        put_without_columns(reading, ret_values);
}
