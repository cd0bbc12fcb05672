#include "tune_document.h"

#include "batch/tune/tune_aim.h"
#include "clients/cli/io/money.h"

void tune_side_figures(const struct tune_document *document, enum report_side side,
                       struct tune_figures *ret_figures, struct tune_totals *ret_totals) {
    const struct report_figures *figures = document->confirmed.figures;
    const struct report_side_tally *tally = &figures->tally.sides[side];
    struct report_detection detection = report_detection(tally, 0);
    *ret_figures = (struct tune_figures){.alerts = figures->transactions -
                                                   report_verdict_rows(tally, VERDICT_APPROVE),
                                         .caught = detection.true_positive,
                                         .false_alerts = detection.false_positive,
                                         .caught_amount = detection.caught};
    for (enum report_class class = 0; report_class_counts(class); class ++)
        if (class != REPORT_POSITIVE)
            ret_figures->declined_wrongly += tally->cells[class][VERDICT_DECLINE].rows;
    *ret_totals =
        (struct tune_totals){.rows = figures->transactions,
                             .positive = detection.true_positive + detection.false_negative,
                             .amount = detection.caught + detection.missed,
                             .days = document->confirmed.days};
}

/* The test range is taken as one part. */
bool tune_reaches_aim(const struct tune_document *document) {
    struct tune_scale scale = {.aim = *document->aim};
    struct tune_figures tuned[TUNE_PARTS] = {0};
    tune_side_figures(document, REPORT_AGAINST, &scale.present[TUNE_FIT], &scale.totals[TUNE_FIT]);
    tune_side_figures(document, REPORT_REPLAYED, &tuned[TUNE_FIT], &scale.totals[TUNE_FIT]);
    return tune_excess(&scale, tuned, TUNE_FIT) == 0;
}

void tune_aim_words(const struct tune_document *document, struct buffer *out) {
    const struct tune_aim *aim = document->aim;
    const struct schema *schema = &document->policy->schema;
    const char *separator = " with";
    char money[MONEY_SIZE];
    buffer_append_string(out, aim->fewest_alerts ? "fewest alerts"
                              : aim->by_amount   ? "most fraud money caught"
                                                 : "most frauds caught");
    if (aim->at_present_rate)
        buffer_append_string(out, " with no more alerts than the present policy");
    if (aim->precision >= 0) {
        buffer_printf(out, "%s a precision of at least %.4g", separator, aim->precision);
        separator = ",";
    }
    if (aim->recall >= 0) {
        buffer_printf(out, "%s a recall of at least %.4g", separator, aim->recall);
        separator = ",";
    }
    if (aim->alerts_per_day >= 0) {
        buffer_printf(out, "%s at most %.6g alerts a day", separator, aim->alerts_per_day);
        separator = ",";
    }
    if (aim->missed_per_day >= 0)
        buffer_printf(
            out, "%s at most %s %s missed a day", separator,
            money_format((int64_t)aim->missed_per_day, text_of(schema->base_currency), money),
            schema->base_currency);
}
