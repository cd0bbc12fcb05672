/* Any decision of an archive derived again, with all that went into it: Law 2, for one transaction.
 *
 *   locate    the transaction's record, by its id
 *   in force  what the archive says of then: policy, tables, thresholds, lists, shadow policies
 *   fold      the states of this transaction's entities: from the tables that were in use, when
 *             they are still there, else from the archive's first record
 *   decide    by the engine that decided
 *   tell      what it saw, what each rule made of it, and whether it is what is archived
 *
 * And the same for another policy, on the same history folded with its plan from the archive's
 * first record, as a replay under that policy has it at this position.
 *
 * Cost: one reading of the segments from the tables' place on, in which a record is decoded only
 * when its bytes hold a key of the transaction: about 0.6 s of one core for a million records,
 * sealed ones. With another policy, or without the tables of then, of all segments. Records found
 * are held for 256 MiB of segments at a time, even where every record may be one of an entity's. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive_search.h"
#include "core/wire/types/explanation.h"
#include "explain_options.h"

/* What an explanation takes at most, and the arena is to have: texts of a policy of 1,000 rules. */
#define EXPLANATION_BYTES_MAX ((size_t)256 << 20)

/* Everything lives in the arena. ERROR_NOT_FOUND: no such transaction among the synced records; the
 * message says what ids are like it. ERROR_UNSUPPORTED: this version cannot load the policy of
 * then. ERROR_DAMAGED, ERROR_TOO_LARGE, ERROR_INTERRUPTED. */
int explain_transaction(const struct explain_options *options, struct arena *arena,
                        struct explanation *ret_explanation, struct error *ret_error);
