/* The one clock of the library: CLOCK_MONOTONIC in microseconds, which neither NTP nor an operator
 * sets back. Deadlines, back-off and timers are points on it; only what goes into a message
 * (event_time_us, known_time_us) is wall-clock time, and that comes from the caller. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t monotonic_us(void);

/* A condition variable whose timed waits use the same clock. */
void condition_init(pthread_cond_t *condition);

/* Waits until the condition is signalled or until_us (INT64_MAX: no limit) has passed; may also
 * wake up for no reason. Returns false on timeout. */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us);
