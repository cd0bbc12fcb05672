/* What stays of the jobs that have ended, within the bounds of jobs.h, and what a console that was
 * killed has left. */
#pragma once

#include "jobs.h"

/* Makes the folder of the jobs if it is missing. Jobs that ran are interrupted: nothing of them
 * runs any more, and what they made is of no use. Folders that no row knows go. ERROR_SYSTEM. */
int job_sweep_begin(const struct jobs_settings *settings, struct error *ret_error);
/* Removes what is beyond the bounds; *ret_is_more: not all of it yet. */
int job_sweep(const struct jobs_settings *settings, bool *ret_is_more, struct error *ret_error);
