/* Sorting many keys, for reading tables from one end to the other. The order is exact unless keys
 * share more than 8 × ORDER_DEPTH bytes with many others; those may stay as they came, which costs
 * time only. Private to store/. */
#pragma once

#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

struct order {
    uint64_t prefix; /* 8 bytes of the key, after what all have in common */
    uint32_t entity;
    uint32_t number; /* the caller's */
};

#define ORDER_DEPTH 8

/* By prefix alone; stable. */
void order_by_prefix(struct order *list, size_t count);
/* By entity, then by key, which key_of() finds. Sets the prefixes. */
void order_by_key(struct order *list, size_t count,
                  struct text (*key_of)(const void *user, uint32_t number), const void *user);
