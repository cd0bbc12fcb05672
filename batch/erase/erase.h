/* harrier erase: removes a person's values from an archive and from what was made of it.
 *
 *   1. find the records that have them, and what else belongs to nobody but these persons
 *   2. begin: a record of the erasure, the first of a new segment, appended by a server if one runs
 *   3. seal the segments before it, rewrite those that hold a value, and the tables that stand for
 *      what a prune has dropped (erase_base.h); put all of them in place in one step
 *   4. remove the index and samples, build the tables anew, remove older ones, search other files
 *   5. done: another record, with the seals that were renewed; and a protocol for people
 *
 * Until step 3 commits, nothing has changed. A run that is killed later is finished by the next
 * one, or with .finish; until then the archive is whole, with the values removed, and what was made
 * of it may still hold them. docs/ARCHIVE.md, "Erasure", has what a rewritten record keeps. */
#pragma once

#include "erase_options.h"

#include "core/base/error.h"
#include "core/base/progress.h"

void erase_report_deinit(struct erase_report *report);

/* ERROR_INVALID: an unknown entity or field. ERROR_NOT_FOUND: no archive, or none of the values was
 * ever seen; nothing was changed. ERROR_EXISTS: another erasure, rebuild or sealing is at work.
 * ERROR_UNAVAILABLE: a server that does not answer. ERROR_UNSUPPORTED: an archive of a cluster.
 * ERROR_INTERRUPTED, ERROR_DAMAGED, ERROR_SYSTEM: what the message says is left to do. */
int erase_run(const struct erase_options *options, struct progress *progress,
              struct erase_report *ret_report, struct error *ret_error);
