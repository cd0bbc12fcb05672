/* Many entries of one entity at once: what a rebuild does instead of one state_apply() after the
 * other. A state is a function of the set of its entries, so both give the same bytes; this one
 * sorts the entries, adds them all and compacts once.
 *
 * Until then an entry is kept as its body: identity and tally as state.c documents them, so that
 * there is one encoding of an entry wherever it is. */
#pragma once

#include "core/base/text.h"
#include "state.h"

#include <stddef.h>
#include <stdint.h>

/* The longest body: id hash, mask, every column a text of full length, every weight in full. */
#define BULK_BODY_MAX                                                                              \
    (8 + 5 + PLAN_COLUMNS_MAX * (2 + COLUMN_TEXT_MAX) + 2 * 5 + PLAN_FILTERS_MAX * 2 * 5)

/* Writes the entry's body to memory that has BULK_BODY_MAX bytes. Returns its size. */
size_t bulk_encode(const struct entity_plan *entity, const struct entry *entry, uint8_t *at);

/* An entry by its body, which is somebody else's memory. */
struct bulk_entry {
    int64_t time_us;
    const uint8_t *body;
    uint32_t size;
};

struct bulk; /* working memory: one per thread, grows to the largest need and is used again */
struct bulk *bulk_new(void);
void bulk_free(struct bulk *bulk); /* NULL is allowed */

/* The state of `before` (length 0: none; trusted like state_assign()'s) and these entries, in any
 * order: they are sorted in place. What state_apply() of each would give, byte for byte. Valid
 * until the next call; length 0 where the plan keeps nothing. `before` must not be the last result.
 */
struct text bulk_fold(struct bulk *bulk, const struct entity_plan *entity, int64_t lateness_us,
                      struct text before, struct bulk_entry *entries, size_t count);

/* The state of two states of disjoint sets of records, likewise. */
struct text bulk_merge(struct bulk *bulk, const struct entity_plan *entity, int64_t lateness_us,
                       struct text a, struct text b);
