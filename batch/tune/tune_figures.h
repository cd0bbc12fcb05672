/* What a setting comes to in each part of the training range. */
#pragma once

#include "tune_problem.h"

struct tune_figures {
    uint64_t alerts, caught, false_alerts, declined_wrongly;
    report_sum caught_amount;
};

/* What there is in a part. */
struct tune_totals {
    uint64_t rows, positive;
    report_sum amount; /* of the positive ones */
    double days;
};

static inline struct tune_figures tune_figures_sum(const struct tune_figures figures[TUNE_PARTS]) {
    const struct tune_figures *a = &figures[TUNE_FIT], *b = &figures[TUNE_CHECK];
    return (struct tune_figures){.alerts = a->alerts + b->alerts,
                                 .caught = a->caught + b->caught,
                                 .false_alerts = a->false_alerts + b->false_alerts,
                                 .declined_wrongly = a->declined_wrongly + b->declined_wrongly,
                                 .caught_amount = a->caught_amount + b->caught_amount};
}

static inline struct tune_totals tune_totals_sum(const struct tune_totals totals[TUNE_PARTS]) {
    const struct tune_totals *a = &totals[TUNE_FIT], *b = &totals[TUNE_CHECK];
    return (struct tune_totals){.rows = a->rows + b->rows,
                                .positive = a->positive + b->positive,
                                .amount = a->amount + b->amount,
                                .days = a->days + b->days};
}
