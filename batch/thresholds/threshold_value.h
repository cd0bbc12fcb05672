/* One value of a threshold: from a transaction to its groups. Private to batch/. */
#pragma once

#include "core/base/error.h"
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

/* Without values. */
struct threshold_values threshold_values_of(const struct threshold *threshold);
/* ERROR_TOO_LARGE: the groups that a threshold keeps in the record take more memory than they may.
 */
int threshold_too_many_groups(const struct threshold *threshold, size_t memory_bytes,
                              struct error *ret_error);
