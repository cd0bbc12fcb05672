/* Sorting by 64-bit numbers, which is most of sorting keys. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct radix_item {
    uint64_t number;
    uint64_t item; /* whatever belongs to it */
};

/* Ascending by number; of equal ones, as they were. scratch: room for as many. */
void radix_sort(struct radix_item *items, struct radix_item *scratch, size_t count);
