/* An explanation for people. One that a server made and one that was derived here look the same. */
#pragma once

#include "clients/c/harrier_analyst.h"
#include "core/base/buffer.h"

#include <stdbool.h>

/* Appends several lines. all: also what did not contribute: the whole conditions of rules that did
 * not fire, and every feature. folder: of the other policy; NULL: there is none. */
void explain_text_format(const struct harrier_explanation *explanation, bool all,
                         const char *folder, struct buffer *out);
