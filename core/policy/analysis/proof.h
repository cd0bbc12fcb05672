/* What can be proved about conditions without a transaction: that one is never true, never false,
 * or true whenever another is.
 *
 * A condition is taken apart into alternatives, each a run of simple conditions (comparisons, `in`,
 * has(), names) that must hold together; each narrows the values that its term can have. Anything
 * the proof does not understand may have any value, so what is proved holds for every transaction,
 * and what is not proved may still be true. In particular it knows nothing about relations between
 * features. Private to policy/. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/lang/syntax.h"
#include "core/policy/load/snapshot.h"
#include "premises.h"

#include <stdbool.h>

/* Two simple conditions that cannot both hold, or one that cannot. */
struct clash {
    const struct syntax *first;  /* NULL: `second` cannot hold by itself */
    const struct syntax *second; /* the later one; NULL: there are several alternatives, and each
                                  * fails on its own */
    bool first_holds, second_holds;
};

/* Is it never true (holds) or never false (!holds), whatever the transaction? *ret_clash (may be
 * NULL) is why. */
bool proof_never(const struct premises *premises, const struct syntax *condition, bool holds,
                 struct clash *ret_clash);
/* Is `then` true whenever `condition` is? */
bool proof_implies(const struct premises *premises, const struct syntax *condition,
                   const struct syntax *then);
/* Does it always have a value, neither absent nor an error? */
bool proof_is_total(const struct premises *premises, const struct syntax *condition);
