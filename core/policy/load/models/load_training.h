/* The `train` block of a model, and what stands for a model before it is trained. Private to
 * policy/. */
#pragma once

#include "core/model/model.h"
#include "core/policy/load/load.h"
#include "core/policy/models/model_training.h"

/* node: NULL: all defaults. false: reported. */
bool load_training(const struct reader *reader, const struct tree_node *node,
                   struct model_training *ret_training);

/* A model with the inputs that the mapping `inputs` names, in its order, and a margin of 0; it
 * gives what one of the algorithm gives. `at` is the model's declaration. false: reported. */
bool load_untrained(struct load *load, const struct reader *reader, const struct tree_node *at,
                    const struct tree_node *inputs, enum training_algorithm algorithm,
                    struct model **ret_model);
