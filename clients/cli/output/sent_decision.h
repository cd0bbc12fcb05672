/* A decision of the client library as one of the core's, so that replay's training set and the
 * archive's records use the same cells and members. */
#pragma once

#include "clients/c/harrier.h"
#include "core/wire/types/decision.h"

#include <stddef.h>

/* Room for its arrays, used again for the next one. Zeroed is empty. */
struct sent_decision {
    struct reason *reasons;
    struct named_value *values;
    struct text *tags, *failed;
    size_t reason_room, value_room, tag_room, failed_room;
};
void sent_decision_deinit(struct sent_decision *sent);

/* Lives as long as what it was made of, and until the next one. */
struct decision sent_decision_convert(struct sent_decision *sent,
                                      const struct harrier_decision *in);
