/* An outage: the archive's disk fails, and the server goes on deciding (option archive_failure =
 * degrade). What cannot be written stays in memory, in order and up to archive_failure_memory; each
 * decision that is not on disk says so in its answer; other calls that change something are
 * refused, as their answers cannot. The commit thread alone tries the disk meanwhile (commit.c).
 *
 * All under the decision lock. */
#pragma once

#include "run.h"

/* The disk fails, or still does: error says how. Logged and sent as an event when it begins. */
void outage_begin(struct service *service, const struct error *error);
/* Something was written or is held that was not before: is memory used up, or no longer? True: that
 * changed the service's state. */
bool outage_update(struct service *service);
/* Everything is written. */
void outage_end(struct service *service);

/* May a call that appends records go on? ERROR_UNAVAILABLE says why not. */
int outage_admit(const struct service *service, enum call call, struct error *ret_error);
/* Encodes the answer anew: decisions after `safe` are marked as degraded; of other calls what was
 * asked for is in memory alone, so they fail. */
void outage_answer(struct run *run, uint64_t safe);
