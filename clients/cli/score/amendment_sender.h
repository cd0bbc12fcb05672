/* Reports amendments to a server, patiently, and counts what came of it. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/terminal/retry.h"
#include "core/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define AMENDMENTS_MAX 1000 /* of one call */

struct amendment_sender {
    struct harrier_client *client;
    struct retry *retry;
    struct row_errors *diagnostics;
    uint64_t deadline_us;
    uint64_t accepted, changed;
    struct harrier_amended last; /* what the one that was accepted last has made of it */
};

/* As outcome_sender_send(). */
int amendment_sender_send(struct amendment_sender *sender, struct harrier_amendment *amendments,
                          struct row_original *rows, size_t *count, struct error *ret_error);
