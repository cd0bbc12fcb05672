/* The first pass over the archive: collects what the decisions need to know beforehand. Private to
 * batch/replay. */
#pragma once

#include "replay_job.h"

/* Fills replay->history and, for event-time order, least_us, last_lists and thresholds. Stage
 * "scan". */
int replay_scan(struct replay *replay, struct progress *progress, struct error *ret_error);
