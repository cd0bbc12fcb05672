/* One night from its first step to its last: what runs when, how often it is tried, and what the
 * journal says. night_steps.h knows how.
 *
 * A step that fails for a while (another process is at it, the disk refuses) is tried again after a
 * pause that doubles each time. One that fails for good, or too often, ends the night as failed; so
 * does no interruption: the next run goes on with the step that was not done. */
#pragma once

#include "night_job.h"

/* Opens the folders and takes the lock, which lasts until the process ends. ERROR_EXISTS: another
 * night is running. */
int night_run_open(struct night_run *run, const struct night_options *options,
                   struct progress_bar *progress, struct error *ret_error);
void night_run_close(struct night_run *run);

/* The date of the newest night with a journal. 1: there is one, 0: none. */
int night_run_find_newest(const struct night_run *run, int64_t *ret_day, struct error *ret_error);
/* Reads the journal of a date into run->journal, and makes its folder. 1: there was no journal; one
 * was begun. */
int night_run_take(struct night_run *run, int64_t day, bool begins_anew, struct error *ret_error);
/* Runs what is left of it. 0: it is complete, and the summary says so. ERROR_INTERRUPTED,
 * ERROR_EXISTS: it can be continued. Any other error: it has failed, and the summary says so. */
int night_run_complete(struct night_run *run, struct error *ret_error);

/* The night ended without saying so, for example for lack of memory: the summary says that it
 * failed, unless it says already how the newest one ended. */
int night_run_note_failure(const char *data, int64_t now_us, struct error *ret_error);
