/* An explanation for programs: docs/schema/explain.json. */
#pragma once

#include "clients/c/harrier_analyst.h"
#include "core/base/buffer.h"

/* Appends one object and a line break. */
void explain_json_format(const struct harrier_explanation *explanation, struct buffer *out);
