/* A distribution: how often which values occur, for quantiles. Adding values and distributions in
 * any order gives the same distribution. state.c documents the bytes. Internal to core/feature.
 *
 * Buckets. A magnitude below 128 has a bucket of its own. Above, each doubling is cut into 64
 * buckets of equal width, and a bucket stands for its middle: that is less than 1/128 of the
 * magnitude beside every value in it (0.8 %). Negative values mirror positive ones. This is the
 * log-linear scale of HdrHistogram (G. Tene); shifts find a bucket, so there is no table and no
 * rounding.
 *
 * Counts are sums of weights. They may fall below zero while an outcome waits for its transaction,
 * and wrap around rather than overflow, so that even absurd bytes add up the same in any order. */
#pragma once

#include "core/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define DISTRIBUTION_NEGATIVE                                                                      \
    3712u /* buckets of negative values; 0 has the first one behind them */
#define DISTRIBUTION_BUCKETS (2 * DISTRIBUTION_NEGATIVE)

/* Buckets ascend with their values. */
unsigned distribution_bucket(int64_t value);
int64_t distribution_value(unsigned bucket); /* what the bucket stands for */

/* A distribution in memory: its buckets whose count is not 0, ascending. Zeroed is empty. */
struct bucket {
    int64_t count;
    uint32_t number;
};
struct distribution {
    struct bucket *buckets;
    uint32_t count, capacity;
};

void distribution_deinit(struct distribution *distribution);
void distribution_add(struct distribution *distribution, unsigned bucket, int64_t weight);
void distribution_add_all(struct distribution *distribution, const struct distribution *other);

void distribution_encode(const struct distribution *distribution, struct buffer *bytes);
/* Into an empty distribution. Fails (cursor->failed) on bytes that are too short or that no
 * distribution_encode() writes, but for the choice between its two forms. */
void distribution_decode(struct cursor *cursor, struct distribution *ret_distribution);
