#include "tune_aim.h"

#define EXCESS_WEIGHT 1e6  /* nothing that is gained makes up for it */
#define ALERT_PRICE   0.05 /* of what an alert catches at present */

static struct tune_figures figures_of(const struct tune_figures figures[TUNE_PARTS],
                                      enum tune_part part) {
    return part < TUNE_PARTS ? figures[part] : tune_figures_sum(figures);
}

static struct tune_totals totals_of(const struct tune_scale *scale, enum tune_part part) {
    return part < TUNE_PARTS ? scale->totals[part] : tune_totals_sum(scale->totals);
}

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

/* The share of the frauds, or of their money. */
static double share_caught(const struct tune_scale *scale, const struct tune_figures *of,
                           const struct tune_totals *totals) {
    return scale->aim.by_amount ? ratio((double)of->caught_amount, (double)totals->amount)
                                : ratio((double)of->caught, (double)totals->positive);
}

double tune_priced(const struct tune_scale *scale, const struct tune_figures figures[TUNE_PARTS],
                   enum tune_part part, double price) {
    const struct tune_figures of = figures_of(figures, part);
    const struct tune_totals totals = totals_of(scale, part);
    return share_caught(scale, &of, &totals) -
           price * ratio((double)of.alerts, (double)totals.positive);
}

static double over(double value, double most) {
    return value > most ? ratio(value - most, most > 0 ? most : 1) : 0;
}

double tune_excess(const struct tune_scale *scale, const struct tune_figures figures[TUNE_PARTS],
                   enum tune_part part) {
    const struct tune_aim *aim = &scale->aim;
    const struct tune_figures of = figures_of(figures, part),
                              present = figures_of(scale->present, part);
    const struct tune_totals totals = totals_of(scale, part);
    double right = (double)of.caught, flagged = right + (double)of.false_alerts, excess = 0;
    if (aim->at_present_rate)
        excess += over((double)of.alerts, (double)present.alerts);
    if (aim->alerts_per_day >= 0)
        excess += over((double)of.alerts, aim->alerts_per_day * totals.days);
    if (aim->precision >= 0) /* no alert at all is no precision */
        excess += flagged > 0 ? over(aim->precision * flagged, right) : 1;
    if (aim->recall >= 0)
        excess += over(aim->recall * (double)totals.positive, right);
    if (aim->missed_per_day >= 0)
        excess +=
            over((double)(totals.amount - of.caught_amount), aim->missed_per_day * totals.days);
    return excess;
}

/* Frauds caught for each alert, on the whole range. */
static double present_precision(const struct tune_scale *scale) {
    struct tune_figures present = tune_figures_sum(scale->present);
    return ratio((double)present.caught, (double)present.alerts);
}

/* Relative to those at present; where there are none, their number: fewer must still be better. */
static double alert_share(const struct tune_figures *of, const struct tune_figures *present) {
    return (double)of->alerts / (double)(present->alerts > 0 ? present->alerts : 1);
}

double tune_worth(const struct tune_scale *scale, const struct tune_figures figures[TUNE_PARTS],
                  enum tune_part part) {
    const struct tune_figures of = figures_of(figures, part),
                              present = figures_of(scale->present, part);
    double gain = scale->aim.fewest_alerts
                      ? -alert_share(&of, &present)
                      : tune_priced(scale, figures, part, ALERT_PRICE * present_precision(scale));
    double excess = tune_excess(scale, figures, part);
    if (part == TUNE_PARTS) /* as tune_is_feasible() demands */
        excess += tune_excess(scale, figures, TUNE_CHECK);
    return gain - EXCESS_WEIGHT * excess;
}

bool tune_is_feasible(const struct tune_scale *scale,
                      const struct tune_figures figures[TUNE_PARTS]) {
    return tune_excess(scale, figures, TUNE_PARTS) == 0 &&
           tune_excess(scale, figures, TUNE_CHECK) == 0;
}

bool tune_is_harmless(const struct tune_scale *scale,
                      const struct tune_figures figures[TUNE_PARTS]) {
    for (size_t part = 0; part < TUNE_PARTS; part++)
        if (figures[part].declined_wrongly > scale->present[part].declined_wrongly)
            return false;
    return true;
}
