/* Everything that a report of `harrier replay` is made from. Its two forms are replay_json.h, for
 * programs and the HTML page, and replay_summary.h, for a terminal. docs/CLI.md says what the
 * figures mean. All pointers are the caller's. */
#pragma once

#include "batch/report/report.h"
#include "core/base/buffer.h"
#include "replay_options.h"

#include <stdint.h>

struct replay_document {
    const struct replay_command *command;
    const struct replay_report *replay;
    const struct report_figures *figures;
    const struct snapshot *policy;  /* the replayed one, or the archive's last */
    const struct snapshot *against; /* the second policy; NULL: the archived decisions */
    int64_t review_price_minor;
    bool has_span; /* the archive has transactions, with event times: */
    int64_t archive_first_us, archive_newest_us;
};
