/* The arms of experiments side by side: batch/report/arms_report.h has the figures. */
#pragma once

#include "batch/report/arms_report.h"
#include "core/base/buffer.h"

void policy_arms_text(const struct arms_report *report, int64_t outcomes_after_us,
                      struct buffer *out);
/* One phase as members of an object that has been begun. */
void policy_arms_json_phase(const struct arms_phase *phase, int64_t outcomes_after_us,
                            struct buffer *out);
/* A line for each phase. */
void policy_arms_json(const struct arms_report *report, int64_t outcomes_after_us,
                      struct buffer *out);
