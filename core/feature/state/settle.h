/* What becomes of a state when its newest time grows: dropping, collapsing and uniting, each where
 * it happens, without a look at the rest. Internal to core/feature.
 *
 * fold.c is the definition; settling is the quick way to the same bytes. */
#pragma once

#include "state.h"

/* Does everything that is due when this is the newest time; the entry that makes it so may come
 * behind or be there already. state->is_surveyed. Returns false if that is so much that folding the
 * whole state is quicker: then it is half done. The state may be empty afterwards. */
bool settle(struct state *state, const struct entity_plan *entity, int64_t newest_us);
