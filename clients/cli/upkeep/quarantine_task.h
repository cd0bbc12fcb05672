/* harrier archive quarantine: its report, in both forms. The options are parsed with those of the
 * other tasks of harrier archive. */
#pragma once

#include <stdbool.h>

struct quarantine_task {
    const char *archive;
    bool dry_run, json, quiet;
};

/* Returns the exit status. */
int quarantine_task_run(const struct quarantine_task *task);
