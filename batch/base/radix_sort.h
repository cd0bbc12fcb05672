/* Stable sort by 64-bit numbers. Keys are sorted by their first eight bytes with it; what is equal
 * in those is left to the caller. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct radix_item {
    uint64_t number;
    uint64_t item; /* the caller's payload, moved along: an index or an address */
};

/* Sorts ascending; equal numbers keep their order. scratch: room for `count` items, overwritten.
 * count must be below 2^32. No allocation, no locks. */
void radix_sort(struct radix_item *items, struct radix_item *scratch, size_t count);
