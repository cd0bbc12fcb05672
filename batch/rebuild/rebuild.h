/* harrier rebuild: the archive, folded as far as it is synced, as a published generation.
 *
 * Full, or from the current generation on where that is of the same features and lies in the
 * archive: both give the same tables. What it publishes depends on the archive and the policy
 * alone, not on threads, memory or how the work was divided. It may run beside a server that goes
 * on writing, and it may be killed at any time: what is published is always a whole generation. */
#pragma once

#include "rebuild_options.h"

/* Frees what it points to; for a report that rebuild_run() has filled. */
void rebuild_report_deinit(struct rebuild_report *report);

/* Blocks for as long as it takes. progress may be NULL; it is called by the calling thread only,
 * and its stages are the phases' names. ERROR_NOT_FOUND: no archive, nothing in it that is synced,
 * or no snapshot and no policy given. ERROR_EXISTS: another rebuild works on the same folder.
 * ERROR_DAMAGED: the archive. ERROR_INVALID: the policy. ERROR_INTERRUPTED: progress asked to stop;
 * nothing was published. */
int rebuild_run(const struct rebuild_options *options, struct progress *progress,
                struct rebuild_report *ret_report, struct error *ret_error);
