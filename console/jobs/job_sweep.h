/* What stays of jobs. Of those that have ended the newest do, up to JOBS_KEPT_MAX of them,
 * JOBS_BYTES_MAX of files, and JOBS_AGE_MAX_US. */
#pragma once

#include "job_table.h"
#include "server/ops/log.h"

#include <stdbool.h>

#define JOBS_KEPT_MAX   50
#define JOBS_BYTES_MAX  ((uint64_t)512 << 20)
#define JOBS_AGE_MAX_US (INT64_C(90) * 86400 * 1000000)

/* At the start. Makes the folder of the jobs if it is missing. What ran when a console was killed
 * is interrupted: nothing of it runs any more, and what it made is of no use. Folders that no row
 * knows go. ERROR_SYSTEM. */
int job_sweep_begin(struct sql *sql, const char *folder, struct log *log, struct error *ret_error);
/* Removes what is beyond the bounds; *ret_is_more: not all of it yet. */
int job_sweep(struct sql *sql, const char *folder, bool *ret_is_more, struct error *ret_error);
