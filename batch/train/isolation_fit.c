/* Rows of a sample of the archive count once each: without frauds to keep, all weigh the same. */
#include "core/model/isolation.h"

#include "train_fit.h"

#include <math.h>
#include <stdio.h>

int isolation_available(struct error *ret_error) {
    (void)ret_error;
    return 0;
}

int isolation_fit(const struct train_fit_options *options, struct progress *progress,
                  struct train_fitted *ret_fitted, struct error *ret_error) {
    const struct model_training *training = &options->model->training;
    const struct train_rows *rows = options->rows;
    const struct isolation_options forest = {.trees = (size_t)training->trees,
                                             .sample = (size_t)training->sample,
                                             .depth = (size_t)training->depth,
                                             .seed = options->seed};
    struct train_fitted fitted = {.format = MODEL_ISOLATION,
                                  .rounds = forest.trees,
                                  .tried = forest.trees,
                                  .metric = NAN,
                                  .positive_weight = 1};
    (void)progress; /* a second at most */
    snprintf(fitted.library, sizeof fitted.library, "an isolation forest of its own");
    buffer_init(&fitted.file);
    int r = isolation_train(rows->values, rows->count, model_shape(options->model->model)->inputs,
                            rows->input_count, &forest, &fitted.file, ret_error);
    if (r < 0)
        train_fitted_deinit(&fitted);
    else
        *ret_fitted = fitted;
    return r;
}
