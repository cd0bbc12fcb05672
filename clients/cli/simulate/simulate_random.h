/* Random numbers that are the same on every machine: 64-bit integer arithmetic only, no libm, no
 * floating point. A stream is named by what it is for, so that any part of the simulation can be
 * made again alone (one customer's day, one fraud) without making what comes before it.
 *
 * The generator is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014). Not for secrets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random_stream {
    uint64_t state;
};

/* What a stream is for. Appending is fine; a changed order changes every simulated byte. */
enum random_purpose {
    RANDOM_MERCHANT,
    RANDOM_MERCHANT_RANK,
    RANDOM_FAMILY,
    RANDOM_CUSTOMER,
    RANDOM_IDENTITY,
    RANDOM_TRIP,
    RANDOM_DAY,
    RANDOM_CAMPAIGN_COUNT,
    RANDOM_CAMPAIGN,
    RANDOM_TOKEN,
};

/* a and b tell streams of one purpose apart. */
struct random_stream random_stream(uint64_t seed, enum random_purpose purpose, uint64_t a,
                                   uint64_t b);

uint64_t random_next(struct random_stream *stream);
/* 0…n − 1, each equally likely; n > 0 */
uint32_t random_below(struct random_stream *stream, uint32_t n);
/* low…high, both included */
int64_t random_between(struct random_stream *stream, int64_t low, int64_t high);
/* true per_million times in a million */
bool random_chance(struct random_stream *stream, uint32_t per_million);

/* Standard normal as the sum of twelve uniforms (so never beyond ±6), times 65536. */
int32_t random_normal(struct random_stream *stream);
/* median × e^(sigma × normal); sigma in hundredths, at most 200; median below 2^30 */
uint64_t random_lognormal(struct random_stream *stream, uint64_t median, int32_t sigma_hundredths);
/* Poisson; the mean in millionths */
uint32_t random_poisson(struct random_stream *stream, uint64_t mean_millionths);

/* Index i with probability (cumulative[i] − cumulative[i − 1]) / cumulative[count − 1]; count > 0
 */
uint32_t random_pick(struct random_stream *stream, const uint64_t *cumulative, size_t count);
