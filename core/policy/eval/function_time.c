/* Parts of times, in UTC or as clocks show them elsewhere. A function reads the parts of one time;
 * with an offset or zone, that time is the local one. Offsets are arguments of functions; for zones
 * the compiler puts an instruction of its own before the function, because their rules are not
 * values. */
#include "function_time.h"

#include "core/policy/lang/calendar.h"

static void move(struct value *time, int64_t offset_us) {
    int64_t us = time->integer + offset_us; /* some days beyond the calendar at most: no overflow */
    if (us >= CALENDAR_MIN_US && us <= CALENDAR_MAX_US)
        time->integer = us;
    else
        *time = error_value(EXPRESSION_BAD_ARGUMENT);
}

void function_local_time(struct value *time, const struct zone *zone) {
    int64_t time_s = time->integer / CALENDAR_SECOND_US - (time->integer % CALENDAR_SECOND_US < 0);
    move(time, zone_offset_s(zone, time_s) * CALENDAR_SECOND_US);
}

void function_local_time_of(struct value *time, struct text name, const struct zone_table *zones) {
    int64_t offset_us;
    if (calendar_parse_zone(name, &offset_us) == 0) {
        move(time, offset_us);
        return;
    }
    const struct zone *zone = zone_find(zones, name);
    if (zone)
        function_local_time(time, zone);
    else
        *time = error_value(EXPRESSION_BAD_ARGUMENT);
}

/* `name` of a time in UTC, and with a second argument, an offset from UTC. */
#define PART(name)                                                                                 \
    struct value function_##name##_there(const struct value *a, struct arena *arena) {             \
        int64_t offset_us;                                                                         \
        struct value time = a[0];                                                                  \
        if (calendar_parse_zone(a[1].text, &offset_us) < 0)                                        \
            return error_value(EXPRESSION_BAD_ARGUMENT);                                           \
        move(&time, offset_us);                                                                    \
        return time.type == VALUE_ERROR ? time : function_##name(&time, arena);                    \
    }

#define DATE_PART(name, part)                                                                      \
    struct value function_##name(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        struct calendar_date date = calendar_date(a[0].integer);                                   \
        return value_int(part);                                                                    \
    }                                                                                              \
    PART(name)
DATE_PART(full_year, date.year)
DATE_PART(month, date.month - 1)
DATE_PART(date, date.day)
DATE_PART(day_of_month, date.day - 1)
DATE_PART(day_of_week, date.day_of_week)
DATE_PART(day_of_year, date.day_of_year)

#define CLOCK_PART(name, part)                                                                     \
    struct value function_##name(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        int64_t us = calendar_time_of_day(a[0].integer);                                           \
        return value_int(part);                                                                    \
    }                                                                                              \
    PART(name)
CLOCK_PART(hours, us / (3600 * CALENDAR_SECOND_US))
CLOCK_PART(minutes, us / (60 * CALENDAR_SECOND_US) % 60)
CLOCK_PART(seconds, us / CALENDAR_SECOND_US % 60)
CLOCK_PART(milliseconds, us / 1000 % 1000)

static char *put_digits(char *at, int number, int count) {
    for (int i = count; i-- > 0; number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

/* "2026-01-31", as lists hold it. */
struct value function_local_date(const struct value *a, struct arena *arena) {
    static const size_t length = sizeof "2026-01-31" - 1;
    struct calendar_date date = calendar_date(a[0].integer);
    char *data = arena_alloc(arena, length), *at = data;
    if (!data)
        return error_value(EXPRESSION_TOO_LARGE);
    at = put_digits(at, date.year, 4);
    *at++ = '-';
    at = put_digits(at, date.month, 2);
    *at++ = '-';
    put_digits(at, date.day, 2);
    return value_text((struct text){.data = data, .length = length});
}
PART(local_date)

#define DURATION_PART(name, unit_us)                                                               \
    struct value function_##name(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        return value_int(a[0].integer / (unit_us));                                                \
    }
DURATION_PART(duration_hours, 3600 * CALENDAR_SECOND_US)
DURATION_PART(duration_minutes, 60 * CALENDAR_SECOND_US)
DURATION_PART(duration_seconds, CALENDAR_SECOND_US)
