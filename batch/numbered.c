#include "numbered.h"

#include <stdbool.h>
#include <string.h>

/* Radix sort, a byte at a time from the lowest. Bytes that are all the same cost one look: numbers
 * of neighbouring keys have many of those. */

static size_t fill_counts(const struct numbered *items, size_t count, unsigned shift,
                          size_t counts[256]) {
    memset(counts, 0, 256 * sizeof *counts);
    for (size_t i = 0; i < count; i++)
        counts[items[i].number >> shift & 0xff]++;
    return counts[items[0].number >> shift & 0xff];
}

static void sort_few(struct numbered *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct numbered item = items[i];
        size_t j = i;
        for (; j > 0 && items[j - 1].number > item.number; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

void numbered_sort(struct numbered *items, struct numbered *scratch, size_t count) {
    if (count <= 32) {
        sort_few(items, count);
        return;
    }
    uint64_t differing = 0;
    for (size_t i = 1; i < count; i++)
        differing |= items[i].number ^ items[0].number;
    struct numbered *from = items, *to = scratch;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t counts[256], at = 0;
        if (!(differing >> shift & 0xff) || fill_counts(from, count, shift, counts) == count)
            continue;
        for (size_t i = 0; i < 256; i++) {
            size_t here = counts[i];
            counts[i] = at;
            at += here;
        }
        for (size_t i = 0; i < count; i++)
            to[counts[from[i].number >> shift & 0xff]++] = from[i];
        struct numbered *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != items)
        memcpy(items, from, count * sizeof *items);
}
