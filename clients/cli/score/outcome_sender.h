/* Reports outcomes to a server, patiently, and counts what came of it. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/terminal/retry.h"
#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define OUTCOMES_MAX 1000 /* of one call */

struct outcome_sender {
    struct harrier_client *client;
    struct retry *retry;
    struct row_errors *diagnostics;
    uint64_t deadline_us;
    uint64_t accepted, changed;
};

/* Blocks until each of the *count (1 to OUTCOMES_MAX) outcomes was accepted or refused. Refused
 * ones go to `diagnostics` with their rows; the arrays are changed. Fails as retry_pause() does,
 * when the call as a whole is refused, or when a refused row cannot be kept: then the first *count
 * are those that are not known to be done. */
int outcome_sender_send(struct outcome_sender *sender, struct harrier_outcome *outcomes,
                        struct row_original *rows, size_t *count, struct error *ret_error);
