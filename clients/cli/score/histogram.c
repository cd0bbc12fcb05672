/* Values below 2^SUB_BITS have a bucket each. Above, the bucket is the position of the highest bit
 * and the SUB_BITS bits behind it. */
#include "histogram.h"

#include <math.h>
#include <stddef.h>

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

/* Exact below SUB_COUNT, then SUB_COUNT buckets for each power of two. */
static size_t bucket_of(uint64_t value) {
    if (value < SUB_COUNT)
        return (size_t)value;
    unsigned shift = (unsigned)(63 - __builtin_clzll(value)) - HISTOGRAM_SUB_BITS;
    return ((size_t)(shift + 1) << HISTOGRAM_SUB_BITS) + (size_t)((value >> shift) - SUB_COUNT);
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_end(size_t bucket) {
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t first = (uint64_t)(SUB_COUNT + (bucket & (SUB_COUNT - 1))) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
    if (wanted == 0)
        wanted = 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted) {
            uint64_t end = bucket_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}
