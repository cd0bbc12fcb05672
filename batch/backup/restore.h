/* Restoring a data folder from a backup: to its end, to a position or to a time.
 *
 * Everything is put together below TARGET/.restore and moved to its place at the end, the archive
 * last, so a folder with an archive is a restored one:
 *
 *   .restore/plan        what was asked for; the same command goes on after a kill
 *   .restore/last/       the segment that is cut, as it is in the backup
 *   .restore/data/       what is to be TARGET/archive, TARGET/generations, …
 *   .restore/whole       all of it is there
 *
 * Every file's hash is checked as it is copied, and again for what an earlier run left. A segment
 * that is cut is written anew, not sealed. Tables that are newer than the place are left out; of
 * those that are not, the newest in the backup are taken. */
#pragma once

#include "restore_options.h"

#include "core/base/error.h"
#include "core/base/progress.h"

/* ERROR_NOT_FOUND: no backup, no point, or the place is before the archive's beginning or after its
 * end. ERROR_INVALID: TARGET is not empty, or has an unfinished restore of something else.
 * ERROR_DAMAGED: a file of the backup, by its name. ERROR_EXISTS, ERROR_SYSTEM, ERROR_INTERRUPTED:
 * run it again to go on; TARGET has no archive until then. */
int restore_run(const struct restore_options *options, struct progress *progress,
                struct restore_report *ret_report, struct error *ret_error);
