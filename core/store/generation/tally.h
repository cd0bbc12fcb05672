/* What a generation counts beside its states. */
#pragma once

#include "core/wire/types/decision.h"

#include <stdint.h>

/* Counts over the whole archive up to a position. They are in the manifest of a generation, so a
 * start does not count again. */
struct tally {
    uint64_t transactions, outcomes;
    uint64_t
        labels[LABEL_COUNT]; /* transactions whose label now is this one; [LABEL_NONE] unused */
    int64_t newest_event_time_us; /* INT64_MIN: no transaction yet */
};
