/* Times in text → microseconds since 1970-01-01T00:00:00Z. A time without a zone is UTC. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdint.h>

enum timestamp_kind {
    TIMESTAMP_RFC3339,      /* 2018-04-01T00:00:31.250Z; a space for the T and no zone will do */
    TIMESTAMP_UNIX_SECONDS, /* 1522540831 or 1522540831.25 */
    TIMESTAMP_UNIX_MILLISECONDS,
    TIMESTAMP_UNIX_MICROSECONDS,
    TIMESTAMP_PATTERN, /* strptime(3); a fraction may follow a pattern that ends in %S or %T */
};

struct timestamp_format {
    enum timestamp_kind kind;
    const char *pattern; /* TIMESTAMP_PATTERN: the owner of the format keeps it */
};

/* "rfc3339", "unix", "unix_ms", "unix_us", or a pattern with a % in it (kept, not copied). */
int timestamp_format_parse(const char *name, struct timestamp_format *ret_format,
                           struct error *ret_error);

/* ERROR_INVALID says what was expected. Years 1970 to 9999. */
int timestamp_parse(struct text t, const struct timestamp_format *format, int64_t *ret_us,
                    struct error *ret_error);
