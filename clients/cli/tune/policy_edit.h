/* Numbers of a policy replaced in its files, at their places: every other byte stays, with comments
 * and layout. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/analysis/tunables.h"

struct policy_edit {
    const struct tunable *tunable;
    struct text number; /* instead of the one that is there */
};

/* The policy's files in the same order, with the edits made; the array and changed contents live in
 * the arena. At most one edit for a tunable. */
struct policy_file *policy_edit_apply(const struct tunables *tunables,
                                      const struct policy_edit *edits, size_t count,
                                      struct arena *arena);
