/* Two states into one: the only place where tiles are widened, collapsed and dropped. Internal to
 * core/feature. */
#pragma once

#include "core/base/buffer.h"
#include "plan.h"

/* The state of all that is in a and in b: appended to ret_bytes. Either may be empty. Folding a
 * state with nothing gives the same bytes again. */
void fold_states(const struct entity_plan *entity, const void *a, size_t a_length, const void *b,
                 size_t b_length, struct buffer *ret_bytes);
