/* Backfill: history that comes late, recorded by a thread of the service beside the decisions. */
#pragma once

#include "server/base/run.h"

#define BACKFILL_WAITERS_MAX 4 /* waiting or at work */

void backfill_start(struct service *service);
/* Answers everything that waits; what is not recorded by then is refused. */
void backfill_stop(struct service *service);

/* Backfill, under the decision lock: takes a place, no more. */
enum next perform_backfill(struct run *run);
/* Part of the table of calls; the thread withdraws what it could not write by itself. */
void withdraw_backfill(struct run *run, const struct error *error);
