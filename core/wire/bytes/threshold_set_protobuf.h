/* A set of thresholds as the generated message, for callers that embed it in another one. Private
 * to core/wire. */
#pragma once

#include "protobuf.h"

struct threshold_set; /* threshold_set.h */

/* ERROR_DAMAGED when its parts do not fit together, ERROR_TOO_LARGE beyond the arena's limit. */
int threshold_set_from_protobuf(const Harrier__Archive__V1__ThresholdSet *in, struct arena *arena,
                                struct threshold_set *ret_set, struct error *ret_error);
/* In the scratch arena; NULL for an empty set. */
Harrier__Archive__V1__ThresholdSet *threshold_set_to_protobuf(const struct threshold_set *set,
                                                              struct arena *scratch);
