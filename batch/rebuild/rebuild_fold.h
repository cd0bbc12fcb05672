/* The fold phase: streams into tables. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* Folds the streams [first, end). 1: an incremental result would differ from a full rebuild's,
 * because a transaction came later than the lateness to an entity that `before` may have left out
 * as idle; the caller starts over.
 */
int rebuild_fold(struct rebuild *rebuild, size_t first, size_t end, struct error *ret_error);
