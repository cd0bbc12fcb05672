/* The first thing that happens to a request under the decision lock: what the policy in force
 * protects is replaced by pseudonyms, in place. */
#pragma once

#include "server/base/run.h"

/* Transactions of Score, and values that GetEntity, Find and ChangeList name. What is refused is
 * refused by the call's own step (protect_refused(), or an error of these). */
void protect_score(struct run *run);
/* The error of this transaction of Score; NULL: it was not refused. */
const struct wire_error *protect_refused(const struct run *run, size_t index);

/* One item of Backfill. */
int protect_item(struct run *run, struct backfill_item *item, struct text *ret_field,
                 struct error *ret_error);
/* The parts of an entity's key. `entity`: its index in the plan. */
int protect_key(struct run *run, size_t entity, struct text *ret_field, struct error *ret_error);
int protect_find(struct run *run, struct text *ret_field, struct error *ret_error);
/* The list's protection; empty: it has none. */
struct text protect_list(const struct run *run, struct text list);
