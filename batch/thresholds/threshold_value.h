/* One value of a threshold: from a transaction to its groups. Private to batch/. */
#pragma once

#include "core/policy/load/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct threshold_value {
    size_t threshold; /* index in the snapshot */
    int64_t event_time_us;
    char key[THRESHOLD_KEY_MAX];
    size_t key_length;
    double value;
};

/* Evaluates a threshold for the transaction in a frame of the snapshot: all but the event time.
 * false: the transaction does not count, because `where` does not hold or a part of the key or the
 * value is missing. arena: for texts that the expressions build. */
bool threshold_value_read(const struct snapshot *snapshot, size_t threshold,
                          const struct value *frame, struct arena *arena,
                          struct threshold_value *ret_value);

/* ceil(q·n), at least 1: the rank of the quantile among n sorted values. */
uint64_t threshold_rank(uint32_t quantile_e6, uint64_t count);
