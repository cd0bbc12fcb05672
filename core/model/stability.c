#include "stability.h"

#include <math.h>

static double total_of(const uint64_t *counts, size_t count) {
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += (double)counts[i];
    return total;
}

double stability_index(const uint64_t *before, const uint64_t *now, size_t count) {
    double n_before = total_of(before, count), n_now = total_of(now, count), index = 0;
    if (n_before <= 0 || n_now <= 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        double b = ((double)before[i] + 0.5) / (n_before + 0.5 * (double)count);
        double a = ((double)now[i] + 0.5) / (n_now + 0.5 * (double)count);
        index += (a - b) * log(a / b);
    }
    return index;
}

double stability_noise(uint64_t n_before, uint64_t n_now, size_t count) {
    if (n_before == 0 || n_now == 0 || count < 2)
        return 0;
    return (double)(count - 1) * (1 / (double)n_before + 1 / (double)n_now);
}
