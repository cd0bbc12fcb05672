/* What a generation knows beside its states: counts over the whole archive, and transaction ids. */
#pragma once

#include "core/wire/types/decision.h"

#include <stdint.h>

/* Counts over the whole archive; part of a generation's manifest, so that they survive it. */
struct tally {
    uint64_t transactions, outcomes;
    uint64_t
        labels[LABEL_COUNT]; /* transactions whose label now is this one; [LABEL_NONE] unused */
    int64_t newest_event_time_us; /* INT64_MIN: no transaction yet */
};

/* The record of a transaction by the hash of its id (hash_text(id)), and its label now. The caller
 * compares the id itself: hashes may collide. */
struct known_id {
    uint64_t position;
    enum label label;
};
