/* A replay's report for programs: docs/schema/replay-report.json. */
#pragma once

#include "replay_document.h"

/* Appends one object. The HTML page is drawn from it. */
void replay_json_format(const struct replay_document *document, struct buffer *out);
