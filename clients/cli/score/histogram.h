/* Latency percentiles in constant memory: buckets a sixteenth of a power of two wide, so that a
 * percentile is off by at most 1/16 of itself and small values are exact. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max; /* exact */
};

/* Zeroed is empty. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* The smallest bucket's upper end that at least `share` (0…1) of the values do not exceed, never
 * more than the maximum; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);
