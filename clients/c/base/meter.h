/* Collects a client's metrics and hands them to the user's hook (struct harrier_metrics).
 *
 * The hook is the user's code, so it must not run under the client's mutex. Values are therefore
 * recorded in a list while the mutex is held, and meter_report() calls the hook for them later
 * without it. One thread reports at a time, so the hook sees the values in the order in which they
 * were recorded. Names and labels are those of clients/README.md. Without a hook, recording does
 * nothing. */
#pragma once

#include "clients/c/harrier.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct meter_sample; /* one recorded value */

struct meter {
    bool on; /* there is a hook */
    struct harrier_metrics hook;
    struct meter_sample *samples;
    size_t count, capacity;
    bool reporting; /* a thread is in meter_report() */
};

void meter_init(struct meter *meter, const struct harrier_metrics *hook); /* hook NULL: off */
void meter_deinit(struct meter *meter);

/* Recording. Mutex held. Strings are not copied: pass literals, or addresses of endpoints, which
 * live as long as the client. label NULL: the metric has none. */
void meter_count(struct meter *meter, const char *name, double amount, const char *label,
                 const char *value);
void meter_observe(struct meter *meter, const char *name, double value);
void meter_set(struct meter *meter, const char *name, double value, const char *label,
               const char *label_value);
/* The two metrics of every finished call: its count by result, and how long it took. */
void meter_called(struct meter *meter, const char *call, const char *result, double seconds);

/* Calls the hook for all that was recorded. The mutex is held on entry and on return, and released
 * in between. */
void meter_report(struct meter *meter, pthread_mutex_t *mutex);
