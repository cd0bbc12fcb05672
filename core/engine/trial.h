/* Runs a policy's cases: each with a history of its own, in memory, with the engine that decides
 * and applies everywhere else.
 *
 * The history is what the archive would have: its transactions are decided by the policy under
 * test, in their order, and recorded with that decision (or with the verdict that the case states),
 * outcomes are resolved against them. A case depends on nothing but the snapshot. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>

struct trial;

/* Takes a reference. */
struct trial *trial_new(struct snapshot *snapshot);
void trial_free(struct trial *trial); /* NULL is allowed */

/* Runs one of the snapshot's cases. Appends to differences, one line each, what is not as expected,
 * and below it what made the decision; nothing when all is. True when all is as expected. */
bool trial_run(struct trial *trial, const struct policy_case *it, struct buffer *differences);

/* The decision of the last case; NULL when the transaction was refused. Valid until the next run.
 */
const struct decision *trial_decision(const struct trial *trial);

/* "FILE:LINE: case "…" of rule … fails" and the differences below it, indented. */
void trial_report(const struct snapshot *snapshot, const struct policy_case *it,
                  const struct buffer *differences, struct buffer *messages);

/* Runs all. Returns how many failed; messages gets file, line and differences of each. */
size_t trial_run_all(struct snapshot *snapshot, struct buffer *messages);
