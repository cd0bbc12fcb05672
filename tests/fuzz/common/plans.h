/* Plans for entity states, and entries for them: small, but together with every aggregate and kind
 * of column. */
#pragma once

#include "target.h"

#include "core/feature/plan/plan.h"
#include "core/feature/state/state.h"

#define PLANS_COUNT 8

/* Call once, before the others. */
void plans_start(void);
/* number: taken modulo PLANS_COUNT. Lives until the process ends. */
const struct entity_plan *plans_at(unsigned number);

/* The state's bytes, made in the buffer; valid until it is used again. */
struct text plans_encode(const struct entity_plan *entity, const struct state *state,
                         struct buffer *bytes);
/* Do both have the same bytes? */
bool plans_same(const struct entity_plan *entity, const struct state *a, const struct state *b);
/* A property of the fuzz target: state_check() of its bytes. */
void plans_must_be_state(const struct entity_plan *entity, const struct state *state,
                         const char *what);

/* Makes up to `max` entries from bytes: transactions, bursts, late entries, outcomes, entries
 * with the same time and id, and transactions that are taken out again. Every non-empty byte string
 * gives some. Texts point into the cursor's bytes.
 *
 *   entry  u8  bits 0–1  0, 1: a transaction; 2: an outcome of the entry before;
 *                        3: a burst: u8 transactions that differ in time and id only;
 *                        2 and bits 4–7 all set: the last transaction is taken out, if it is in
 *              bits 2–3  part, for targets that divide the entries
 *              bits 4–5  0: the time before; 1: u8 units later; 2: u8 units earlier;
 *                        3: u8: a power of two later, or earlier if bit 7 is set
 *              bits 6–7  0: the id before; 1: u8 selects the id; 2, 3: a new id
 *          then, for a transaction: u8 absent columns, a value for each other column, u8 weights;
 *          for an outcome: u8 gains, u8 losses of the filters over outcomes */
struct made_entry {
    struct entry entry;
    unsigned part; /* 0 … 3 */
};
/* start_us: time before the first entry; unit_us: unit of steps in time. Returns the number of
 * entries. */
size_t plans_make_entries(const struct entity_plan *entity, struct cursor *cursor, int64_t start_us,
                          int64_t unit_us, size_t max, struct made_entry *ret_entries);

/* Appends `length` random bytes that plans_make_entries() turns into plausible entries. */
void plans_random_script(struct chance *chance, size_t length, struct buffer *bytes);
