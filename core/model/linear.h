/* Linear models: a margin is the sum of the features, each times its weight. Private to core/model.
 *
 * Libraries add in an order that depends on the processor. Here the products of a row are added as
 * doubles, in the order of the features, and rounded once: at least as close to the exact sum. */
#pragma once

#include "model_layout.h"

/* columns: of the row. A margin is NaN where an input is missing and has a weight. */
void linear_margins(const struct model *model, const double *columns, double *ret_margins);

/* What each input adds to the margin beyond what it would at its feature's 0. */
void linear_contributions(const struct model *model, const double *columns, size_t output,
                          double *ret_contributions);
