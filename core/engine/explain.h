/* What the policy of an engine made of the transaction it decided last: every value it saw, every
 * rule with its parts, and how one verdict and one score came of them. Reads what engine_decide()
 * left in the engine, and evaluates nothing but through the policy's trace. */
#pragma once

#include "core/policy/analysis/trace.h"
#include "core/wire/types/explanation.h"
#include "engine.h"

/* Fills all of *ret_policy but `shadows`, from the decision that engine_decide() has just made of
 * the transaction, features included; thresholds as the engine uses them (NULL: none). Copies into
 * the arena whatever may go away. ERROR_TOO_LARGE: the arena is too small. */
int engine_explain(struct engine *engine, const struct trace *trace,
                   const struct thresholds *thresholds, const struct transaction *transaction,
                   const struct decision *decision, struct arena *arena,
                   struct explained_policy *ret_policy, struct error *ret_error);

/* The same, deep, of a decision; its shadows are left out. false: the arena is too small. */
bool decision_copy(const struct decision *decision, struct arena *arena,
                   struct decision *ret_decision);
