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
#define DISTRIBUTION_WORDS   (DISTRIBUTION_BUCKETS / 64)

/* Buckets ascend with their values. */
unsigned distribution_bucket(int64_t value);
int64_t distribution_value(unsigned bucket); /* what the bucket stands for */

/* counts[i] means something where bit i of `used` is set; all others are 0. So clearing costs the
 * bits, not the counts. */
struct distribution {
    uint64_t used[DISTRIBUTION_WORDS];
    int64_t counts[DISTRIBUTION_BUCKETS];
};

void distribution_clear(struct distribution *distribution);
void distribution_add(struct distribution *distribution, unsigned bucket, int64_t weight);
/* The first bucket in use from this one on; DISTRIBUTION_BUCKETS: none. */
unsigned distribution_next(const struct distribution *distribution, unsigned bucket);
void distribution_encode(const struct distribution *distribution, struct buffer *bytes);

/* An encoded distribution, where it lies. */
struct distribution_view {
    const uint8_t *bytes;
    size_t length;
};

/* Fails (cursor->failed) on bytes that are too short. What is inside, distribution_view_is_sound()
 * sees: whether distribution_encode() could have written it. */
struct distribution_view distribution_take(struct cursor *cursor);
bool distribution_view_is_sound(const struct distribution_view *view);
/* False, with a part of it added, when the bytes are no distribution. */
bool distribution_add_view(struct distribution *distribution, const struct distribution_view *view);
