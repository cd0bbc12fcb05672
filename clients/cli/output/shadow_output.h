/* The report on shadow rules and policies, as tables for people and as JSON. */
#pragma once

#include "batch/report/shadow_report.h"
#include "core/base/buffer.h"

void shadow_output_text(const struct shadow_report *report, struct buffer *out);
/* One object on one line. */
void shadow_output_json(const struct shadow_report *report, struct buffer *out);
