/* What a row reports beside its transaction, and when: right behind the message, or once the file's
 * event time has come. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/io/mapping.h"
#include "clients/cli/rows/rows.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "due_outcomes.h"

#include <stdbool.h>
#include <stdint.h>

#define NOT_WAITING UINT64_MAX

struct row_reports {
    enum label label;                          /* LABEL_NONE: nothing with the message */
    struct harrier_amendment amendment;        /* its kind 0: nothing with the message; no id */
    uint64_t outcome_number, amendment_number; /* of what waits; NOT_WAITING: nothing does */
};

/* Both at most once for each row. waits: what has a time waits for it in *due. label,
 * amendment->kind NONE: the row states none. On failure, nothing of the row waits; errors as those
 * of row_outcome_time() and due_outcomes_add(). */
int row_reports_plan(struct row_reports *reports, struct due_outcomes *due,
                     const struct mapping *mapping, const struct row *row, struct text id,
                     enum label label, const struct amendment *amendment, bool waits,
                     struct text *ret_field, struct error *ret_error);
/* The row has no decision, so nothing waits for its time any more. */
void row_reports_withdraw(const struct row_reports *reports, struct due_outcomes *due);

static inline struct row_reports row_reports_none(void) {
    return (struct row_reports){.outcome_number = NOT_WAITING, .amendment_number = NOT_WAITING};
}
