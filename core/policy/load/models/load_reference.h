/* The reference file of a model, which `reference` names. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Fills model->reference, whose inputs are then in the model's order. The model's own trees are
 * known. bins: counts of all references so far; false: reported. */
bool load_reference(struct load *load, const struct reader *reader, const struct tree_node *node,
                    size_t *bins, struct policy_model *model);
