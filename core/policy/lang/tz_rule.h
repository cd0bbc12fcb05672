/* The rule for daylight saving time that a TZif file ends with: a TZ string of POSIX as RFC 9636
 * §3.3.1 has it, "CET-1CEST,M3.5.0,M10.5.0/3". */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum tz_day {
    TZ_DAY_JULIAN,  /* Jn: 1…365, 29 February is not counted */
    TZ_DAY_OF_YEAR, /* n: 0…365 */
    TZ_DAY_OF_WEEK, /* Mm.w.d: weekday d, 0 is Sunday, the w-th of month m; 5 is the last one */
};

/* When the clocks are changed, each year. */
struct tz_change {
    enum tz_day kind;
    int day; /* of the year or the week */
    int month, week;
    int32_t time_s; /* after 00:00, as clocks show it until then; may be on another day */
};

/* Offsets are seconds ahead of UTC. */
struct tz_rule {
    int32_t standard_s, daylight_s;
    bool has_daylight;
    struct tz_change start, end; /* of daylight saving time */
};

/* False: it is no such string. */
bool tz_rule_parse(struct text t, struct tz_rule *ret_rule);

/* When daylight saving time begins or ends in a year: seconds since 1970-01-01 UTC. */
int64_t tz_rule_start(const struct tz_rule *rule, int64_t year);
int64_t tz_rule_end(const struct tz_rule *rule, int64_t year);
