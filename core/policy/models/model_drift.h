/* Counting what a policy's models are given, in the bins of their references, and how far that is
 * from training.
 *
 * The counts of all models lie one behind the other: of each model with a reference those of its
 * score, then of each of its inputs; model_bins_count() of each. A model without a reference has
 * none. Whoever counts has an array of its own and may add arrays up. */
#pragma once

#include "policy_model.h"

/* How many counts the first `count` models have: also where those of the next one begin. */
size_t model_drift_size(const struct policy_model *models, size_t count);

/* Adds one decision to the counts of this model. inputs: in the model's order, NaN where one is
 * missing. Returns where the counts of the next model begin. */
uint64_t *model_drift_add(const struct policy_model *model, const double *inputs, double margin,
                          uint64_t *counts);

/* With fewer decisions there is no index: of 13 bins, chance alone gives 0.06 with 200. */
#define MODEL_DRIFT_ROWS_MIN 200

/* One input, or the score. */
struct model_drift {
    struct text input; /* empty: the score */
    uint64_t rows, rows_before;
    uint64_t missing, missing_before;
    bool is_compared;    /* rows are MODEL_DRIFT_ROWS_MIN or more: there is an index */
    double index, noise; /* population stability, and what chance alone gives of it on average */
};

/* Beyond what chance gives: a shift, or at least not stable (core/model/stability.h). */
enum model_drift_level { MODEL_DRIFT_STABLE, MODEL_DRIFT_MOVED, MODEL_DRIFT_SHIFT };
enum model_drift_level model_drift_level(const struct model_drift *drift);

/* Calls take() for the score, then for each input of the model. */
void model_drift_each(const struct policy_model *model, const uint64_t *counts,
                      void (*take)(void *user, const struct policy_model *model,
                                   const struct model_drift *drift),
                      void *user);
