/* Doubles as integers in the same order, so that digits of them can be sorted and counted. Not for
 * NaN, which has no place in the order. */
#pragma once

#include <stdint.h>
#include <string.h>

/* −0 becomes 0. */
static inline uint64_t double_to_order(double value) {
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline double double_from_order(uint64_t order) {
    uint64_t bits = order >> 63 ? order & ~(UINT64_C(1) << 63) : ~order;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
