#include "night_statistics.h"

#include <math.h>

#define TINY      1e-300
#define PRECISION 1e-14
#define STEPS_MAX 100000

/* The continued fraction of the incomplete beta function, for x below the mean. */
static double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double h = d;
    for (int m = 1; m < STEPS_MAX; m++) {
        for (int odd = 0; odd < 2; odd++) {
            double factor = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                                : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + factor * d;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            c = 1 + factor / c;
            c = fabs(c) < TINY ? TINY : c;
            h *= c * d;
        }
        if (fabs(c * d - 1) < PRECISION)
            break;
    }
    return h;
}

static double log_gamma(double x) {
    int sign; /* lgamma() would write to a global */
    return lgamma_r(x, &sign);
}

/* I_x(a, b) */
static double beta_regularised(double a, double b, double x) {
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double factor =
        exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return factor * beta_fraction(a, b, x) / a;
    return 1 - factor * beta_fraction(b, a, 1 - x) / b;
}

double night_binomial_tail(uint64_t k, uint64_t n, double p) {
    if (k == 0)
        return 1;
    if (k > n)
        return 0;
    return beta_regularised((double)k, (double)(n - k) + 1, p);
}

double night_chance_of_rise(uint64_t k, uint64_t n, uint64_t k_before, uint64_t n_before) {
    if (n == 0 || n_before == 0)
        return 1;
    return night_binomial_tail(k, k + k_before, (double)n / ((double)n + (double)n_before));
}

double night_chance_of_fall(uint64_t k, uint64_t n, uint64_t k_before, uint64_t n_before) {
    return night_chance_of_rise(k_before, n_before, k, n);
}
