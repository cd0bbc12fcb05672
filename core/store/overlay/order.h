/* Many keys into their order, or nearly: for reading tables from one end to the other. Keys with
 * more than ORDER_DEPTH times 8 bytes in common beside others may stay as they came. Private to
 * store/. */
#pragma once

#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

struct order {
    uint64_t prefix; /* of the key, behind what all have in common */
    uint32_t entity;
    uint32_t number; /* the caller's */
};

#define ORDER_DEPTH 8

/* By prefix alone; those with the same one stay in their order. */
void order_by_prefix(struct order *list, size_t count);
/* By entity, then by key, which key_of() finds. Sets the prefixes. */
void order_by_key(struct order *list, size_t count,
                  struct text (*key_of)(const void *user, uint32_t number), const void *user);
