/* Reports outcomes and amendments, and sends history, to a server, patiently, and counts what came
 * of them. */
#pragma once

#include "clients/c/harrier_analyst.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/terminal/retry.h"
#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define REPORTS_MAX 1000 /* of one call */

struct report_counts {
    uint64_t accepted, changed;
};

struct report_sender {
    struct harrier_client *client;
    struct retry *retry;
    struct row_errors *diagnostics;
    uint64_t deadline_us;
    struct report_counts outcomes, amendments; /* of a backfill, changed: those recorded */
    struct report_counts transactions;         /* of a backfill; changed: those whose id was new */
    struct harrier_amended last; /* what the amendment that was accepted last has made of it */
};

/* All block until each of the *count (1 to REPORTS_MAX) reports was accepted or refused. Refused
 * ones go to `diagnostics` with their rows; the arrays are changed. They fail as retry_pause()
 * does, when the call as a whole is refused, or when a refused row cannot be kept: then the first
 * *count are those that are not known to be done. */
int report_sender_outcomes(struct report_sender *sender, struct harrier_outcome *outcomes,
                           struct row_original *rows, size_t *count, struct error *ret_error);
int report_sender_amendments(struct report_sender *sender, struct harrier_amendment *amendments,
                             struct row_original *rows, size_t *count, struct error *ret_error);
int report_sender_backfill(struct report_sender *sender, struct harrier_backfill_item *items,
                           struct row_original *rows, size_t *count, struct error *ret_error);
