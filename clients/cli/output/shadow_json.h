/* The report on shadow rules and policies for programs. */
#pragma once

#include "batch/report/shadow_report.h"
#include "core/base/buffer.h"

/* Appends one object on one line. */
void shadow_json_format(const struct shadow_report *report, struct buffer *out);
