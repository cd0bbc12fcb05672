/* What each input contributed to a margin: SHAP values by TreeSHAP, exact for the distribution that
 * the trees' covers give (path-dependent: XGBoost's pred_contribs, LightGBM's pred_contrib).
 * Lundberg and others, "Consistent Individualized Feature Attribution for Tree Ensembles",
 * arXiv:1802.03888, algorithm 2. */
#pragma once

#include "model.h"

/* doubles of scratch memory that contributions_of_row() takes. */
size_t contributions_scratch(const struct model *model);

/* Of one output: a contribution for each input, and in ret_contributions[input_count] what the
 * margin is before any input is known. Together they are the margin, up to rounding. The model has
 * covers (shape). Pure. */
void contributions_of_row(const struct model *model, const double *inputs, size_t output,
                          double *scratch, double *ret_contributions);

/* How much work it is at worst: for each leaf, the square of its depth. */
uint64_t contributions_steps(const struct model *model);
