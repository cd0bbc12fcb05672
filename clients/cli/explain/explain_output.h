/* An explanation for people and for programs. What a server explained and what was explained here
 * look the same. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/buffer.h"
#include "core/base/value.h"

#include <stdbool.h>

/* Several lines. all: also what had no part in it: of the rules that did not fire the whole
 * conditions, and every feature. folder: of the other policy; NULL: there is none. */
void explain_output_text(const struct harrier_explanation *explanation, bool all,
                         const char *folder, struct buffer *out);
/* One object as docs/schema/explain.json has it, and a line break. */
void explain_output_json(const struct harrier_explanation *explanation, struct buffer *out);

/* "and", "comparison", …; "fallback", …; "live", … */
const char *explain_output_kind(enum harrier_explained_kind kind);
const char *explain_output_origin(enum harrier_threshold_origin origin);
const char *explain_output_mode(enum harrier_rule_mode mode);
