/* Integers of 256 bits, two's complement: just enough for n·Σx² − (Σx)² over any int64 values,
 * which 128 bits do not hold. Internal to core/feature. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

struct wide {
    uint64_t limbs[4]; /* the least significant first */
};

struct wide wide_product(int128 a, int128 b); /* exact */
/* The rest is modulo 2^256. */
struct wide wide_shift_limb(struct wide a); /* a × 2^64 */
struct wide wide_sum(struct wide a, struct wide b);
struct wide wide_difference(struct wide a, struct wide b);
bool wide_is_negative(const struct wide *a);

/* The nearest double, ties to even. */
double wide_to_double(struct wide a);
