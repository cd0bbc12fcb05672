/* All that a report of `harrier replay` is made from, and the two forms it is written in: for
 * programs (docs/schema/replay-report.json; the HTML page is drawn from that) and for a terminal.
 * docs/CLI.md says what the figures mean. */
#pragma once

#include "batch/report/report.h"
#include "core/base/buffer.h"
#include "replay_options.h"

#include <stdint.h>

struct replay_document {
    const struct replay_command *command;
    const struct replay_report *replay;
    const struct report_figures *figures;
    const struct snapshot *policy;  /* that was replayed, or the archive's last */
    const struct snapshot *against; /* the second policy; NULL: what is archived */
    int64_t review_price_minor;
    bool has_span; /* the archive has transactions, of event times: */
    int64_t archive_first_us, archive_newest_us;
};

/* What a reader has to mind; the texts are sentences. */
struct replay_caveat {
    const char *code; /* "warm_up": for programs */
    char text[640];
};
#define REPLAY_CAVEATS_MAX 24
/* Returns their number. */
size_t replay_caveats(const struct replay_document *document,
                      struct replay_caveat ret_caveats[REPLAY_CAVEATS_MAX]);

void replay_document_json(const struct replay_document *document, struct buffer *out);
void replay_document_text(const struct replay_document *document, struct buffer *out);
