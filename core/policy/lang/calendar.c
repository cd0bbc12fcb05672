/* Dates by arithmetic on days since 1970-01-01, parsing by hand: the C library's functions depend
 * on the locale, the time zone and the platform, and what is parsed here must be the same forever.
 */
#include "calendar.h"

#include <stddef.h>

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Days ↔ civil dates: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Years begin in
 * March, so that the leap day is the last one. */
int64_t calendar_days(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct calendar_date calendar_date(int64_t us) {
    int64_t days = floor_divide(us, CALENDAR_DAY_US);
    int64_t shifted = days + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct calendar_date date;
    date.day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    date.month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    date.year = (int)(year_of_era + era * 400 + (date.month <= 2));
    int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
    date.day_of_week = (int)(weekday < 0 ? weekday + 7 : weekday);
    date.day_of_year = (int)(days - calendar_days(date.year, 1, 1));
    return date;
}

int64_t calendar_time_of_day(int64_t us) {
    return us - floor_divide(us, CALENDAR_DAY_US) * CALENDAR_DAY_US;
}

/* ------------------------------------------------------------------------------------------------
 * Reading. A struct text that shrinks from the left. */

static bool take(struct text *t, char c) {
    if (t->length == 0 || t->data[0] != c)
        return false;
    t->data++;
    t->length--;
    return true;
}

static bool at_digit(struct text t) {
    return t.length > 0 && t.data[0] >= '0' && t.data[0] <= '9';
}

/* Exactly `count` digits. */
static bool take_number(struct text *t, size_t count, int *ret_number) {
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (!at_digit(*t))
            return false;
        number = number * 10 + (t->data[0] - '0');
        t->data++;
        t->length--;
    }
    *ret_number = number;
    return true;
}

static bool take_date(struct text *t, int64_t *ret_days) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(t, 4, &year) || !take(t, '-') || !take_number(t, 2, &month) || !take(t, '-') ||
        !take_number(t, 2, &day))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *ret_days = calendar_days(year, month, day);
    return true;
}

/* ".123": up to six digits, more only if they are zeros */
static bool take_fraction(struct text *t, int64_t *ret_us) {
    int64_t us = 0, unit = 100000;
    if (!take(t, '.'))
        return true;
    if (!at_digit(*t))
        return false;
    for (; at_digit(*t); t->data++, t->length--) {
        if (unit == 0 && t->data[0] != '0')
            return false;
        us += (t->data[0] - '0') * unit;
        unit /= 10;
    }
    *ret_us = us;
    return true;
}

/* "Z" or "+01:00". Offsets of a day or more are refused; RFC 3339 knows none. */
static bool take_offset(struct text *t, int64_t *ret_seconds) {
    if (take(t, 'Z')) {
        *ret_seconds = 0;
        return true;
    }
    int hours, minutes, sign = take(t, '+') ? 1 : take(t, '-') ? -1 : 0;
    if (sign == 0 || !take_number(t, 2, &hours) || !take(t, ':') || !take_number(t, 2, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return hours <= 23 && minutes <= 59;
}

/* A leap second (":60") is refused: the calendar has none, and another second would be a guess. */
int calendar_parse_timestamp(struct text t, int64_t *ret_us) {
    int64_t days, fraction = 0, offset;
    int hours, minutes, seconds;
    if (!take_date(&t, &days) || !take(&t, 'T') || !take_number(&t, 2, &hours) || !take(&t, ':') ||
        !take_number(&t, 2, &minutes) || !take(&t, ':') || !take_number(&t, 2, &seconds) ||
        !take_fraction(&t, &fraction) || !take_offset(&t, &offset) || t.length > 0)
        return -1;
    if (hours > 23 || minutes > 59 || seconds > 59)
        return -1;
    int64_t us =
        (days * 86400 + hours * 3600 + minutes * 60 + seconds - offset) * CALENDAR_SECOND_US +
        fraction;
    if (us < CALENDAR_MIN_US || us > CALENDAR_MAX_US)
        return -1;
    *ret_us = us;
    return 0;
}

int calendar_parse_zone(struct text t, int64_t *ret_us) {
    bool negative = t.length > 0 && t.data[0] == '-';
    int hours, minutes;
    if (text_is(t, "UTC")) {
        *ret_us = 0;
        return 0;
    }
    if (negative || (t.length > 0 && t.data[0] == '+'))
        take(&t, t.data[0]);
    if (!take_number(&t, 2, &hours) || !take(&t, ':') || !take_number(&t, 2, &minutes) ||
        t.length > 0 || hours > 23 || minutes > 59)
        return -1;
    int64_t us = (hours * 3600 + minutes * 60) * CALENDAR_SECOND_US;
    *ret_us = negative ? -us : us;
    return 0;
}

int calendar_parse_date(struct text t, int64_t *ret_us) {
    int64_t days;
    if (!take_date(&t, &days) || t.length > 0)
        return -1;
    *ret_us = days * CALENDAR_DAY_US;
    return 0;
}

/* In nanoseconds, so that "1000ns" is a microsecond. */
static int64_t take_unit(struct text *t) {
    static const struct {
        char name[3];
        int64_t ns;
    } units[] = {
        /* longer names first */
        {"ns", 1},
        {"us", 1000},
        {"ms", 1000000},
        {"s", INT64_C(1000000000)},
        {"m", INT64_C(60000000000)},
        {"h", INT64_C(3600000000000)},
        {"d", INT64_C(86400000000000)},
        {"w", INT64_C(604800000000000)},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i].name);
        if (t->length >= length && memcmp(t->data, units[i].name, length) == 0) {
            t->data += length;
            t->length -= length;
            return units[i].ns;
        }
    }
    return 0;
}

/* One "1.5h" in nanoseconds, added to *total. */
/* The number is kept as an integer times 1 / scale, so that "0.1s" is exact. __int128 holds the
 * limit in nanoseconds times any scale that is accepted. */
static bool add_part(struct text *t, __int128 *total) {
    const __int128 limit = (__int128)CALENDAR_DURATION_MAX_US * 1000;
    __int128 number = 0, scale = 1;
    bool digits = false;
    for (; at_digit(*t); t->data++, t->length--, digits = true) {
        number = number * 10 + (t->data[0] - '0');
        if (number > limit)
            return false;
    }
    if (take(t, '.'))
        for (; at_digit(*t); t->data++, t->length--, digits = true) {
            if (scale > 1000000000000000)
                return false;
            number = number * 10 + (t->data[0] - '0');
            scale *= 10;
        }
    __int128 ns = take_unit(t);
    if (!digits || ns == 0 || number > limit * scale / ns || number * ns % scale != 0)
        return false;
    *total += number * ns / scale;
    return *total <= limit;
}

int calendar_parse_duration(struct text t, int64_t *ret_us) {
    bool negative = take(&t, '-');
    if (!negative)
        take(&t, '+');
    if (text_is(t, "0")) {
        *ret_us = 0;
        return 0;
    }
    __int128 ns = 0;
    do {
        if (!add_part(&t, &ns))
            return -1;
    } while (t.length > 0);
    if (ns % 1000 != 0)
        return -1;
    *ret_us = (int64_t)(negative ? -ns / 1000 : ns / 1000);
    return 0;
}
