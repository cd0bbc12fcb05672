/* What a read finds in each window, and the values of features made of it. Internal to
 * core/feature; state_evaluate() drives it.
 *
 * An entry's weight in an aggregation is how often it counts: for a plain filter 0 or 1, for an
 * outcome filter whatever has become of the sum, for no filter its number of transactions (0 while
 * only its outcome is known). Sums take the weight as a factor; what cannot be undone (extremes,
 * edges, different values) takes each entry whose weight is not 0, because the plan grants it only
 * to plain filters, which have no negative ones.
 *
 * Bounds. |value| <= 2^63, |weight| < 2^32, entries < 2^29 (a state has less than 2^32 bytes): sums
 * stay below 2^124, sums of squares below 2^187 (two limbs of 64 and 128 bits), and
 * count × squares − sum² below 2^250. */
#pragma once

#include "core/feature/live/windows.h"
#include "core/feature/sketch/quantile.h"

/* A column's value, whatever its type. */
struct cell {
    int64_t integer;
    struct text text;
};

/* What one struct aggregation has found. Beside `count`, only what its needs say is there. */
struct aggregated {
    int128 sum;          /* of weight × value */
    int128 squares_high; /* sum of weight × value² = squares_high × 2^64 + squares_low */
    uint64_t squares_low;
    int64_t count; /* sum of weights */
    int64_t distinct, distinct_with_current;
    bool any;          /* at least one transaction: min, max, first and last mean something */
    bool matched;      /* the current transaction's value is among them */
    bool is_estimated; /* some of the values are only known by registers */
    /* From here on all means something only if there is any. */
    int64_t min, max;
    uint64_t first_age_us, last_age_us;
    struct cell first, last;
};

struct reading {
    const struct entity_plan *entity;
    const struct entry *current;               /* may be NULL */
    uint32_t current_present, current_missing; /* bits of columns */
    int32_t current_weights[WEIGHTS];          /* all 0 without a current one */
    int64_t at_us;
    struct aggregated aggregated[PLAN_AGGREGATIONS_MAX]; /* parallel to the plan's aggregations */
    struct quantile *quantiles; /* one for each aggregation of the plan that needs it */
    size_t quantile_capacity;
    uint64_t unknown_count; /* is_new that registers could not tell */
};

/* entity and current must stay until values_put(). */
void reading_begin(struct reading *reading, const struct entity_plan *entity, int64_t at_us,
                   const struct entry *current);

/* The values of all features, the current transaction and the defaults included. */
void values_put(struct reading *reading, struct value *ret_values);
