/* How far a job over an archive is, on stderr: the bar of progress_bar.h on a terminal, JSON lines
 * elsewhere, one at the beginning of each phase and then every ten seconds:
 *
 *   {"phase":"replay","done":912345,"total":1754155,"phase_ms":1204,"per_second":757760,
 *    "left_ms":1111}
 *
 * The last two only when something is done already. */
#pragma once

#include "clients/cli/terminal/progress_bar.h"

struct job_progress {
    struct progress progress; /* for the job */
    struct progress_bar bar;
    bool json;
    const char *phase;
    uint64_t begun_us, reported_us;
};

/* Also watches for interrupts: the job is asked to stop. unit: as progress_bar_init() has it. */
void job_progress_init(struct job_progress *progress, bool quiet, bool writes_stdout,
                       const char *unit);
/* Before anything else is printed. */
void job_progress_clear(struct job_progress *progress);
