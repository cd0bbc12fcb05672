#include "figures.h"

#include <math.h>

/* Sums of a value over rows: n, Σx, Σx². */
struct moments {
    uint64_t rows;
    report_sum sum, squares;
};

static void add_moments(struct moments *to, const struct report_cell *cell, int sign) {
    to->rows += cell->rows;
    to->sum += sign * cell->amount;
    to->squares += sign != 0 ? cell->squares : 0;
}

/* Each row counts as sign. */
static void add_rows(struct moments *to, const struct report_cell *cell, int sign) {
    to->rows += cell->rows;
    to->sum += sign * (report_sum)cell->rows;
    to->squares += sign != 0 ? (report_sum)cell->rows : 0;
}

static double half_of(const struct moments *moments) {
    return report_sum_half(moments->rows, moments->sum, moments->squares);
}

static struct money_figure money_of(const struct moments *moments) {
    return (struct money_figure){.minor = moments->sum, .half = half_of(moments)};
}

/* What a verdict earns with a row: its amount, if it stopped a fraud; less, if it stopped another.
 */
static int sign_of(enum report_class class, enum verdict verdict) {
    if (class == REPORT_POSITIVE)
        return report_is_alert(verdict);
    return verdict == VERDICT_DECLINE ? -1 : 0;
}

/* ---- one side ---- */

static void count_cell(struct figures *figures, const struct report_cell *cell,
                       enum report_class class, enum verdict verdict) {
    figures->transactions += cell->rows;
    figures->verdicts[verdict] += cell->rows;
    figures->with_outcome += class != REPORT_UNKNOWN ? cell->rows : 0;
    figures->suspected += class == REPORT_SUSPECTED ? cell->rows : 0;
    figures->legit += class == REPORT_NEGATIVE ? cell->rows : 0;
    if (class == REPORT_POSITIVE) {
        figures->fraud += cell->rows;
        *(report_is_alert(verdict) ? &figures->caught : &figures->missed) += cell->rows;
    } else if (report_class_counts(class) && report_is_alert(verdict)) {
        figures->false_alarms += cell->rows;
    }
}

/* The ratio of the two parts of precision; so is its interval. */
static struct figure alarms_per_fraud(const struct figures *figures) {
    const struct report_share *precision = &figures->precision;
    if (figures->caught == 0)
        return (struct figure){0};
    return (struct figure){.is_known = true,
                           .value = (double)figures->false_alarms / (double)figures->caught,
                           .low = (1 - precision->high) / precision->high,
                           .high = (1 - precision->low) / precision->low};
}

struct figures figures_of(const struct sums *sums) {
    struct figures figures = {0};
    struct moments caught = {0}, missed = {0}, wrongly = {0};
    for (enum report_class class = 0; class < REPORT_CLASSES; class ++)
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++) {
            const struct report_cell *cell = &sums->cells[class][verdict];
            bool is_positive = class == REPORT_POSITIVE, is_alert = report_is_alert(verdict);
            count_cell(&figures, cell, class, verdict);
            if (!report_class_counts(class))
                continue;
            add_moments(&caught, cell, is_positive && is_alert);
            add_moments(&missed, cell, is_positive && !is_alert);
            add_moments(&wrongly, cell, !is_positive && verdict == VERDICT_DECLINE);
        }
    figures.precision = report_share(figures.caught, figures.caught + figures.false_alarms);
    figures.recall = report_share(figures.caught, figures.fraud);
    figures.alerts = report_share(figures.transactions - figures.verdicts[VERDICT_APPROVE],
                                  figures.transactions);
    figures.alarms_per_fraud = alarms_per_fraud(&figures);
    figures.caught_money = money_of(&caught);
    figures.missed_money = money_of(&missed);
    figures.stopped_wrongly = money_of(&wrongly);
    return figures;
}

/* ---- two arms ---- */

static struct moments net_of(const struct sums *sums) {
    struct moments net = {0};
    for (enum report_class class = 0; report_class_counts(class); class ++)
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
            add_moments(&net, &sums->cells[class][verdict], sign_of(class, verdict));
    return net;
}

struct arm_difference figures_between_arms(const struct sums *first, const struct sums *second) {
    struct figures a = figures_of(first), b = figures_of(second);
    struct moments net_a = net_of(first), net_b = net_of(second);
    struct arm_difference difference = {
        .alerts = report_difference(a.alerts, b.alerts),
        .declines = report_difference(report_share(a.verdicts[VERDICT_DECLINE], a.transactions),
                                      report_share(b.verdicts[VERDICT_DECLINE], b.transactions)),
        .recall = report_difference(a.recall, b.recall),
        .precision = report_difference(a.precision, b.precision),
    };
    if (net_a.rows > 0 && net_b.rows > 0) {
        double n_a = (double)net_a.rows, n_b = (double)net_b.rows;
        double value = (double)net_b.sum / n_b - (double)net_a.sum / n_a;
        double half = hypot(half_of(&net_a) / n_a, half_of(&net_b) / n_b);
        difference.net = (struct figure){
            .is_known = true, .value = value, .low = value - half, .high = value + half};
    }
    return difference;
}

/* ---- a shadow policy ---- */

static struct figure mean_of(const struct moments *moments) {
    if (moments->rows == 0)
        return (struct figure){0};
    double n = (double)moments->rows, value = (double)moments->sum / n, half = half_of(moments) / n;
    return (struct figure){
        .is_known = true, .value = value, .low = value - half, .high = value + half};
}

static struct figure sum_of(const struct moments *moments) {
    double value = (double)moments->sum, half = half_of(moments);
    return (struct figure){
        .is_known = moments->rows > 0, .value = value, .low = value - half, .high = value + half};
}

static void add_to(struct report_cell *to, const struct report_cell *cell) {
    to->rows += cell->rows;
    to->amount += cell->amount;
    to->squares += cell->squares;
}

void figures_of_shadow(const struct joint_sums *joint, struct shadow_comparison *ret_comparison) {
    struct shadow_comparison found = {0};
    struct moments alerts = {0}, declines = {0}, recall = {0}, net = {0};
    for (enum report_class class = 0; class < REPORT_CLASSES; class ++)
        for (enum verdict live = VERDICT_APPROVE; live < VERDICT_COUNT; live++) {
            found.refused += joint->cells[class][joint_verdict(live, VERDICT_NONE)].rows;
            for (enum verdict shadow = VERDICT_APPROVE; shadow < VERDICT_COUNT; shadow++) {
                const struct report_cell *cell = &joint->cells[class][joint_verdict(live, shadow)];
                int more = report_is_alert(shadow) - report_is_alert(live);
                add_to(&found.live.cells[class][live], cell);
                add_to(&found.shadow.cells[class][shadow], cell);
                add_rows(&alerts, cell, more);
                add_rows(&declines, cell, (shadow == VERDICT_DECLINE) - (live == VERDICT_DECLINE));
                if (class == REPORT_POSITIVE)
                    add_rows(&recall, cell, more);
                if (report_class_counts(class))
                    add_moments(&net, cell, sign_of(class, shadow) - sign_of(class, live));
            }
        }
    found.alerts = mean_of(&alerts);
    found.declines = mean_of(&declines);
    found.recall = mean_of(&recall);
    found.net = sum_of(&net);
    *ret_comparison = found;
}
