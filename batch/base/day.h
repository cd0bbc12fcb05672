/* Calendar days (UTC) of times in microseconds. */
#pragma once

#include <stdint.h>

#define DAY_US (INT64_C(86400) * 1000000)

/* Days since 1970-01-01; rounds down before that date, too. */
static inline int64_t day_of_us(int64_t time_us) {
    return time_us / DAY_US - (time_us % DAY_US < 0);
}
