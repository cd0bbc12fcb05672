/* A quantile is found in two steps: the bucket it lies in, by counts, then its place among the
 * bucket's values: those that are raw and, all at once, those that have collapsed. Each raw value
 * is counted once and looked at once more, so no sort is as long as the history. */
#include "quantile.h"

#include "core/base/check.h"
#include "core/feature/plan/plan.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 int128;

void quantile_init(struct quantile *quantile) {
    *quantile = (struct quantile){0};
}

void quantile_deinit(struct quantile *quantile) {
    free(quantile->raw);
    free(quantile->inside);
    free(quantile->counts);
    *quantile = (struct quantile){0};
}

void quantile_clear(struct quantile *quantile) {
    if (!quantile->counts) {
        quantile->counts = check_malloc(sizeof *quantile->counts);
        quantile->inside = check_reallocarray(NULL, 2, sizeof *quantile->inside);
    }
    memset(quantile->counts->used, 0, sizeof quantile->counts->used);
    quantile->count = 0;
    quantile->is_counted = false;
}

static void count(struct quantile_counts *counts, unsigned bucket, int64_t weight) {
    uint64_t bit = UINT64_C(1) << bucket % 64;
    if (!(counts->used[bucket / 64] & bit))
        counts->counts[bucket] = 0;
    counts->used[bucket / 64] |= bit;
    counts->counts[bucket] = (int64_t)((uint64_t)counts->counts[bucket] + (uint64_t)weight);
}

/* The first bucket in use from this one on; DISTRIBUTION_BUCKETS: none. */
static unsigned next_bucket(const struct quantile_counts *counts, unsigned bucket) {
    if (bucket >= DISTRIBUTION_BUCKETS)
        return DISTRIBUTION_BUCKETS;
    size_t word = bucket / 64;
    uint64_t left = counts->used[word] >> bucket % 64 << bucket % 64;
    while (left == 0 && ++word < DISTRIBUTION_BUCKETS / 64)
        left = counts->used[word];
    return left == 0 ? DISTRIBUTION_BUCKETS
                     : (unsigned)(64 * word) + (unsigned)__builtin_ctzll(left);
}

void quantile_add(struct quantile *quantile, int64_t value, int64_t weight) {
    if (weight <= 0)
        return;
    if (quantile->count == quantile->capacity) {
        quantile->capacity = quantile->capacity ? 2 * quantile->capacity : 32;
        quantile->raw =
            check_reallocarray(quantile->raw, quantile->capacity, sizeof *quantile->raw);
        quantile->inside =
            check_reallocarray(quantile->inside, quantile->capacity + 2, sizeof *quantile->inside);
    }
    quantile->raw[quantile->count++] = (struct quantile_value){.value = value, .weight = weight};
}

void quantile_add_all(struct quantile *quantile, const struct distribution *distribution) {
    for (uint32_t i = 0; i < distribution->count; i++)
        count(quantile->counts, distribution->buckets[i].number, distribution->buckets[i].count);
}

/* The distribution becomes one of all values, with no count below zero. */
static void count_raw(struct quantile *quantile) {
    struct quantile_counts *counts = quantile->counts;
    for (unsigned i = next_bucket(counts, 0); i < DISTRIBUTION_BUCKETS;
         i = next_bucket(counts, i + 1))
        if (counts->counts[i] < 0)
            counts->counts[i] = 0;
    for (size_t i = 0; i < quantile->count; i++)
        count(counts, distribution_bucket(quantile->raw[i].value), quantile->raw[i].weight);
    quantile->is_counted = true;
}

static int by_value(const void *a, const void *b) {
    const struct quantile_value *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* The value of this rank, from 1, in a bucket that holds `count`. */
static int64_t find_in_bucket(const struct quantile *quantile, unsigned bucket, int128 count,
                              struct quantile_value current, int128 rank) {
    struct quantile_value *inside = quantile->inside;
    size_t found = 0;
    int128 collapsed = count;
    for (size_t i = 0; i <= quantile->count; i++) {
        struct quantile_value value = i < quantile->count ? quantile->raw[i] : current;
        if (value.weight <= 0 || distribution_bucket(value.value) != bucket)
            continue;
        collapsed -= value.weight;
        inside[found++] = value;
    }
    if (collapsed > 0)
        inside[found++] = (struct quantile_value){.value = distribution_value(bucket),
                                                  .weight = (int64_t)collapsed};
    qsort(inside, found, sizeof *inside, by_value);
    size_t i = 0;
    while (i + 1 < found && rank > inside[i].weight)
        rank -= inside[i++].weight;
    return inside[i].value;
}

static int64_t count_in(const struct quantile_counts *counts, unsigned bucket) {
    int64_t count = counts->counts[bucket];
    return count > 0 ? count : 0; /* absurd weights may have wrapped around */
}

bool quantile_find(struct quantile *quantile, unsigned q_parts, struct quantile_value current,
                   int64_t *ret_value) {
    struct quantile_counts *counts = quantile->counts;
    if (!quantile->is_counted)
        count_raw(quantile);
    if (current.weight > 0) /* its bucket is visited even if nothing else is there */
        count(counts, distribution_bucket(current.value), 0);
    unsigned own = current.weight > 0 ? distribution_bucket(current.value) : DISTRIBUTION_BUCKETS;
    int128 all = 0, before = 0;
    for (unsigned i = next_bucket(counts, 0); i < DISTRIBUTION_BUCKETS;
         i = next_bucket(counts, i + 1))
        all += (int128)count_in(counts, i) + (i == own ? current.weight : 0);
    if (all == 0)
        return false;
    int128 rank = (all * q_parts + PLAN_Q_PARTS - 1) / PLAN_Q_PARTS;
    for (unsigned i = next_bucket(counts, 0);; i = next_bucket(counts, i + 1)) {
        check(i < DISTRIBUTION_BUCKETS);
        int128 in_bucket = (int128)count_in(counts, i) + (i == own ? current.weight : 0);
        if (before + in_bucket >= rank) {
            *ret_value = find_in_bucket(quantile, i, in_bucket, current, rank - before);
            return true;
        }
        before += in_bucket;
    }
}
