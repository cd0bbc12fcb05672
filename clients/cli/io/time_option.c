/* Values that are points or lengths of time, for options only. Days are days in UTC: what a
 * report covers must not depend on where it is run. */
#include "time_option.h"

#include "clients/cli/terminal/quantity.h"
#include "core/policy/lists/list_entry.h"
#include "timestamp.h"

#include <string.h>

/* As long as a feature's window, at most; what is to last longer has no end. */
#define FOR_LEAST_US INT64_C(1000000)
#define FOR_MOST_US  (INT64_C(3660) * 86400 * 1000000)

bool time_text_parse(const char *text, int64_t *ret_us) {
    const struct timestamp_format format = {.kind = TIMESTAMP_RFC3339};
    char midnight[32] = "0000-00-00T00:00:00Z";
    struct error ignored;
    struct text time = text_of(text);
    if (time.length == strlen("2026-01-31")) {
        memcpy(midnight, time.data, time.length);
        time = text_of(midnight);
    }
    return timestamp_parse(time, &format, ret_us, &ignored) >= 0;
}

int64_t time_option_parse(const char *name, const char *value, struct argp_state *state) {
    int64_t us = 0;
    if (!time_text_parse(value, &us))
        argp_error(state,
                   "--%s: \"%s\" is not a time; expected for example 2026-01-31 or "
                   "2026-01-31T18:00:00Z",
                   name, value);
    return us;
}

void range_option_parse(const char *name, const char *value, struct argp_state *state,
                        int64_t *ret_from_us, int64_t *ret_until_us) {
    const char *dots = strstr(value, "..");
    char from[64];
    size_t length = dots ? (size_t)(dots - value) : 0;
    if (!dots || length == 0 || length >= sizeof from || dots[2] == '\0')
        argp_error(state,
                   "--%s: \"%s\" is not a range; expected for example 2026-01-01..2026-03-01", name,
                   value);
    memcpy(from, value, length);
    from[length] = '\0';
    *ret_from_us = time_option_parse(name, from, state);
    *ret_until_us = time_option_parse(name, dots + 2, state);
    if (*ret_from_us >= *ret_until_us)
        argp_error(state, "--%s: %s does not end after it begins", name, value);
}

void time_range_check(const char *from_name, int64_t from_us, const char *until_name,
                      int64_t until_us, const struct argp_state *state) {
    if (from_us >= until_us)
        argp_error(state, "%s is not after %s: the range is empty", until_name, from_name);
}

int64_t for_option_parse(const char *value, struct argp_state *state) {
    int64_t us = 0;
    if (!quantity_parse_duration(value, &us) || us < FOR_LEAST_US || us > FOR_MOST_US)
        argp_error(state,
                   "--for: \"%s\" is not a duration from 1s to 3660d (for example 12h or 7d; leave "
                   "it out for no end)",
                   value);
    return us;
}

int64_t until_option_parse(const char *value, struct argp_state *state) {
    int64_t us = 0;
    if (!list_until_parse(text_of(value), &us))
        argp_error(state,
                   "--until: \"%s\" is not a date (expected for example 2027-01-31, or "
                   "2027-01-31T18:00:00Z)",
                   value);
    return us;
}
