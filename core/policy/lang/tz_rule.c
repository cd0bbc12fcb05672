/* Reading follows the grammar of RFC 9636 §3.3.1: std offset [ dst [ offset ] "," start "," end ].
 * A daylight saving time without its two dates is refused: POSIX leaves open what it means. */
#include "tz_rule.h"

#include "calendar.h"

#define HOUR_S INT32_C(3600)

/* ------------------------------------------------------------------------------------------------
 * Reading. A struct text that shrinks from the left. */

static bool at(struct text t, char c) {
    return t.length > 0 && t.data[0] == c;
}

static bool take(struct text *t, char c) {
    if (!at(*t, c))
        return false;
    t->data++;
    t->length--;
    return true;
}

static bool take_number(struct text *t, int most, int *ret_number) {
    int number = 0;
    size_t digits = 0;
    for (; t->length > 0 && text_is_digit(t->data[0]) && digits < 3; digits++) {
        number = number * 10 + (t->data[0] - '0');
        take(t, t->data[0]);
    }
    if (digits == 0 || number > most)
        return false;
    *ret_number = number;
    return true;
}

/* "CET", "<+0530>": only how long it is matters. */
static bool take_name(struct text *t) {
    bool quoted = take(t, '<');
    size_t length = 0;
    for (; t->length > 0; length++, take(t, t->data[0])) {
        char c = t->data[0];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(quoted && (text_is_digit(c) || c == '+' || c == '-')))
            break;
    }
    return (!quoted || take(t, '>')) && length >= 3;
}

/* "3", "3:30", "-3:30:15" */
static bool take_time(struct text *t, int hours_max, int32_t *ret_s) {
    int hours, minutes = 0, seconds = 0;
    bool negative = at(*t, '-');
    if (negative || at(*t, '+'))
        take(t, t->data[0]);
    if (!take_number(t, hours_max, &hours))
        return false;
    if (take(t, ':') &&
        (!take_number(t, 59, &minutes) || (take(t, ':') && !take_number(t, 59, &seconds))))
        return false;
    int32_t s = hours * HOUR_S + minutes * 60 + seconds;
    *ret_s = negative ? -s : s;
    return true;
}

/* POSIX counts west of Greenwich. */
static bool take_offset(struct text *t, int32_t *ret_s) {
    int32_t west_s;
    if (!take_time(t, 24, &west_s))
        return false;
    *ret_s = -west_s;
    return true;
}

static bool take_weekday(struct text *t, struct tz_change *change) {
    change->kind = TZ_DAY_OF_WEEK;
    return take_number(t, 12, &change->month) && change->month >= 1 && take(t, '.') &&
           take_number(t, 5, &change->week) && change->week >= 1 && take(t, '.') &&
           take_number(t, 6, &change->day);
}

static bool take_day(struct text *t, struct tz_change *change) {
    if (take(t, 'M'))
        return take_weekday(t, change);
    change->kind = take(t, 'J') ? TZ_DAY_JULIAN : TZ_DAY_OF_YEAR;
    return take_number(t, 365, &change->day) &&
           (change->kind == TZ_DAY_OF_YEAR || change->day >= 1);
}

static bool take_change(struct text *t, struct tz_change *ret_change) {
    *ret_change = (struct tz_change){.time_s = 2 * HOUR_S};
    if (!take(t, ',') || !take_day(t, ret_change))
        return false;
    return !take(t, '/') || take_time(t, 167, &ret_change->time_s);
}

bool tz_rule_parse(struct text t, struct tz_rule *ret_rule) {
    struct tz_rule rule = {0};
    if (!take_name(&t) || !take_offset(&t, &rule.standard_s))
        return false;
    rule.daylight_s = rule.standard_s;
    rule.has_daylight = t.length > 0;
    if (rule.has_daylight) {
        rule.daylight_s += HOUR_S;
        if (!take_name(&t) || (!at(t, ',') && !take_offset(&t, &rule.daylight_s)) ||
            !take_change(&t, &rule.start) || !take_change(&t, &rule.end) || t.length > 0)
            return false;
    }
    *ret_rule = rule;
    return true;
}

/* ------------------------------------------------------------------------------------------------
 * Dates */

static bool is_leap_year(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01. */
static int64_t day_of_week_in(const struct tz_change *change, int64_t year) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t first = calendar_days(year, change->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = (change->day - weekday + 7) % 7 + 7 * (change->week - 1);
    int length = lengths[change->month - 1] + (change->month == 2 && is_leap_year(year));
    return first + (day < length ? day : day - 7);
}

static int64_t local_time(const struct tz_change *change, int64_t year) {
    int64_t days = calendar_days(year, 1, 1);
    switch (change->kind) {
    case TZ_DAY_JULIAN:
        days += change->day - 1 + (is_leap_year(year) && change->day >= 60);
        break;
    case TZ_DAY_OF_YEAR:
        days += change->day;
        break;
    case TZ_DAY_OF_WEEK:
        days = day_of_week_in(change, year);
        break;
    }
    return days * 86400 + change->time_s;
}

int64_t tz_rule_start(const struct tz_rule *rule, int64_t year) {
    return local_time(&rule->start, year) - rule->standard_s;
}

int64_t tz_rule_end(const struct tz_rule *rule, int64_t year) {
    return local_time(&rule->end, year) - rule->daylight_s;
}
