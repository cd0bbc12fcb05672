/* Plans for states, and entries for them: small, but with all that a plan can ask for. */
#pragma once

#include "target.h"

#include "core/feature/plan/plan.h"
#include "core/feature/state/state.h"

#define PLANS_COUNT 8

void plans_start(void);
/* Any number: modulo PLANS_COUNT. */
const struct entity_plan *plans_at(unsigned number);

/* Entries as bytes describe them, up to `max` of them. Every byte string describes some: bursts,
 * late ones, outcomes, twins of time and id. Texts point into the cursor's bytes.
 *
 *   entry  u8  bits 0–1  0, 1: a transaction; 2: an outcome of the one before;
 *                        3: a burst: u8 transactions, alike but for their times and ids
 *              bits 2–3  part, for whoever divides the entries
 *              bits 4–5  0: the time of the one before; 1: later; 2: earlier: by u8 units;
 *                        3: u8: by a power of two, later or (bit 7) earlier
 *              bits 6–7  0: the id of the one before; 1: u8 is the id; 2, 3: the next id
 *          then what the kind needs: u8 of present columns, per column a value, u8 of weights */
struct made_entry {
    struct entry entry;
    unsigned part; /* 0 … 3 */
};
/* unit_us: what later and earlier count in; start_us: before the first entry. */
size_t plans_make_entries(const struct entity_plan *entity, struct cursor *cursor, int64_t start_us,
                          int64_t unit_us, size_t max, struct made_entry *ret_entries);

/* A script for the above, at random: length bytes. */
void plans_random_script(struct chance *chance, size_t length, struct buffer *bytes);
