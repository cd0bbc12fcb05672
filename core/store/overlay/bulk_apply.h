/* Bulk apply: a range of the archive, applied at once: what a start and a swap have to catch up
 * with, where nobody asks for a state in between. The overlay is as overlay_apply() of each record
 * would leave it, byte for byte; it only gets there by another way.
 *
 * One by one, each state is fetched from memory when its record's turn comes, and those that are
 * not in the overlay yet from anywhere in the tables: nearly all of the time is waiting for memory.
 * Here the entries of many records are kept first, under their entities. Then the entities that are
 * new to the overlay come in the order of their keys, so that the tables are read from one end to
 * the other, and each state gets all its entries, in the order of the archive, while it is at hand.
 *
 * Private to store/. */
#pragma once

#include "overlay_internal.h"

struct bulk_apply;

/* While it is there, nothing else changes the overlay, and nobody views it. */
struct bulk_apply *bulk_apply_new(struct overlay *overlay, struct engine *engine);
/* NULL is allowed. With something left to be applied, the overlay is good for nothing but
 * overlay_free(): nobody waits for what will not be used. */
void bulk_apply_free(struct bulk_apply *bulk_apply);

/* Keeps what the record means; it need not stay. Lists and counts are applied at once. Must be
 * applied before when it is full. */
void bulk_apply_add(struct bulk_apply *bulk_apply, const struct record *record);
bool bulk_apply_is_full(const struct bulk_apply *bulk_apply);
/* All that has been added, which it is free of then. */
void bulk_apply_apply(struct bulk_apply *bulk_apply);
