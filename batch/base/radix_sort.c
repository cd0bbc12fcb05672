#include "radix_sort.h"

#include "core/base/check.h"

#include <string.h>

/* Most significant digits first, but two of them at once: two stable passes over the top 22 bits
 * that differ at all leave groups of equal prefix, mostly a few items each, which are sorted in
 * turn: up to 32 by insertion, more of them by the same function. Bits that all numbers share are
 * skipped, so keys with a common prefix cost nothing extra. */

/* Up to this many items, insertion sort is faster than filling two histograms. */
#define FEW        32
#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)

static void sort_few(struct radix_item *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct radix_item item = items[i];
        size_t j = i;
        for (; j > 0 && items[j - 1].number > item.number; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

static unsigned digit_of(const struct radix_item *item, unsigned shift) {
    return (unsigned)(item->number >> shift & (DIGITS - 1));
}

static void scatter(const struct radix_item *from, struct radix_item *to, size_t count,
                    unsigned shift, uint32_t counts[DIGITS]) {
    uint32_t at = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        uint32_t here = counts[i];
        counts[i] = at;
        at += here;
    }
    for (size_t i = 0; i < count; i++)
        to[counts[digit_of(&from[i], shift)]++] = from[i];
}

/* By the 22 bits from `shift` on. */
static void sort_by_two_digits(struct radix_item *items, struct radix_item *scratch, size_t count,
                               unsigned shift) {
    uint32_t low[DIGITS] = {0}, high[DIGITS] = {0};
    for (size_t i = 0; i < count; i++) {
        low[digit_of(&items[i], shift)]++;
        high[digit_of(&items[i], shift + DIGIT_BITS)]++;
    }
    scatter(items, scratch, count, shift, low);
    scatter(scratch, items, count, shift + DIGIT_BITS, high);
}

void radix_sort(struct radix_item *items, struct radix_item *scratch, size_t count) {
    if (count <= FEW) {
        sort_few(items, count);
        return;
    }
    check(count <= UINT32_MAX);
    uint64_t differing = 0;
    for (size_t i = 1; i < count; i++)
        differing |= items[i].number ^ items[0].number;
    if (differing == 0)
        return;
    unsigned bits = 64 - (unsigned)__builtin_clzll(differing);
    unsigned shift = bits > 2 * DIGIT_BITS ? bits - 2 * DIGIT_BITS : 0;
    sort_by_two_digits(items, scratch, count, shift);
    for (size_t i = 0, next; i < count && shift > 0; i = next) {
        for (next = i + 1; next < count && items[next].number >> shift == items[i].number >> shift;)
            next++;
        radix_sort(items + i, scratch, next - i);
    }
}
