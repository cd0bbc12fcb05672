/* The pause doubles from 50 ms to 2 s and is cut into slices, so that an interrupt is noticed
 * soon. Messages are printed when the server goes away and when it is back, not at each attempt.
 * What is sent again is the caller's business. */
#include "retry.h"

#include "clock.h"
#include "quantity.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define PAUSE_FIRST_US 50000
#define PAUSE_MAX_US   2000000
#define SLICE_US       50000 /* how soon an interrupt is seen */

bool retry_is_worthwhile(enum harrier_error_code code) {
    return code == HARRIER_ERROR_UNAVAILABLE || code == HARRIER_ERROR_DEADLINE ||
           code == HARRIER_ERROR_OVERLOADED;
}

/* The flag is reached through the bar, which every command with a retry has. */
static bool is_interrupted(const struct retry *retry) {
    return retry->bar && retry->bar->stop && *retry->bar->stop;
}

static void say(struct retry *retry, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* In the form of all messages: "harrier: ADDRESS: text". */
static void say(struct retry *retry, const char *format, ...) {
    va_list arguments;
    if (retry->quiet)
        return;
    if (retry->bar)
        progress_bar_clear(retry->bar);
    fprintf(stderr, "harrier: %s: ", retry->address);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static void say_away(struct retry *retry, const struct harrier_error *why) {
    char period[QUANTITY_DURATION_SIZE];
    say(retry, "%s; trying again for %s", why->message,
        quantity_format_duration(retry->for_us, period));
}

static void sleep_us(uint64_t us) {
    struct timespec pause = {.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
    nanosleep(&pause, NULL);
}

int retry_pause(struct retry *retry, const struct harrier_error *why, struct error *ret_error) {
    uint64_t now = monotonic_us();
    char period[QUANTITY_DURATION_SIZE];
    if (retry->away_since_us == 0) {
        retry->away_since_us = now;
        retry->pause_us = PAUSE_FIRST_US;
        if (retry->for_us > 0)
            say_away(retry, why);
    }
    uint64_t away_us = now - retry->away_since_us;
    if (retry->for_us == 0) /* it was asked once, however long that took */
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s: no answer: %s", retry->address,
                         why->message);
    if (away_us >= retry->for_us)
        return error_set(ret_error, ERROR_UNAVAILABLE, "%s: no answer for %s: %s", retry->address,
                         quantity_format_duration(away_us, period), why->message);
    uint64_t pause = retry->pause_us;
    if (pause > retry->for_us - away_us)
        pause = retry->for_us - away_us;
    for (uint64_t slept = 0; slept < pause && !is_interrupted(retry); slept += SLICE_US)
        sleep_us(pause - slept < SLICE_US ? pause - slept : SLICE_US);
    if (is_interrupted(retry))
        return error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
    retry->pause_us = retry->pause_us * 2 > PAUSE_MAX_US ? PAUSE_MAX_US : retry->pause_us * 2;
    return 0;
}

void retry_answered(struct retry *retry) {
    char period[QUANTITY_DURATION_SIZE];
    if (retry->away_since_us == 0)
        return;
    uint64_t away_us = monotonic_us() - retry->away_since_us;
    retry->away_since_us = 0;
    say(retry, "answers again after %s", quantity_format_duration(away_us, period));
}

enum error_code retry_error_code(enum harrier_error_code code) {
    switch (code) {
    case HARRIER_ERROR_INVALID:
        return ERROR_INVALID;
    case HARRIER_ERROR_UNSUPPORTED:
        return ERROR_UNSUPPORTED;
    case HARRIER_ERROR_NOT_FOUND:
        return ERROR_NOT_FOUND;
    case HARRIER_ERROR_ID_CONFLICT:
        return ERROR_ID_CONFLICT;
    case HARRIER_ERROR_TOO_LARGE:
        return ERROR_TOO_LARGE;
    case HARRIER_ERROR_DEADLINE:
        return ERROR_DEADLINE;
    case HARRIER_ERROR_UNAVAILABLE:
    case HARRIER_ERROR_BUSY:
    case HARRIER_ERROR_CLOSED:
        return ERROR_UNAVAILABLE;
    case HARRIER_ERROR_DENIED:
        return ERROR_DENIED;
    case HARRIER_ERROR_OVERLOADED:
        return ERROR_OVERLOADED;
    case HARRIER_OK:
    case HARRIER_ERROR_INTERNAL:
    case HARRIER_ERROR_PROTOCOL:
        break;
    }
    return ERROR_INTERNAL;
}

int retry_failure(const char *address, const struct harrier_error *failure,
                  struct error *ret_error) {
    return error_set(ret_error, retry_error_code(failure->code), "%s: %s", address,
                     failure->message);
}

int retry_or_fail(struct retry *retry, const struct harrier_error *failure,
                  struct error *ret_error) {
    if (!retry_is_worthwhile(failure->code))
        return retry_failure(retry->address, failure, ret_error);
    return retry_pause(retry, failure, ret_error);
}
