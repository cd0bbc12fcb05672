/* How far a distribution has moved: the population stability index over bins.
 *
 * The index is Jeffreys' divergence of the two distributions (S. Kullback, R. Leibler, 1951). Below
 * 0.1 it counts as stable, above 0.25 as a shift (N. Siddiqi, Credit Risk Scorecards, 2006). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STABILITY_STABLE 0.1
#define STABILITY_SHIFT  0.25

/* Σ (a − b) · ln(a / b) over the shares of both sides in each of `count` bins; half a count is
 * added to every bin, so that an empty one does not give infinity. 0 if one side is empty. Pure. */
double stability_index(const uint64_t *before, const uint64_t *now, size_t count);
/* What chance alone gives on average: (count − 1) · (1/n_before + 1/n_now), as the index is about a
 * chi-squared variable then (B. Yurdakul, Statistical Properties of PSI, 2018). */
double stability_noise(uint64_t n_before, uint64_t n_now, size_t count);
