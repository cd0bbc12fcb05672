/* Retries while a server is unreachable: the same request after growing pauses, until a time limit.
 * Sending again is safe: a server takes each transaction and outcome once. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/error.h"
#include "progress_bar.h"

#include <stdbool.h>
#include <stdint.h>

struct retry {
    const char *address;      /* for messages */
    uint64_t for_us;          /* how long a server may be unreachable */
    struct progress_bar *bar; /* wiped before a message; may be NULL */
    bool quiet;
    uint64_t away_since_us; /* 0: the last request was answered */
    uint64_t pause_us;
};

/* Would the same request possibly be answered later? */
bool retry_is_worthwhile(enum harrier_error_code code);

/* A request failed but may succeed later: prints that once, sleeps, returns 0 to try again.
 * ERROR_UNAVAILABLE: the time limit is over. ERROR_INTERRUPTED: bar->stop was set. */
int retry_pause(struct retry *retry, const struct harrier_error *why, struct error *ret_error);

/* retry_pause() or, where the same request will not be answered later, retry_failure(): 0 to try
 * again, or the negative code. */
int retry_or_fail(struct retry *retry, const struct harrier_error *failure,
                  struct error *ret_error);

/* A request was answered. */
void retry_answered(struct retry *retry);

/* A failure that is not worth repeating, as ours: returns the negative code. */
int retry_failure(const char *address, const struct harrier_error *failure,
                  struct error *ret_error);

/* A client's error as one of the core's. */
enum error_code retry_error_code(enum harrier_error_code code);
