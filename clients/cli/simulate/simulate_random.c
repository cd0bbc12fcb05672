/* Integer arithmetic only, in an order that is fixed: every bit of the simulated data depends on
 * it, and tests compare files byte for byte. Distributions are approximations good enough for
 * traffic, made from a table of powers of two. */
#include "simulate_random.h"

#include "core/base/check.h"

#define ONE_Q16       65536
#define LOG2_E_Q16    94548             /* log2(e) × 2^16 */
#define POISSON_CHUNK UINT64_C(8000000) /* e^−8 still has 20 bits in 32 */
#define GOLDEN_GAMMA  UINT64_C(0x9e3779b97f4a7c15)

/* SplitMix64's finaliser. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Each part of the name is mixed in separately, so that streams of neighbouring numbers have
 * nothing in common. */
struct random_stream random_stream(uint64_t seed, enum random_purpose purpose, uint64_t a,
                                   uint64_t b) {
    uint64_t state = mix(seed + GOLDEN_GAMMA * ((uint64_t)purpose + 1));
    state = mix(state + GOLDEN_GAMMA * (a + 1));
    state = mix(state + GOLDEN_GAMMA * (b + 1));
    return (struct random_stream){.state = state};
}

uint64_t random_next(struct random_stream *stream) {
    stream->state += GOLDEN_GAMMA;
    return mix(stream->state);
}

/* Lemire, "Fast random integer generation in an interval", 2019: unbiased. */
uint32_t random_below(struct random_stream *stream, uint32_t n) {
    check(n > 0);
    uint64_t product = (random_next(stream) >> 32) * n;
    if ((uint32_t)product < n) {
        uint32_t threshold = -n % n;
        while ((uint32_t)product < threshold)
            product = (random_next(stream) >> 32) * n;
    }
    return (uint32_t)(product >> 32);
}

int64_t random_between(struct random_stream *stream, int64_t low, int64_t high) {
    check(low <= high && high - low < UINT32_MAX);
    return low + random_below(stream, (uint32_t)(high - low + 1));
}

bool random_chance(struct random_stream *stream, uint32_t per_million) {
    return random_below(stream, 1000000) < per_million;
}

int32_t random_normal(struct random_stream *stream) {
    int32_t sum = 0;
    for (int draw = 0; draw < 3; draw++) {
        uint64_t bits = random_next(stream);
        for (int i = 0; i < 4; i++, bits >>= 16)
            sum += (int32_t)(bits & 0xffff);
    }
    return sum - 6 * ONE_Q16;
}

/* 2^(k/32) × 2^30 */
static const uint64_t power_table[33] = {
    1073741824, 1097253708, 1121280436, 1145833280, 1170923762, 1196563654, 1222764986,
    1249540052, 1276901417, 1304861917, 1333434672, 1362633090, 1392470869, 1422962010,
    1454120821, 1485961921, 1518500250, 1551751076, 1585730000, 1620452965, 1655936265,
    1692196547, 1729250827, 1767116489, 1805811301, 1845353420, 1885761398, 1927054196,
    1969251188, 2012372174, 2056437387, 2101467502, 2147483648};

/* factor × 2^(exponent / 65536); the table is interpolated linearly (off by at most 6 in 10^5). */
static uint64_t times_power_of_two(uint64_t factor, int64_t exponent_q16) {
    int64_t whole = exponent_q16 / ONE_Q16;
    int64_t rest = exponent_q16 % ONE_Q16;
    if (rest < 0) {
        rest += ONE_Q16;
        whole--;
    }
    uint64_t low = power_table[rest >> 11], high = power_table[(rest >> 11) + 1];
    uint64_t mantissa = low + (((high - low) * (uint64_t)(rest & 2047)) >> 11);
    check(whole <= 30 && factor < UINT64_C(1) << 33);
    if (whole < -33)
        return 0;
    return (factor * mantissa) >> (30 - whole);
}

uint64_t random_lognormal(struct random_stream *stream, uint64_t median, int32_t sigma_hundredths) {
    int64_t exponent = (int64_t)random_normal(stream) * sigma_hundredths * LOG2_E_Q16;
    return times_power_of_two(median, exponent / (100 * ONE_Q16));
}

/* Knuth: how many uniforms until their product falls below e^−mean. */
static uint32_t poisson_chunk(struct random_stream *stream, uint64_t mean_millionths) {
    int64_t exponent = (int64_t)mean_millionths * LOG2_E_Q16 / 1000000;
    uint64_t floor = times_power_of_two(UINT64_C(1) << 32, -exponent);
    uint64_t product = random_next(stream) >> 32;
    uint32_t count = 0;
    while (product >= floor) {
        product = (product * (random_next(stream) >> 32)) >> 32;
        count++;
    }
    return count;
}

uint32_t random_poisson(struct random_stream *stream, uint64_t mean_millionths) {
    uint32_t count = 0;
    for (; mean_millionths > POISSON_CHUNK; mean_millionths -= POISSON_CHUNK)
        count += poisson_chunk(stream, POISSON_CHUNK);
    return count + poisson_chunk(stream, mean_millionths);
}

uint32_t random_pick(struct random_stream *stream, const uint64_t *cumulative, size_t count) {
    check(count > 0 && cumulative[count - 1] > 0 && cumulative[count - 1] <= UINT32_MAX);
    uint64_t point = random_below(stream, (uint32_t)cumulative[count - 1]);
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (point < cumulative[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return (uint32_t)low;
}
