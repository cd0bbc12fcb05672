/* A scorecard, written in models.yaml itself. Private to policy/. */
#pragma once

#include "core/model/model.h"
#include "core/policy/load/load.h"

/* Its attributes become inputs, which expressions under "inputs" may bind. categories: for each
 * input, the texts that its bins name, in the order of their codes. false: reported. */
struct scorecard {
    struct model *model;
    const struct text *const *categories; /* [input] */
    const size_t *category_counts;
};
bool load_scorecard(struct load *load, const struct reader *reader, const struct tree_node *node,
                    struct scorecard *ret_scorecard);
