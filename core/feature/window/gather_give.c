/* Making values of what has been gathered, straight into the result: with ten features and more to
 * a decision, copies of values are what would cost most. Kind by kind (giving.c), so that nothing
 * has to be asked of a feature that is known of its kind. */
#include "gather.h"

#include "core/feature/sketch/burst.h"
#include "core/feature/state/place.h"

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
put_absent(const struct gather *gather, const struct giving *giving, struct value *ret_value) {
    *ret_value = gather->entity->features[giving->feature].default_value;
}

static void put_cell(const struct gather *gather, const struct giving *giving,
                     const struct cell *cell, struct value *ret_value) {
    ret_value->type = giving->type;
    switch ((enum value_type)giving->type) {
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        ret_value->integer = cell->integer;
        return;
    case VALUE_BOOL:
        ret_value->boolean = cell->integer != 0;
        return;
    case VALUE_DOUBLE:
        ret_value->number = (double)cell->integer / giving->divisor;
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
    put_absent(gather, giving, ret_value);
}

static inline const struct gathered *gathered_at(const struct gather *gather, uint32_t at) {
    return (const struct gathered *)((const char *)gather->gathered + at);
}

/* The current transaction. */

/* Its weight in a feature; 0 when it is left out. is_whole: it has all columns, as most have. */
static inline int64_t current_weight(const struct gather *gather, const struct giving *giving,
                                     bool is_whole) {
    if (!is_whole && (giving->column_bit & gather->current_missing))
        return 0;
    return gather->current_weights[giving->weight_at];
}

static inline int64_t current_value(const struct gather *gather, const struct giving *giving,
                                    int64_t weight) {
    return weight != 0 ? gather->current->integers[giving->column] : 0;
}

static struct cell current_cell(const struct gather *gather, int column) {
    struct cell cell = {0};
    if (gather->entity->columns[column].type == COLUMN_TEXT)
        cell.text = gather->current->texts[column];
    else
        cell.integer = gather->current->integers[column];
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

static inline int64_t count_with_current(const struct gathered *all, int64_t weight) {
    return (int64_t)((uint64_t)all->count + (uint64_t)weight);
}

static inline void sum_value(const struct gather *gather, const struct giving *giving,
                             const struct gathered *all, int64_t weight, struct value *ret_value) {
    int64_t value = current_value(gather, giving, weight);
    int128 sum = wrapping_sum(all->sum, (int128)weight * value);
    if (giving->type == VALUE_DOUBLE)
        put_double(ret_value, to_double(sum) / giving->divisor);
    else if (sum < INT64_MIN || sum > INT64_MAX)
        put_absent(gather, giving, ret_value);
    else
        put_int(ret_value, (int64_t)sum);
}

static inline void mean_value(const struct gather *gather, const struct giving *giving,
                              const struct gathered *all, int64_t weight, struct value *ret_value) {
    int64_t value = current_value(gather, giving, weight);
    int64_t count = count_with_current(all, weight);
    int128 sum = wrapping_sum(all->sum, (int128)weight * value);
    if (count <= 0)
        put_absent(gather, giving, ret_value);
    else
        put_double(ret_value, to_double(sum) / product_to_double(count, giving->scale));
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

static inline void stddev_of(const struct gather *gather, const struct giving *giving,
                             int64_t count, double spread, struct value *ret_value) {
    /* Below 0 it cannot be for whole transactions; can while outcomes wait for theirs. */
    if (count < 2 || spread < 0) {
        put_absent(gather, giving, ret_value);
        return;
    }
    double variance = spread / product_to_double(count, count - 1);
    put_double(ret_value, sqrt(variance) / giving->divisor);
}

__attribute__((noinline)) static void wide_stddev_value(const struct gather *gather,
                                                        const struct giving *giving,
                                                        const struct gathered *gathered,
                                                        int64_t weight, struct value *ret_value) {
    int64_t value = current_value(gather, giving, weight);
    struct summed all = {.count = count_with_current(gathered, weight),
                         .sum = wrapping_sum(gathered->sum, (int128)weight * value),
                         .squares_low = gathered->squares_low,
                         .squares_high = gathered->squares_high};
    add_square(&all.squares_low, &all.squares_high, value, weight);
    stddev_of(gather, giving, all.count, all.count < 2 ? -1 : spread_of(&all), ret_value);
}

/* As small as counts, values and their sums mostly are: with the current transaction, the sum has
 * 62 bits, that of the squares 63, and what is made of them fits in 128. */
#define SMALL_COUNT   (INT64_C(1) << 20)
#define SMALL_VALUE   (INT64_C(1) << 31)
#define SMALL_SUM     (INT64_C(1) << 61)
#define SMALL_SQUARES (UINT64_C(1) << 62)

static inline void stddev_value(const struct gather *gather, const struct giving *giving,
                                const struct gathered *all, int64_t weight,
                                struct value *ret_value) {
    int64_t value = current_value(gather, giving, weight);
    int64_t count = count_with_current(all, weight);
    int64_t sum = (int64_t)all->sum;
    bool is_small = (uint64_t)all->count < (uint64_t)SMALL_COUNT && (uint64_t)weight <= 1 &&
                    value > -SMALL_VALUE && value < SMALL_VALUE && all->squares_high == 0 &&
                    all->squares_low < SMALL_SQUARES && all->sum == sum && sum >= -SMALL_SUM &&
                    sum < SMALL_SUM;
    if (__builtin_expect(!is_small, 0)) {
        wide_stddev_value(gather, giving, all, weight, ret_value);
        return;
    }
    sum += value; /* 0 without a weight */
    uint64_t squares = all->squares_low + (uint64_t)(value * value);
    double spread = to_double((int128)((uint128)count * squares) - (int128)sum * sum);
    stddev_of(gather, giving, count, spread, ret_value);
}

__attribute__((noinline)) static void wide_share_value(const struct gather *gather,
                                                       const struct giving *giving, int128 part,
                                                       int128 all, struct value *ret_value) {
    if (all <= 0)
        put_absent(gather, giving, ret_value);
    else
        put_double(ret_value, to_double(part) / to_double(all));
}

static inline void share_value(const struct gather *gather, const struct giving *giving,
                               int64_t weight, struct value *ret_value) {
    const int64_t all_before = gathered_at(gather, giving->gathered_at)->count;
    const int64_t part_before = gathered_at(gather, giving->part_gathered_at)->count;
    const int64_t part_weight = gather->current_weights[giving->part_at];
    int64_t all, part;
    bool is_wide = __builtin_add_overflow(all_before, weight, &all);
    is_wide |= __builtin_add_overflow(part_before, part_weight, &part);
    if (__builtin_expect(is_wide, 0))
        wide_share_value(gather, giving, (int128)part_before + part_weight,
                         (int128)all_before + weight, ret_value);
    else if (all <= 0)
        put_absent(gather, giving, ret_value);
    else
        put_double(ret_value, (double)part / (double)all);
}

/* Features that are not. */

static inline void extreme_value(const struct gather *gather, const struct giving *giving,
                                 const struct gathered *all, int64_t weight,
                                 struct value *ret_value) {
    bool any = all->any;
    int64_t extreme = giving->is_min ? all->min : all->max;
    if (weight > 0) {
        int64_t value = gather->current->integers[giving->column];
        bool is_further = giving->is_min ? value < extreme : value > extreme;
        extreme = !any || is_further ? value : extreme;
        any = true;
    }
    struct cell cell = {.integer = extreme};
    if (!any)
        put_absent(gather, giving, ret_value);
    else if (__builtin_expect(giving->type == VALUE_DOUBLE, 1))
        put_double(ret_value, (double)extreme / giving->divisor);
    else
        put_cell(gather, giving, &cell, ret_value);
}

static inline void distinct_value(const struct gathered *all, int64_t weight,
                                  struct value *ret_value) {
    int64_t with_current =
        all->is_blurred ? all->distinct_with_current : all->distinct + !all->matched;
    put_int(ret_value, weight > 0 ? with_current : all->distinct);
}

static inline void last_age_value(const struct gather *gather, const struct giving *giving,
                                  const struct gathered *all, struct value *ret_value) {
    if (all->any)
        put_double(ret_value, (double)all->last_age_us / 1e6);
    else
        put_absent(gather, giving, ret_value);
}

static void first_value(const struct gather *gather, const struct giving *giving,
                        const struct gathered *all, int64_t weight, struct value *ret_value) {
    if (all->any) {
        put_cell(gather, giving, &all->first, ret_value);
    } else if (weight > 0) {
        struct cell cell = current_cell(gather, giving->column);
        put_cell(gather, giving, &cell, ret_value);
    } else {
        put_absent(gather, giving, ret_value);
    }
}

static void last_value(const struct gather *gather, const struct giving *giving,
                       const struct gathered *all, struct value *ret_value) {
    if (all->any)
        put_cell(gather, giving, &all->last, ret_value);
    else
        put_absent(gather, giving, ret_value);
}

static void first_age_value(const struct gather *gather, const struct giving *giving,
                            const struct gathered *all, int64_t weight, struct value *ret_value) {
    if (all->any)
        put_double(ret_value, (double)all->first_age_us / 1e6);
    else if (weight > 0)
        put_double(ret_value, 0);
    else
        put_absent(gather, giving, ret_value);
}

static void is_new_value(struct gather *gather, const struct giving *giving,
                         const struct gathered *all, struct value *ret_value) {
    bool has_current = gather->current_present >> giving->column & 1;
    bool is_unknown = has_current && !all->matched && all->is_blurred;
    gather->unknown_count += is_unknown;
    if (has_current && !is_unknown)
        *ret_value = (struct value){.type = VALUE_BOOL, .boolean = !all->matched};
    else
        put_absent(gather, giving, ret_value);
}

static void quantile_value(struct gather *gather, const struct giving *giving, uint16_t q_parts,
                           int64_t weight, struct value *ret_value) {
    const struct entity_plan *entity = gather->entity;
    uint16_t gathering = entity->features[giving->feature].gathering;
    size_t i = (size_t)entity->gatherings[gathering].quantile;
    struct quantile_value current = {.weight = weight};
    struct cell cell = {0};
    if (current.weight > 0)
        current.value = gather->current->integers[giving->column];
    if (quantile_find(&gather->quantiles[i], q_parts, current, &cell.integer))
        put_cell(gather, giving, &cell, ret_value);
    else
        put_absent(gather, giving, ret_value);
}

/* Distance and speed: whether or not the current transaction passes the filter. */
static void travel_value(const struct gather *gather, const struct giving *giving, bool is_distance,
                         const struct gathered *all, struct value *ret_value) {
    if (!all->any || !(gather->current_present >> giving->column & 1)) {
        put_absent(gather, giving, ret_value);
        return;
    }
    int64_t distance_m =
        place_distance_m(all->last.integer, gather->current->integers[giving->column]);
    if (is_distance)
        put_int(ret_value, distance_m);
    else
        put_double(ret_value, (double)place_speed_tenths(distance_m, all->last_age_us) / 10);
}

static void burst_value(const struct gather *gather, const struct giving *giving,
                        const struct gathered *all, int64_t weight, struct value *ret_value) {
    const struct feature *feature = &gather->entity->features[giving->feature];
    const struct gathered *tick = &gather->gathered[feature->tick_gathering];
    put_double(ret_value, burst_surprise(tick->count + weight, all->count + weight,
                                         all->any ? all->first_age_us - feature->delay_us : 0,
                                         feature->tick_us, feature->window_us));
}

static void other_value(struct gather *gather, const struct giving *giving,
                        const struct gathered *all, int64_t weight, struct value *ret_value) {
    const struct feature *feature = &gather->entity->features[giving->feature];
    switch (feature->aggregate) {
    case AGGREGATE_FIRST:
        first_value(gather, giving, all, weight, ret_value);
        return;
    case AGGREGATE_LAST:
        last_value(gather, giving, all, ret_value);
        return;
    case AGGREGATE_SECONDS_SINCE_FIRST:
        first_age_value(gather, giving, all, weight, ret_value);
        return;
    case AGGREGATE_IS_NEW:
        is_new_value(gather, giving, all, ret_value);
        return;
    case AGGREGATE_QUANTILE:
        quantile_value(gather, giving, feature->q_parts, weight, ret_value);
        return;
    case AGGREGATE_DISTANCE:
    case AGGREGATE_SPEED:
        travel_value(gather, giving, feature->aggregate == AGGREGATE_DISTANCE, all, ret_value);
        return;
    case AGGREGATE_BURST:
        burst_value(gather, giving, all, weight, ret_value);
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
    put_absent(gather, giving, ret_value);
}

/* The kinds lie one behind the other: each begins where the one before it has ended. */
#define EACH(kind)                                                                                 \
    for (const struct giving *end = entity->givings + entity->giving_starts[(kind) + 1];           \
         giving != end; giving++)
#define ALL    gathered_at(gather, giving->gathered_at)
#define WEIGHT current_weight(gather, giving, is_whole)
#define VALUE  (struct value *)((char *)ret_values + giving->value_at)

/* Every kind has a line here, in their order. */
__attribute__((always_inline)) static inline void give(struct gather *gather, bool is_whole,
                                                       struct value *ret_values) {
    const struct entity_plan *entity = gather->entity;
    const struct giving *giving = entity->givings;
    EACH(GIVING_COUNT)
    put_int(VALUE, count_with_current(ALL, WEIGHT));
    EACH(GIVING_SUM)
    sum_value(gather, giving, ALL, WEIGHT, VALUE);
    EACH(GIVING_MEAN)
    mean_value(gather, giving, ALL, WEIGHT, VALUE);
    EACH(GIVING_STDDEV)
    stddev_value(gather, giving, ALL, WEIGHT, VALUE);
    EACH(GIVING_SHARE)
    share_value(gather, giving, WEIGHT, VALUE);
    EACH(GIVING_EXTREME)
    extreme_value(gather, giving, ALL, WEIGHT, VALUE);
    EACH(GIVING_DISTINCT)
    distinct_value(ALL, WEIGHT, VALUE);
    EACH(GIVING_LAST_AGE)
    last_age_value(gather, giving, ALL, VALUE);
    EACH(GIVING_OTHER)
    other_value(gather, giving, ALL, WEIGHT, VALUE);
}
_Static_assert(GIVING_KIND_COUNT == 9, "one for each kind");

__attribute__((noinline)) static void give_without_columns(struct gather *gather,
                                                           struct value *ret_values) {
    give(gather, false, ret_values);
}

void gather_give(struct gather *gather, struct value *ret_values) {
    if (__builtin_expect((gather->current_missing & gather->entity->all_columns) == 0, 1))
        give(gather, true, ret_values);
    else
        give_without_columns(gather, ret_values);
}
