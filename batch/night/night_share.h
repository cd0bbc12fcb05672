/* A share of today against those of the week before: is the change more than chance, and more than
 * these days vary among each other? */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A count of today and of each day of the week before, of so many. */
struct night_share {
    uint64_t k, n, k_before, n_before;
    double least, most; /* of a day's share */
    unsigned days;
};

/* A day of the week before; one without any is left out. */
void night_share_add_day(struct night_share *share, uint64_t k, uint64_t n);
double night_share_now(const struct night_share *share);
double night_share_before(const struct night_share *share);

/* Greater by more than `times`, with less than this chance, and well beyond the highest day. */
bool night_share_rose(const struct night_share *share, double times, double chance);
/* Smaller likewise, and well below the lowest day. */
bool night_share_fell(const struct night_share *share, double times, double chance);
