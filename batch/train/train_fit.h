/* What an algorithm makes of rows: a model's file. One function for each algorithm; train.c chooses
 * by the `train` block. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/progress.h"
#include "core/policy/models/policy_model.h"
#include "train_split.h"

struct train_fit_options {
    const struct train_rows *rows;
    const struct train_split *split;
    const struct policy_model *model; /* untrained: its inputs and its training */
    uint64_t seed;
};

struct train_fitted {
    struct buffer file;
    enum model_format format;
    size_t rounds; /* in the file */
    size_t tried;  /* rounds until the training stopped */
    double metric; /* of the rounds in the file, on the validation slice; NaN: none */
    double positive_weight;
    double *importance; /* [input]: what its splits gained; they add up to 1. NULL: none is known */
    /* [row]: the library's own margins, which the model that is read from the file must give, too.
     * NULL: there is no library. */
    float *margins;
    char library[64]; /* "XGBoost 1.7.4" */
};

void train_fitted_deinit(struct train_fitted *fitted);

/* Is what the algorithm needs there? ERROR_UNSUPPORTED says what is missing. Asked before the
 * archive is read. */
int xgboost_available(struct error *ret_error);
/* One thread, so that the result depends on rows, parameters and seed alone: the library sums
 * gradients by threads. *ret_fitted: to be deinitialised. ERROR_INTERRUPTED; ERROR_INTERNAL with
 * the library's message; ERROR_TOO_LARGE: more than a model may have. */
int xgboost_fit(const struct train_fit_options *options, struct progress *progress,
                struct train_fitted *ret_fitted, struct error *ret_error);

/* An isolation forest (core/model/isolation.h), of all rows; no library and no labels. */
int isolation_available(struct error *ret_error);
int isolation_fit(const struct train_fit_options *options, struct progress *progress,
                  struct train_fitted *ret_fitted, struct error *ret_error);
