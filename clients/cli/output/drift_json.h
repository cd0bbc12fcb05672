/* How far a policy's models have drifted from their training, in reports for programs and people.
 */
#pragma once

#include "batch/report/report_models.h"
#include "core/base/buffer.h"

/* An array: for each model its name, the decisions that were compared, the score, the inputs.
 * drifts: of report_models_drift(). */
void drift_json_add_models(struct buffer *out, const char *key,
                           const struct report_model_drift *drifts, size_t count);
