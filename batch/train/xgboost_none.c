/* A build without libxgboost's header. */
#include "train_fit.h"

int xgboost_available(struct error *ret_error) {
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "this build cannot train with XGBoost: build it with libxgboost (Debian: "
                     "libxgboost-dev)");
}

int xgboost_fit(const struct train_fit_options *options, struct progress *progress,
                struct train_fitted *ret_fitted, struct error *ret_error) {
    (void)options, (void)progress, (void)ret_fitted;
    return xgboost_available(ret_error);
}
