/* Arithmetic on the numbers of a row before a model, and on its outputs after it: what the chains
 * of ONNX do. Each step is rounded on its own, as the library's operators round. Private to
 * core/model. */
#pragma once

#include "model_layout.h"

/* Columns of a model with features. */
void steps_fill_columns(const struct model *model, const double *inputs, double *columns);

/* Sums → margins, and what the link gave → predictions. In place, [output]. */
void steps_finish_margins(const struct model *model, double *sums);
void steps_finish_predictions(const struct model *model, double *predictions);

/* The margin is slope × sum + some number: what contributions to the sum are multiplied by. */
double steps_slope(const struct model *model, size_t output);

/* Bounds of an output's sum → bounds of its margin, rounded outwards only as doubles are. */
void steps_finish_bounds(const struct forest_finish *finish, size_t count, size_t output,
                         double bounds[2]);
