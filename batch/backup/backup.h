/* Backing up a data folder, beside a running server: one more point in time in the folder of a
 * backup (backup_store.h).
 *
 *   archive/      all segments; the last one up to the newest sync mark, in a cluster up to what is
 *                 committed; other files of the archive as archive_copy.h lists them
 *   generations/  the tables in force, so that a restored server starts fast
 *   nights/       reports, and candidates/, trained models: nothing derives them again as they were
 *   config/       the files of a folder of the caller's choice, as /etc/harrier
 *
 * Left out: generations/samples and index/, which are derived again; rejects.jsonl; locks.
 *
 * A segment is verified before it enters the backup: every checksum, the chain, and its seal. What
 * is there already is recognised by the version of its file (backup_source_stamp()), else by its
 * hash, so a backup copies only what is new. */
#pragma once

#include "backup_options.h"

#include "core/base/error.h"
#include "core/base/progress.h"

/* Do the two folders suit each other? ERROR_INVALID: one is in the other, or they are the same.
 * ERROR_NOT_FOUND: there is no such data folder. */
int backup_check_folders(const char *data, const char *folder, struct error *ret_error);

/* ERROR_NOT_FOUND: no archive, or nothing in it is synced. ERROR_INVALID: the folder has the backup
 * of another archive, or is no backup. ERROR_DAMAGED: of the archive, or of a manifest.
 * ERROR_EXISTS: another process works in the backup, or the archive was rewritten meanwhile.
 * ERROR_SYSTEM, ERROR_INTERRUPTED. After a failure the backup has the points that it had. */
int backup_run(const struct backup_options *options, struct progress *progress,
               struct backup_listener *listener, struct backup_report *ret_report,
               struct error *ret_error);
