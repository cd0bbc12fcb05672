/* A replay's report for a terminal. */
#pragma once

#include "replay_document.h"

void replay_summary_format(const struct replay_document *document, struct buffer *out);
