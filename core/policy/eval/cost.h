/* How much an expression can cost: steps at most, and the sizes of lists that this hangs on. */
#pragma once

#include "core/policy/lang/syntax.h"
#include "core/policy/source/reporter.h"

/* More than this in one expression is refused. */
#define EXPRESSION_COST_MAX 100000u

/* Fills reads_frame, reads_local, cost and items_max of a checked node whose operands have them
 * already. false when it costs too much, which is reported unless reporter is NULL. */
bool cost_fill_node(struct syntax *node, struct reporter *reporter);

/* Those of all nodes from here down. */
bool cost_fill(struct syntax *root, struct reporter *reporter);

/* Has the same value always, so that it is computed when the expression is compiled. */
static inline bool cost_is_constant(const struct syntax *node) {
    return !node->reads_frame && node->reads_local == LOCAL_NONE;
}
