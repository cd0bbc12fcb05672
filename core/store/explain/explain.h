/* Any decision of an archive derived again, with everything that went into it: invariant 2, for one
 * transaction.
 *
 *   locate    the transaction's record, by its id
 *   in force  what was in force then, by the archive: policy, tables, thresholds, lists, shadows
 *   fold      the states of this transaction's entities: from the tables that were in use, if they
 *             still exist, else from the archive's first record
 *   decide    by the engine that decided
 *   report    what it saw, the result of each rule, and whether it equals what is archived
 *
 * And the same for another policy, on the same history folded with its plan from the archive's
 * first record, as a replay under that policy has it at this position.
 *
 * Cost: one pass over the segments after the tables' position, in which a record is decoded only if
 * its bytes contain a key of the transaction: about 0.6 s of one core for a million sealed records.
 * With another policy, or without those tables, a pass over all segments. Found records are held
 * for 256 MiB of segments at a time, so memory stays bounded even if every record may concern one
 * of the entities. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/store/explain/archive_search.h"
#include "core/wire/types/explanation.h"
#include "explain_options.h"

/* Limit for the arena of an explanation: room for the texts of a policy of 1,000 rules. */
#define EXPLANATION_BYTES_MAX ((size_t)256 << 20)

/* Everything lives in the arena. ERROR_NOT_FOUND: no such transaction among the synced records; the
 * message names ids that begin with it. ERROR_UNSUPPORTED: this version cannot load the policy that
 * was in force. ERROR_DAMAGED, ERROR_TOO_LARGE, ERROR_INTERRUPTED. */
int explain_transaction(const struct explain_options *options, struct arena *arena,
                        struct explanation *ret_explanation, struct error *ret_error);
