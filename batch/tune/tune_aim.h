/* What a setting is worth. Everything is a share of what there is to catch, so that frauds and
 * money, long and short ranges are treated alike. */
#pragma once

#include "tune_figures.h"

#define TUNE_NO_LIMIT (-1.0)

struct tune_aim {
    bool by_amount;           /* catch most money, not most frauds */
    bool fewest_alerts;       /* for a recall that is given: not to catch more, but to alert less */
    bool at_present_rate;     /* no more alerts than the present setting has */
    double alerts_per_day;    /* at most; here and below, TUNE_NO_LIMIT: any */
    double precision, recall; /* at least */
    double missed_per_day;    /* money, minor units, at most */
};

struct tune_scale {
    struct tune_aim aim;
    struct tune_totals totals[TUNE_PARTS];
    struct tune_figures present[TUNE_PARTS];
};

/* How much of the fraud is caught, less `price` frauds for each alert. TUNE_PARTS: of both parts.
 */
double tune_priced(const struct tune_scale *scale, const struct tune_figures figures[TUNE_PARTS],
                   enum tune_part part, double price);
/* By how much it misses the constraints, relative to them; 0: it meets them. */
double tune_excess(const struct tune_scale *scale, const struct tune_figures figures[TUNE_PARTS],
                   enum tune_part part);
/* What is aimed for, less a large multiple of the excess, and for each alert less a twentieth of
 * what one catches at present: an alert that catches nothing is not for free. */
double tune_worth(const struct tune_scale *scale, const struct tune_figures figures[TUNE_PARTS],
                  enum tune_part part);
/* On the whole training range, and on its last part by itself. */
bool tune_is_feasible(const struct tune_scale *scale,
                      const struct tune_figures figures[TUNE_PARTS]);
/* No part has more wrong declines than the present setting. */
bool tune_is_harmless(const struct tune_scale *scale,
                      const struct tune_figures figures[TUNE_PARTS]);
