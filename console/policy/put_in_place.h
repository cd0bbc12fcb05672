/* Puts an approved policy in the place of the live one, in steps that a kill may come between:
 *
 *   1. write     policy_change has a row: who, which submission. The folder is exchanged in one
 * step (clients/cli/policy/policy_rollback.h), so a server reads all of the old policy or all of
 * the new one.
 *   2. reload    The server is asked, and its answer waited for.
 *   3. back      Refused, or no server: the old files are put back, in one step as well.
 *   4.           A commit in the folder's git repository, if it is in one; the row goes, and the
 *                submission is approved or failed.
 *
 * A console that was killed looks at its next start which of the two policies the folder has, and
 * goes on from there. Only one change is under way at a time. */
#pragma once

#include "console/server/connection.h"
#include "submissions.h"

struct placer;

/* Also goes on with a change that an earlier process has left, or that could not be finished, on a
 * thread of its own. */
struct placer *placer_new(struct sql *sql, struct connection *connection, struct log *log);
/* Ends the waits. After connection_stop(). NULL is allowed. */
void placer_free(struct placer *placer);

/* Approves it and puts it in place. hash: of the version that the person has seen. Waits for the
 * server, up to a minute. On success the submission is approved or failed: submission_show() has
 * the result. ERROR_DENIED: the person is its author. ERROR_EXISTS: it is not open, another policy
 * is live than the one that it changes, it has another hash, or another change is under way.
 * ERROR_UNAVAILABLE: the server did not answer: the old files are back, and the submission is open.
 * ERROR_SYSTEM: the folder cannot be written, likewise. Any thread. */
int placer_approve(struct placer *placer, const struct draft_author *person, int64_t submission,
                   const char *hash, const char *comment, struct error *ret_error);
