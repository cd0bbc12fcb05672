/* The first reading of the archive: what has to be known beforehand. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Stage "scan". */
int replay_scan(struct replay *replay, struct progress *progress, struct error *ret_error);
