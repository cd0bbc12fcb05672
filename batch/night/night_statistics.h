/* Is a count of today more than chance? Exact tests for counts, so that small volumes do not cry
 * wolf, and the population stability index. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* P(X ≥ k) for X ~ Binomial(n, p): I_p(k, n − k + 1), the regularised incomplete beta function, by
 * its continued fraction (DLMF 8.17.22, evaluated by the modified Lentz method). */
double night_binomial_tail(uint64_t k, uint64_t n, double p);

/* The chance that a rate which did not change gives k of n or more today, after k_before of
 * n_before: under that hypothesis and given the sum of both counts, k is binomial (J. Przyborowski,
 * H. Wilenski, Biometrika 31, 1940). n and n_before may be any measures of exposure. */
double night_chance_of_rise(uint64_t k, uint64_t n, uint64_t k_before, uint64_t n_before);
/* The same for k or fewer. */
double night_chance_of_fall(uint64_t k, uint64_t n, uint64_t k_before, uint64_t n_before);

/* Σ (a − b) · ln(a / b) over the shares of both sides in each of `count` bins; half a count is
 * added to every bin, so that an empty one does not give infinity. 0 if one side is empty. Below
 * 0.1 counts as stable, above 0.25 as a shift (N. Siddiqi, Credit Risk Scorecards, 2006). */
double night_stability_index(const uint64_t *before, const uint64_t *now, size_t count);
/* What chance alone gives on average: (count − 1) · (1/n_before + 1/n_now), as the index is about a
 * chi-squared variable then (B. Yurdakul, Statistical Properties of PSI, 2018). */
double night_stability_noise(uint64_t n_before, uint64_t n_now, size_t count);
