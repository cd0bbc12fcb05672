#include "clients/c/base/clock.h"

#include "core/base/check.h"

#include <errno.h>
#include <time.h>

int64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The default clock of a condition is CLOCK_REALTIME, with which a timed wait would end early or
 * late when the wall clock is set. */
void condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    check(pthread_condattr_init(&attributes) == 0);
    check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(condition, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us) {
    if (until_us == INT64_MAX)
        return pthread_cond_wait(condition, mutex) == 0;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    return pthread_cond_timedwait(condition, mutex, &until) != ETIMEDOUT;
}
