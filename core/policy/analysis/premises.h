/* What a proof takes for granted: the policy, and the definitions of its bool values. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/lang/syntax.h"
#include "core/policy/load/snapshot.h"

struct premises {
    const struct snapshot *snapshot;
    /* Of computed values, by their order in the snapshot; NULL: anything. */
    const struct syntax *const *values;
    struct arena *scratch;
};
