/* What ranking_metrics.h needs to know of a transaction. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RANKING_SIDES    2
#define RANKING_ROWS_MAX (UINT32_MAX - 1)

struct ranking_row {
    int64_t day;                  /* since 1970-01-01, UTC, of the event time */
    uint64_t card;                /* a hash of it; without has_card: unused */
    int64_t amount_minor;         /* 0 without one; not negative */
    double scores[RANKING_SIDES]; /* finite; the second is unused if there is one side */
    bool positive, has_card;
};
