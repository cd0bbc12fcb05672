/* The report of `harrier tune` as one JSON object; docs/CLI.md lists the members. */
#pragma once

#include "tune_document.h"

void tune_json_format(const struct tune_document *document, struct buffer *out);
