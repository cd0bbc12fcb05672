/* The report on shadow rules and policies as tables for people. */
#pragma once

#include "batch/report/shadow_report.h"
#include "core/base/buffer.h"

void shadow_output_text(const struct shadow_report *report, struct buffer *out);
