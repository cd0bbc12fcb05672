/* The worst-case cost of an expression, in steps, and the sizes of lists and texts that it depends
 * on. A step is some 10 ns (LATENCY_STEP_NS). */
#pragma once

#include "core/policy/lang/syntax.h"
#include "core/policy/source/reporter.h"

/* A more expensive expression is refused: 1 ms. */
#define EXPRESSION_COST_MAX 100000u

/* Fills reads_frame, reads_local, cost and items_max of a checked node whose operands have them
 * already. false when it costs too much, which is reported unless reporter is NULL. */
bool cost_fill_node(struct syntax *node, struct reporter *reporter);

/* Those of all nodes from here down. */
bool cost_fill(struct syntax *root, struct reporter *reporter);

/* Does it always have the same value, so that the compiler can compute it? */
static inline bool cost_is_constant(const struct syntax *node) {
    return !node->reads_frame && node->reads_local == LOCAL_NONE;
}
