/* How a model of models.yaml is to be trained: its `train` block, with defaults for what that
 * leaves out. A server has no use for it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum training_algorithm { TRAINING_XGBOOST, TRAINING_ISOLATION_FOREST, TRAINING_ALGORITHMS };

/* What is compared on the validation slice after each round. */
enum training_metric { TRAINING_AVERAGE_PRECISION, TRAINING_AUC, TRAINING_LOG_LOSS };

enum training_calibration { TRAINING_PLATT, TRAINING_ISOTONIC, TRAINING_UNCALIBRATED };

#define TRAINING_BALANCED 0.0 /* positive_weight: as much weight for all frauds as for the rest */

struct model_training {
    enum training_algorithm algorithm;
    enum training_metric metric;
    enum training_calibration calibration;
    double positive_weight;                     /* of a fraud; of any other transaction 1 */
    double validation_share, calibration_share; /* of the training range's transactions */

    /* Boosting. */
    int64_t rounds;         /* trees, at most */
    int64_t early_stopping; /* rounds without a better metric; 0: all rounds */
    int64_t max_depth, max_bin;
    double eta, min_child_weight, subsample, columns, lambda, alpha, gamma;

    /* An isolation forest (core/model/isolation.h). */
    int64_t trees, sample, depth;
};
