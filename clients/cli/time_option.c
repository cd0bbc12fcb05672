#include "time_option.h"

#include "timestamp.h"

#include <string.h>

int64_t time_option_parse(const char *name, const char *value, struct argp_state *state) {
    const struct timestamp_format format = {.kind = TIMESTAMP_RFC3339};
    char midnight[32] = "0000-00-00T00:00:00Z";
    struct error error;
    int64_t us = 0;
    struct text time = text_of(value);
    if (time.length == strlen("2026-01-31")) {
        memcpy(midnight, time.data, time.length);
        time = text_of(midnight);
    }
    if (timestamp_parse(time, &format, &us, &error) < 0)
        argp_error(state,
                   "--%s: \"%s\" is no time; expected for example 2026-01-31 or "
                   "2026-01-31T18:00:00Z",
                   name, value);
    return us;
}
