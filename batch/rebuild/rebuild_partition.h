/* Divides a rebuild's work: threads, key ranges, streams. Private to batch/rebuild. */
#pragma once

#include "rebuild_job.h"

/* Samples the records that will be scanned, then sets budget, ranges, streams and the spill. */
int rebuild_partition(struct rebuild *rebuild, struct error *ret_error);
/* Frees ranges, streams and the spill; the rebuild can be partitioned again. */
void rebuild_forget_streams(struct rebuild *rebuild);
