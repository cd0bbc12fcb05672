/* Why a request's token was not accepted: the label in metrics and the word in the log. */
#pragma once

enum denial {
    DENIAL_NONE,
    DENIAL_MISSING,
    DENIAL_MALFORMED, /* not of our tokens' form */
    DENIAL_UNKNOWN,   /* no token with this id, or the wrong secret */
    DENIAL_EXPIRED,
    DENIAL_SCOPE, /* the token does not allow the call */
    DENIAL_COUNT
};
const char *denial_name(enum denial denial); /* "missing", "malformed", … */
