/* Divides a rebuild's work: threads, key ranges, streams. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* Looks at some of the records behind the place to go on from, and decides on threads' shares,
 * ranges and streams. */
int rebuild_partition(struct rebuild *rebuild, struct error *ret_error);
void rebuild_forget_streams(struct rebuild *rebuild);
