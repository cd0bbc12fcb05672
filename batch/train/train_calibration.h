/* From margins or probabilities to calibrated probabilities, fitted to labelled rows. Pure.
 *
 * Platt: the a and b of 1 / (1 + exp(-(a × margin + b))) with the greatest likelihood, where labels
 * are (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2) instead of 1 and 0 (J. Platt, "Probabilistic Outputs for
 * Support Vector Machines", 1999), by Newton's method with backtracking (H.-T. Lin, C.-J. Lin and
 * R. Weng, "A Note on Platt's Probabilistic Outputs for Support Vector Machines", 2007).
 *
 * Isotonic: the least squares fit that never descends, by pooling adjacent violators; its points
 * are the ends of the pools. */
#pragma once

#include "core/base/error.h"
#include "core/policy/models/policy_model.h"

#include <stdbool.h>
#include <stddef.h>

struct calibration_row {
    double from; /* a margin (Platt) or a probability (isotonic) */
    double weight;
    bool is_positive;
};

/* ERROR_NOT_FOUND: greater margins are not more often positive (a is not above 0), all are the
 * same, or the rows are of one class. */
int train_platt(const struct calibration_row *rows, size_t count, double *ret_a, double *ret_b,
                struct error *ret_error);

#define TRAIN_POINTS_MAX 10000

/* Sorts the rows. *ret_points: heap memory, 2 to TRAIN_POINTS_MAX. ERROR_NOT_FOUND: all rows have
 * one probability, or would get one: greater ones are not more often positive. */
int train_isotonic(struct calibration_row *rows, size_t count,
                   struct calibration_point **ret_points, size_t *ret_count,
                   struct error *ret_error);
