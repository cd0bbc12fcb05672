/* Which card a row is about, for card precision. */
#pragma once

#include "core/policy/load/snapshot.h"

/* The index of the entity that is counted as a card: the one of this name, or if it is NULL "card",
 * else "customer". SIZE_MAX: the policy has none. */
size_t report_card_entity(const struct snapshot *snapshot, const char *name);

/* The hash of its key in a frame; false: a part of the key is missing. */
bool report_card_read(const struct entity_binding *card, const struct value *frame,
                      uint64_t *ret_hash);
