/* Parts of times and durations. Private to policy/. */
#pragma once

#include "core/policy/lang/zone.h"
#include "function_apply.h"

/* Of a time in UTC; _there: as clocks show it at an offset from UTC, the second argument. */
#define TIME_PART(name)                                                                            \
    APPLY(name);                                                                                   \
    APPLY(name##_there)

TIME_PART(full_year);
TIME_PART(month);
TIME_PART(date);
TIME_PART(day_of_month);
TIME_PART(day_of_week);
TIME_PART(day_of_year);
TIME_PART(hours);
TIME_PART(minutes);
TIME_PART(seconds);
TIME_PART(milliseconds);
TIME_PART(local_date);

APPLY(duration_hours);
APPLY(duration_minutes);
APPLY(duration_seconds);

/* The time as clocks of the zone show it, as if they showed UTC; in place. An error when that is
 * outside of the calendar. */
void function_local_time(struct value *time, const struct zone *zone);
/* The same with an offset from UTC or one of the zones by its name; an error for anything else. */
void function_local_time_of(struct value *time, struct text name, const struct zone_table *zones);
