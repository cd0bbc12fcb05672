/* Times of the proleptic Gregorian calendar in UTC, and how they and durations are written. No leap
 * seconds, no clock; zone.h has time zones. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_SECOND_US INT64_C(1000000)
#define CALENDAR_DAY_US    (INT64_C(86400) * CALENDAR_SECOND_US)

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, as in CEL */
#define CALENDAR_MIN_US (INT64_C(-62135596800) * CALENDAR_SECOND_US)
#define CALENDAR_MAX_US (INT64_C(253402300800) * CALENDAR_SECOND_US - 1)
/* A little over 10,000 years each way, as in protobuf's Duration */
#define CALENDAR_DURATION_MAX_US (INT64_C(315576000000) * CALENDAR_SECOND_US)

struct calendar_date {
    int year;        /* 1…9999 */
    int month;       /* 1…12 */
    int day;         /* 1…31 */
    int day_of_week; /* 0 is Sunday */
    int day_of_year; /* 0 is 1 January */
};

/* Days since 1970-01-01, of any year. */
int64_t calendar_days(int64_t year, int month, int day);
/* us within CALENDAR_MIN_US…CALENDAR_MAX_US */
struct calendar_date calendar_date(int64_t us);
/* Microseconds since midnight, 0…CALENDAR_DAY_US − 1 */
int64_t calendar_time_of_day(int64_t us);

/* RFC 3339: "2026-01-31T23:59:59Z", a fraction of up to six digits, "+01:00" offsets. 0, or −1. */
int calendar_parse_timestamp(struct text t, int64_t *ret_us);
/* An offset from UTC, what a clock there shows more than one that shows UTC: "+01:00", "-08:00",
 * "05:30", "UTC". 0, or −1. */
int calendar_parse_zone(struct text t, int64_t *ret_us);
/* "2026-01-31": midnight. 0, or −1. */
int calendar_parse_date(struct text t, int64_t *ret_us);

/* CEL's durations, "1h30m", "-1.5s", "10ms", with two units of our own: d (24 h) and w. Exact to
 * the microsecond. 0, or −1. */
int calendar_parse_duration(struct text t, int64_t *ret_us);
