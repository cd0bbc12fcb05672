/* Bulk apply: a range of the archive applied at once. A start and a swap have to catch up with many
 * records, and no state is read in between. Afterwards the overlay is, byte for byte, as
 * overlay_apply() of each record would leave it.
 *
 * One by one, each state is fetched from memory when its record comes, and a state that is not in
 * the overlay yet from anywhere in the tables: nearly all of the time is waiting for memory. Here
 * the entries of many records are first collected by entity. Then the entities that are new to the
 * overlay are taken in the order of their keys, so that the tables are read from one end to the
 * other, and each state gets all its entries, in the order of the archive, while it is in the
 * cache.
 *
 * Private to store/. */
#pragma once

#include "overlay_internal.h"

struct bulk_apply;

/* While it exists, nothing else changes the overlay, and no view is open. */
struct bulk_apply *bulk_apply_new(struct overlay *overlay, struct engine *engine);
/* NULL is allowed. If something was added and not applied, the overlay can only be freed. */
void bulk_apply_free(struct bulk_apply *bulk_apply);

/* Collects the entries and ids of the record, which need not stay valid. Lists and counts are
 * applied at once. If it is full, bulk_apply_apply() must come first. */
void bulk_apply_add(struct bulk_apply *bulk_apply, const struct record *record);
bool bulk_apply_is_full(const struct bulk_apply *bulk_apply);
/* Applies all that was added, and is empty then. */
void bulk_apply_apply(struct bulk_apply *bulk_apply);
