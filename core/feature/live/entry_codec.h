/* Entries as bytes: identity and tally, as state.c documents them. There is one encoding of an
 * entry wherever it is: in a state's bytes, and in a rebuild before it is in a state. Internal to
 * core/feature. */
#pragma once

#include "row.h"

/* The longest identity: id hash, mask, and every column a text of full length. */
#define IDENTITY_SIZE_MAX (8 + 5 + PLAN_COLUMNS_MAX * (2 + COLUMN_TEXT_MAX))
#define TALLY_SIZE_MAX    (5 + 5 + PLAN_FILTERS_MAX * (5 + 5))
#define BODY_SIZE_MAX     (IDENTITY_SIZE_MAX + TALLY_SIZE_MAX)

/* Write to memory that has …_SIZE_MAX bytes, and 8 more, and return the byte behind. */
uint8_t *identity_put(const struct entity_plan *entity, const struct entry *entry, uint8_t *at);
uint8_t *tally_put(const struct entity_plan *entity, const struct entry *entry,
                   const struct row_tally *tally, uint8_t *at);

/* The entry whose identity begins at `at`, but for its time; returns the byte behind its tally, or
 * NULL where these are no bytes that identity_put() and tally_put() would write. Texts point to the
 * bytes. */
const uint8_t *body_take(const uint8_t *at, const uint8_t *end, const struct entity_plan *entity,
                         struct row *ret_row);
/* Where the tally begins of a body that is one. */
const uint8_t *identity_end(const uint8_t *at, const uint8_t *end,
                            const struct entity_plan *entity);

/* Order of entries: time, then identity as bytes. <0, 0, >0. */
int entry_compare(const struct entity_plan *entity, const struct entry *a, const struct entry *b);
/* Adds the weights and the tally of another row that is the same entry. Counts of transactions stop
 * at their greatest number. Weights of one transaction stay within −1…1; what takes 2^31 records of
 * one identity wraps around, the same in any order. */
void row_add(const struct entity_plan *entity, struct row *to, const struct row *more);
