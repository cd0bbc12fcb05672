/* Quantiles of one aggregation: what is raw exactly, what has collapsed by the buckets of a
 * distribution. Internal to core/feature.
 *
 * The quantile q of n values is the one of rank ⌈q · n⌉ when they stand in order, the first having
 * rank 1: the nearest-rank definition, so that it is always a value that occurs (Hyndman and Fan,
 * 1996, definition 1). A value of weight w stands there w times. A bucket's values count as what
 * the bucket stands for; because all values of an order move by less than 1/128 of themselves, so
 * does each rank. What waits for its transaction, with a weight below zero, does not count. */
#pragma once

#include "distribution.h"

#include <stddef.h>

struct quantile_value {
    int64_t value, weight; /* weight > 0 */
};

struct quantile {
    struct quantile_value *raw;
    size_t count, capacity;
    struct quantile_value *inside; /* of one bucket; two more than the capacity */
    bool is_counted;               /* are the raw values in `counts`, too? */
    /* First of what has collapsed. counts[i] means something where bit i of `used` is set; all
     * others are 0. So clearing costs the bits, not the counts. NULL until it is cleared. */
    struct quantile_counts {
        uint64_t used[DISTRIBUTION_BUCKETS / 64];
        int64_t counts[DISTRIBUTION_BUCKETS];
    } * counts;
};

void quantile_init(struct quantile *quantile);
void quantile_deinit(struct quantile *quantile);

/* Forgets everything. Must come before the first addition. */
void quantile_clear(struct quantile *quantile);
/* Weights that are not positive are left out. */
void quantile_add(struct quantile *quantile, int64_t value, int64_t weight);
void quantile_add_all(struct quantile *quantile, const struct distribution *distribution);

/* The value of rank ⌈q_parts / PLAN_Q_PARTS · n⌉, with another one (weight 0: none) among them;
 * false when there is none. Nothing can be added afterwards. 0 < q_parts < PLAN_Q_PARTS. */
bool quantile_find(struct quantile *quantile, unsigned q_parts, struct quantile_value current,
                   int64_t *ret_value);
