/* harrier rebuild: folds the archive up to its last sync mark and publishes the result as a
 * generation.
 *
 * Full, or incremental: from the current generation on, if that has the same features and belongs
 * to this archive. Both give the same tables. What is published depends on the archive and the
 * policy only, not on threads, memory or how the work was divided. A server may keep writing
 * meanwhile, and the job may be killed at any time: a generation is published whole or not at all.
 */
#pragma once

#include "rebuild_options.h"

/* Frees what it points to; for a report that rebuild_run() has filled. */
void rebuild_report_deinit(struct rebuild_report *report);

/* Blocks until it is done. progress may be NULL; only the calling thread calls it, and its stages
 * are the names of the phases. ERROR_NOT_FOUND: no archive, no synced record in it, or neither an
 * archived nor a given policy. ERROR_EXISTS: another rebuild has the same folder locked.
 * ERROR_DAMAGED: the archive. ERROR_INVALID: the policy. ERROR_INTERRUPTED: progress asked to stop;
 * nothing was published. */
int rebuild_run(const struct rebuild_options *options, struct progress *progress,
                struct rebuild_report *ret_report, struct error *ret_error);
