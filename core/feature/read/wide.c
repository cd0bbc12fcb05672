#include "wide.h"

#include <math.h>

static struct wide wide_negative(struct wide a) {
    struct wide zero = {{0}};
    return wide_difference(zero, a);
}

static uint128 magnitude(int128 a) {
    return a < 0 ? 0 - (uint128)a : (uint128)a;
}

struct wide wide_product(int128 a, int128 b) {
    uint128 x = magnitude(a), y = magnitude(b);
    uint64_t x_low = (uint64_t)x, x_high = (uint64_t)(x >> 64);
    uint64_t y_low = (uint64_t)y, y_high = (uint64_t)(y >> 64);
    uint128 low = (uint128)x_low * y_low, high = (uint128)x_high * y_high;
    uint128 cross = (uint128)x_low * y_high, cross_2 = (uint128)x_high * y_low;
    /* Three numbers below 2^64 each: no overflow. */
    uint128 middle = (low >> 64) + (uint64_t)cross + (uint64_t)cross_2;
    high += (cross >> 64) + (cross_2 >> 64) + (middle >> 64);
    struct wide product = {
        {(uint64_t)low, (uint64_t)middle, (uint64_t)high, (uint64_t)(high >> 64)}};
    return (a < 0) != (b < 0) ? wide_negative(product) : product;
}

struct wide wide_shift_limb(struct wide a) {
    return (struct wide){{0, a.limbs[0], a.limbs[1], a.limbs[2]}};
}

struct wide wide_sum(struct wide a, struct wide b) {
    uint128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (uint128)a.limbs[i] + b.limbs[i];
        a.limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return a;
}

struct wide wide_difference(struct wide a, struct wide b) {
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        uint128 rest = (uint128)a.limbs[i] - b.limbs[i] - borrow;
        a.limbs[i] = (uint64_t)rest;
        borrow = (uint64_t)(rest >> 64) & 1;
    }
    return a;
}

bool wide_is_negative(const struct wide *a) {
    return a->limbs[3] >> 63;
}

double wide_to_double(struct wide a) {
    bool negative = wide_is_negative(&a);
    if (negative)
        a = wide_negative(a);
    int top = 3;
    while (top > 0 && a.limbs[top] == 0)
        top--;
    if (a.limbs[top] == 0)
        return 0;
    /* The 64 leading bits, and whether anything but zeros follows: the lowest bit takes that in, it
     * is eleven places below where a double ends, so it only ever breaks a tie. */
    int shift = __builtin_clzll(a.limbs[top]);
    uint64_t leading = a.limbs[top] << shift;
    bool rest = false;
    if (top > 0) {
        if (shift > 0)
            leading |= a.limbs[top - 1] >> (64 - shift);
        rest = a.limbs[top - 1] << shift != 0;
        for (int i = 0; i < top - 1; i++)
            rest |= a.limbs[i] != 0;
    }
    double number = ldexp((double)(leading | rest), 64 * top - shift);
    return negative ? -number : number;
}
