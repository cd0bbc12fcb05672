/* A trained model on transactions that it has not seen: the later range, replayed as known then
 * under the policy that has the model. All outcomes of the archive count, and transactions without
 * one count as legit: if the young ones were left out, known frauds would be all that is left of
 * them.
 */
#pragma once

#include "batch/report/ranking_metrics.h"
#include "train.h"

struct train_confirmed {
    struct ranking_figures ranking; /* by the margin; one side */
    uint64_t transactions;          /* of the range */
    uint64_t refused, suspected, failed;
    uint64_t immature;         /* of those that count: no outcome, and too young to expect one */
    int64_t first_us, last_us; /* event times of the rows that count */
    /* Of a model that gives a probability or a score; else false. */
    bool has_probability;
    double brier;    /* mean square of probability − label */
    double log_loss; /* mean of −log of what the label was given, at least 1e-15 */
    double mean;     /* of the probabilities; to be compared with the share of frauds */
};

struct train_confirm_options {
    uint64_t reviews; /* a day */
    size_t draws;     /* of the bootstrap */
};

/* trained: with a model of the options' name. ERROR_NOT_FOUND: the range has no transactions that
 * count, or no frauds. ERROR_TOO_LARGE: its rows need more memory. Others as of replay_open() and
 * replay_run(). */
int train_confirm(const struct train_options *options, struct snapshot *trained,
                  const struct train_confirm_options *confirm, struct progress *progress,
                  struct train_confirmed *ret_confirmed, struct error *ret_error);
