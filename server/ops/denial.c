#include "denial.h"

const char *denial_name(enum denial denial) {
    static const char *const names[DENIAL_COUNT] = {
        [DENIAL_NONE] = "",
        [DENIAL_MISSING] = "missing",
        [DENIAL_MALFORMED] = "malformed",
        [DENIAL_UNKNOWN] = "unknown",
        [DENIAL_EXPIRED] = "expired",
        [DENIAL_SCOPE] = "scope",
    };
    return names[denial];
}
