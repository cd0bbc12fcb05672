/* Entries of entities of which only counts and sums are asked (entity->is_plain), in states that
 * are nobody else's (plan_omit_ids()): a step in time, two bytes that are 0, at most one number.
 * Such an entry fits two registers. Internal to core/feature. */
#pragma once

#include "core/feature/state/state.h"

/* state_apply() of a transaction that comes behind all others of a state that is nothing but raw
 * entries, as nearly all do: the same bytes, written where they belong. What is due afterwards, as
 * quiet_us says, is the caller's. False: it is none of these, and nothing has changed. The state is
 * surveyed. */
bool plain_append(struct state *state, const struct entity_plan *entity, const struct entry *entry);
