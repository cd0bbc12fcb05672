#include "row_reports.h"

#include "clients/cli/io/row_transaction.h"

static int plan_outcome(struct row_reports *reports, struct due_outcomes *due,
                        const struct mapping *mapping, const struct row *row, struct text id,
                        enum label label, bool waits, struct text *ret_field,
                        struct error *ret_error) {
    int64_t time_us;
    int r = label != LABEL_NONE && waits
                ? row_outcome_time(mapping, row, &time_us, ret_field, ret_error)
                : 0;
    if (r == 0) /* it has no time, or none that counts */
        reports->label = label;
    if (r <= 0)
        return r;
    return due_outcomes_add(due, id, label, time_us, &row->original, &reports->outcome_number,
                            ret_error);
}

static int plan_amendment(struct row_reports *reports, struct due_outcomes *due,
                          const struct row *row, const struct amendment *amendment, bool waits,
                          struct error *ret_error) {
    if (amendment->kind != AMENDMENT_NONE && amendment->known_time_us && waits)
        return due_outcomes_add_amendment(due, amendment, &row->original,
                                          &reports->amendment_number, ret_error);
    reports->amendment =
        (struct harrier_amendment){.kind = (enum harrier_amendment_kind)amendment->kind,
                                   .amount_minor = amendment->amount_minor,
                                   .known_time_us = amendment->known_time_us};
    return 0;
}

int row_reports_plan(struct row_reports *reports, struct due_outcomes *due,
                     const struct mapping *mapping, const struct row *row, struct text id,
                     enum label label, const struct amendment *amendment, bool waits,
                     struct text *ret_field, struct error *ret_error) {
    *reports = row_reports_none();
    int r = plan_outcome(reports, due, mapping, row, id, label, waits, ret_field, ret_error);
    if (r == 0)
        r = plan_amendment(reports, due, row, amendment, waits, ret_error);
    if (r < 0)
        row_reports_withdraw(reports, due);
    return r;
}

void row_reports_withdraw(const struct row_reports *reports, struct due_outcomes *due) {
    if (reports->outcome_number != NOT_WAITING)
        due_outcomes_withdraw(due, reports->outcome_number);
    if (reports->amendment_number != NOT_WAITING)
        due_outcomes_withdraw(due, reports->amendment_number);
}
