/* Why a request is not allowed. */
#pragma once

/* Why a request is denied: what metrics and the log call it. */
enum denial {
    DENIAL_NONE,
    DENIAL_MISSING,
    DENIAL_MALFORMED, /* no token of ours at all */
    DENIAL_UNKNOWN,   /* no such id, or another secret */
    DENIAL_EXPIRED,
    DENIAL_SCOPE, /* it is for other calls */
    DENIAL_COUNT
};
const char *denial_name(enum denial denial); /* "missing", "malformed", … */
