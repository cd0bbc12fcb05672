/* The report of `harrier tune` on a terminal. */
#pragma once

#include "tune_document.h"

void tune_text_format(const struct tune_document *document, struct buffer *out);
