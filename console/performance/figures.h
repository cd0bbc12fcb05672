/* How good verdicts were, from rows and amounts by class and verdict. An alert is any verdict but
 * approve. Fraud and chargeback are positive; legit and no outcome are negative; a suspected one is
 * left out. Shares have Wilson's interval; sums, ratios of it and differences have the intervals of
 * the replay report (batch/report). */
#pragma once

#include "batch/report/report_curve.h"
#include "sums.h"

struct figure {
    bool is_known;
    double value, low, high;
};

struct money_figure {
    report_sum minor;
    double half; /* of the interval */
};

struct figures {
    uint64_t transactions, verdicts[VERDICT_COUNT];
    uint64_t with_outcome, suspected, fraud, legit;
    uint64_t caught, missed, false_alarms; /* rows */
    struct report_share precision, recall, alerts;
    struct figure alarms_per_fraud; /* false alarms for each fraud caught */
    struct money_figure caught_money, missed_money;
    struct money_figure stopped_wrongly; /* declined, and not fraud */
};
struct figures figures_of(const struct sums *sums);

/* Of two arms, whose transactions are different ones: the second less the first. */
struct arm_difference {
    struct report_share alerts, declines, recall, precision;
    struct figure net; /* caught less stopped wrongly, minor units for each transaction */
};
struct arm_difference figures_between_arms(const struct sums *first, const struct sums *second);

/* Of a shadow policy and what was decided, over the same transactions: pair by pair, so that what
 * both have in common does not blur the difference. Refused ones are left out. */
struct shadow_comparison {
    uint64_t refused;
    struct sums live, shadow;
    struct figure alerts, declines, recall; /* shadow less live, as shares */
    struct figure net;                      /* as above, but the whole sum */
};
void figures_of_shadow(const struct joint_sums *joint, struct shadow_comparison *ret_comparison);
