/* Thresholds and cut-offs, for people and for programs. */
#pragma once

#include "batch/thresholds/threshold_report.h"
#include "core/base/buffer.h"
#include "core/wire/bytes/threshold_set.h"

/* What a rebuild computed: lines of text, and members "thresholds", "cutoffs" and "flips" of the
 * JSON object that is being written. Nothing when the policy has none. */
void threshold_output_print(const struct threshold_report *report, struct buffer *buffer);
void threshold_output_json(const struct threshold_report *report, struct buffer *buffer);
/* What was held back, or could not be computed: one line each, for standard error. */
void threshold_output_warn(const struct threshold_report *report, struct buffer *buffer);

/* What a record of an adopted generation carries: behind its line, and members "thresholds" and
 * "cutoffs" of its JSON object, every group of them. */
void threshold_output_record(const struct threshold_set *set, struct buffer *buffer);
void threshold_output_record_json(const struct threshold_set *set, struct buffer *buffer);
