/* harrier archive prune: its report, in both forms. The options are parsed with those of the other
 * tasks of harrier archive. */
#pragma once

#include "clients/cli/terminal/progress_option.h"

#include <stdbool.h>
#include <stdint.h>

struct prune_task {
    const char *data; /* the server's data folder */
    int64_t before_us;
    bool dry_run, json, quiet;
    enum progress_choice progress;
};

/* Returns the exit status. */
int prune_task_run(const struct prune_task *task);
