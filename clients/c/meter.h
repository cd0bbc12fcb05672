/* Hands a client's figures to the user's metrics hook. Names and labels are those of
 * clients/README.md. Figures are noted under the client's mutex and told without it, in their
 * order, by one thread at a time. */
#pragma once

#include "harrier.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct meter_note; /* one figure */

struct meter {
    bool on; /* there is a hook; without, noting does nothing */
    struct harrier_metrics hook;
    struct meter_note *notes;
    size_t count, capacity;
    bool telling;
};

void meter_init(struct meter *meter, const struct harrier_metrics *hook);
void meter_deinit(struct meter *meter);

/* The strings are not copied: literals, and addresses that live as long as the client. */
void meter_count(struct meter *meter, const char *name, double amount, const char *label,
                 const char *value);
void meter_called(struct meter *meter, const char *call, const char *result, double seconds);
void meter_observe(struct meter *meter, const char *name, double value);
void meter_set(struct meter *meter, const char *name, double value, const char *label,
               const char *label_value);

/* Tells what was noted; the mutex is held before and after, and given up while it does. */
void meter_report(struct meter *meter, pthread_mutex_t *mutex);
