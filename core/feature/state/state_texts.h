/* Replacing texts that an entity's state shows, of first and last: an erasure removes those of a
 * person from the tables of a pruned archive, whose records are gone.
 *
 * The result is the state that a fold of the same records with the other text would give. */
#pragma once

#include "state.h"

struct state_texts {
    /* Is this text of the column to be replaced? */
    bool (*is_replaced)(struct state_texts *self, size_t column, struct text text);
    struct text by; /* at most COLUMN_TEXT_MAX bytes */
    uint64_t replaced;
};

/* Of encoded bytes, trusted like state_assign()'s. true: there were some, and the bytes of the
 * state with the others are appended. Adds to texts->replaced. */
bool state_replace_texts(const void *bytes, size_t length, const struct entity_plan *entity,
                         struct state_texts *texts, struct buffer *ret_bytes);
