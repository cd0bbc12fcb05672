/* Is a count of today more than chance? Exact tests for counts, so that small volumes do not cry
 * wolf. */
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
