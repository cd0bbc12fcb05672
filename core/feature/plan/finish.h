/* Finishing a plan: all that is derived from what its owner has filled in. */
#pragma once

#include "plan.h"

/* plan_check(), and fills what is derived, hashes included. */
int plan_finish(struct plan *plan, struct error *ret_error);

/* For states that are nobody else's, which are half as large then: no entry keeps the hash of its
 * transaction's id. Only what is first or last of entries that have the same time goes by it, so an
 * entity with a feature of such a column keeps it all the same. Of other entities, entries of equal
 * time and columns are one entry, whose tally is the sum of theirs: every value is what it was.
 * Their bytes are other ones: not for tables, nor for comparing. Returns whether no entry of the
 * entity keeps it now. */
bool plan_omit_ids(struct entity_plan *entity);
