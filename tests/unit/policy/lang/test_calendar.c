/* The calendar against the C library's, and what is and is not a time. */
#include "core/policy/lang/calendar.h"
#include "tests/unit/unit.h"

#include <time.h>

static void test_against_libc(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        /* all seconds of the years 1 to 9999 */
        int64_t second =
            CALENDAR_MIN_US / CALENDAR_SECOND_US + (int64_t)((seed >> 20) % UINT64_C(315537897600));
        int64_t us = second * CALENDAR_SECOND_US + (int64_t)(seed % 1000000);
        time_t time = (time_t)second;
        struct tm tm;
        assert_non_null(gmtime_r(&time, &tm));
        struct calendar_date date = calendar_date(us);
        assert_int_equal(date.year, tm.tm_year + 1900);
        assert_int_equal(date.month, tm.tm_mon + 1);
        assert_int_equal(date.day, tm.tm_mday);
        assert_int_equal(date.day_of_week, tm.tm_wday);
        assert_int_equal(date.day_of_year, tm.tm_yday);
        assert_int_equal(calendar_time_of_day(us) / CALENDAR_SECOND_US,
                         tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
        char written[64];
        snprintf(written, sizeof written, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)(seed % 1000000));
        int64_t read;
        assert_int_equal(calendar_parse_timestamp(text_of(written), &read), 0);
        assert_int_equal(read, us);
    }
}

static void test_timestamps(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* −1: not a timestamp */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1970-01-01T00:00:00.5Z", 500000},
        {"1970-01-01T00:00:00.123456000Z", 123456},
        {"1970-01-01T01:30:00+01:30", 0},
        {"1969-12-31T23:00:00-01:00", 0},
        {"1970-01-01T00:00:00.1234567Z", -1}, /* finer than a microsecond */
        {"1970-01-01T00:00:00.Z", -1},
        {"1970-01-01T00:00:00", -1},
        {"1970-01-01", -1},
        {"1970-01-01T00:00Z", -1},
        {"1970-01-01 00:00:00Z", -1},
        {"1970-01-01t00:00:00z", -1},
        {"1970-13-01T00:00:00Z", -1},
        {"1970-00-01T00:00:00Z", -1},
        {"1970-04-31T00:00:00Z", -1},
        {"1900-02-29T00:00:00Z", -1},
        {"0000-01-01T00:00:00Z", -1},
        {"1970-01-01T24:00:00Z", -1},
        {"1970-01-01T00:60:00Z", -1},
        {"1970-01-01T00:00:60Z", -1},
        {"1970-01-01T00:00:00+24:00", -1},
        {"0001-01-01T00:00:00+00:01", -1}, /* before year 1 */
        {"9999-12-31T23:59:59-00:01", -1},
        {"1970-01-01T00:00:00Z ", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us = -1;
        int r = calendar_parse_timestamp(text_of(rows[i].text), &us);
        if (us != rows[i].us || (r == 0) != (rows[i].us != -1))
            fail_msg("%s", rows[i].text);
    }
    int64_t us;
    assert_int_equal(calendar_parse_date(TEXT_LITERAL("2018-04-01"), &us), 0);
    assert_int_equal(us, INT64_C(1522540800) * CALENDAR_SECOND_US);
    assert_int_equal(calendar_parse_date(TEXT_LITERAL("2018-04-01T"), &us), -1);
    assert_int_equal(calendar_parse_date(TEXT_LITERAL("18-04-01"), &us), -1);
}

static void test_durations(void **state) {
    (void)state;
    static const int64_t none = INT64_MIN;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"10m", 600000000},
        {"1h30m", 5400000000},
        {"1.5h", 5400000000},
        {".5s", 500000},
        {"1.s", 1000000},
        {"-1m", -60000000},
        {"+1m", 60000000},
        {"1d", 86400000000},
        {"2w", 1209600000000},
        {"1ms", 1000},
        {"1us", 1},
        {"1000ns", 1},
        {"0.000001s", 1},
        {"999ns1ns", 1},
        {"315576000000s", CALENDAR_DURATION_MAX_US},
        {"315576000001s", none},
        {"99999999999999999999999999999h", none},
        {"0.0000001s", none}, /* finer than a microsecond */
        {"1ns", none},
        {"1", none},
        {"m", none},
        {"", none},
        {"-", none},
        {"1 m", none},
        {"1m ", none},
        {"1m-1s", none},
        {"1y", none},
        {"1.2.3s", none},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us = none;
        int r = calendar_parse_duration(text_of(rows[i].text), &us);
        if (us != rows[i].us || (r == 0) != (rows[i].us != none))
            fail_msg("%s: %lld", rows[i].text, (long long)us);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
