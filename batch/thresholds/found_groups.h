/* The groups of one threshold on their way into the record: in any order, then in that of their
 * keys. Private to batch/. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/bytes/threshold_set.h"

struct found_group {
    struct text key;
    double value;
};

struct found_groups { /* zeros: none; the caller frees the groups */
    struct found_group *groups;
    size_t count, capacity;
};

/* Copies the key into the arena. bytes: of all thresholds' groups so far. ERROR_TOO_LARGE: they
 * take more than a quarter of the memory. */
int found_groups_add(struct found_groups *found, const struct threshold *threshold,
                     struct found_group group, size_t memory_bytes, size_t *bytes,
                     struct arena *arena, struct error *ret_error);
/* Sorts them; what ret_values points to is the arena's. */
void found_groups_use(struct found_groups *found, struct arena *arena,
                      struct threshold_values *ret_values);
