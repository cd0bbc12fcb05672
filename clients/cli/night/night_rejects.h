/* Counts a server's file of refused transactions by reason: the file and the older one beside it
 * (server/ops/reject_log.h). */
#pragma once

#include "batch/night/night_findings.h"

/* For the reported day and the week before it. A file that is not there has no rows.
 * ERROR_SYSTEM. */
int night_rejects_count(const char *path, int64_t day, struct night_rejects *ret_rejects,
                        struct error *ret_error);
