/* The thread that syncs the archive, and the answers that wait for it. */
#pragma once

#include "run.h"

void commit_start(struct service *service);
/* Syncs what is left and answers everything that waits. */
void commit_stop(struct service *service);
void commit_free(struct service *service); /* after the last commit_want() */

/* Under the decision lock: records were written that are not synced. */
void commit_want(struct service *service);
/* Under the decision lock: has what was in the archive at the opening been synced? From then on,
 * there is sync_interval between two syncs. For tests. */
bool commit_has_begun(const struct service *service);
/* With durability synced or replicated, keeps each run whose records are not on disk, or not
 * committed on the log, to be answered when they are. Returns the others, for the caller to answer
 * now. If the service has failed, or is not the primary any more, those that would wait get an
 * error instead. */
struct run *commit_park(struct service *service, struct run *runs);
/* If a sync has taken longer than archive_patience_us, that is an outage: what waits for it is
 * answered. To be called about every second. */
void commit_poll(struct service *service);
/* Under the decision lock: takes out the parked runs that need wait no longer; if this server is
 * not the primary any more, all of them, those that would have to wait with an error. The caller
 * answers them with runs_reply(), without the lock. */
struct run *commit_release(struct service *service);
/* Under the decision lock, which it releases meanwhile: returns when no sync is under way. None
 * begins before the lock is released. */
void commit_await_idle(struct service *service);
