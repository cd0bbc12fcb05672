#include "night_share.h"

#include "night_statistics.h"

#define BEYOND 1.3 /* times the highest day, or a part of the lowest one */

void night_share_add_day(struct night_share *share, uint64_t k, uint64_t n) {
    if (n == 0)
        return;
    double of_day = (double)k / (double)n;
    if (share->days == 0 || of_day < share->least)
        share->least = of_day;
    if (share->days == 0 || of_day > share->most)
        share->most = of_day;
    share->days++;
    share->k_before += k;
    share->n_before += n;
}

double night_share_now(const struct night_share *share) {
    return share->n > 0 ? (double)share->k / (double)share->n : 0;
}

double night_share_before(const struct night_share *share) {
    return share->n_before > 0 ? (double)share->k_before / (double)share->n_before : 0;
}

bool night_share_rose(const struct night_share *share, double times, double chance) {
    return share->days >= 2 && share->n > 0 &&
           night_share_now(share) > times * night_share_before(share) &&
           night_share_now(share) > BEYOND * share->most &&
           night_chance_of_rise(share->k, share->n, share->k_before, share->n_before) < chance;
}

bool night_share_fell(const struct night_share *share, double times, double chance) {
    return share->days >= 2 && share->n > 0 &&
           night_share_now(share) * times < night_share_before(share) &&
           night_share_now(share) * BEYOND < share->least &&
           night_chance_of_fall(share->k, share->n, share->k_before, share->n_before) < chance;
}
