#include "clients/cli/io/timestamp.h"
#include "tests/unit/unit.h"

#define APRIL_2018 INT64_C(1522540800) /* 2018-04-01T00:00:00Z */
#define SECOND     INT64_C(1000000)

static void expect(const char *format_name, const char *text, int64_t us) {
    struct timestamp_format format;
    struct error error;
    int64_t got = -1;
    assert_int_equal(timestamp_format_parse(format_name, &format, &error), 0);
    if (timestamp_parse(text_of(text), &format, &got, &error) < 0)
        fail_msg("%s: %s", text, error.text);
    assert_int_equal(got, us);
}

static void expect_diagnostic(const char *format_name, const char *text) {
    struct timestamp_format format;
    struct error error;
    int64_t got = -7;
    assert_int_equal(timestamp_format_parse(format_name, &format, &error), 0);
    if (timestamp_parse(text_of(text), &format, &got, &error) != -ERROR_INVALID)
        fail_msg("\"%s\" was taken as a time", text);
    assert_non_null(strstr(error.text, "is not a time (expected"));
    assert_int_equal(got, -7);
}

static void rfc3339(void **state) {
    (void)state;
    expect("rfc3339", "2018-04-01T00:00:31Z", (APRIL_2018 + 31) * SECOND);
    expect("rfc3339", "2018-04-01 00:00:31", (APRIL_2018 + 31) * SECOND);
    expect("rfc3339", "2018-04-01t00:00:31z", (APRIL_2018 + 31) * SECOND);
    expect("rfc3339", "2018-04-01T00:00:31.5Z", (APRIL_2018 + 31) * SECOND + 500000);
    expect("rfc3339", "2018-04-01T00:00:31.123456789Z", (APRIL_2018 + 31) * SECOND + 123456);
    expect("rfc3339", "2018-04-01T02:00:31+02:00", (APRIL_2018 + 31) * SECOND);
    expect("rfc3339", "2018-03-31T20:30:31-0330", (APRIL_2018 + 31) * SECOND);
    expect("rfc3339", "1970-01-01T00:00:00Z", 0);
    expect("rfc3339", "9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999));
    expect("rfc3339", "2016-02-29T00:00:00Z", INT64_C(1456704000) * SECOND);
}

static void rfc3339_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "2018-04-01",
        "2018-04-01T00:00",
        "2018-04-01T00:00:31.",
        "2018-04-01T00:00:31Zx",
        "2018-04-01T00:00:31+2",
        "2018-04-01T00:00:31+25:00",
        "2018-04-01T24:00:00Z",
        "2018-04-01T00:60:00Z",
        "2018-02-29T00:00:00Z",
        "2018-13-01T00:00:00Z",
        "2018-00-10T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "01/04/2018 00:00:31",
        "2018-04-01T00:00:31Z                                               ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_diagnostic("rfc3339", texts[i]);
}

static void unix_times(void **state) {
    (void)state;
    expect("unix", "1522540831", (APRIL_2018 + 31) * SECOND);
    expect("unix", "1522540831.25", (APRIL_2018 + 31) * SECOND + 250000);
    expect("unix_ms", "1522540831250", (APRIL_2018 + 31) * SECOND + 250000);
    expect("unix_us", "1522540831250001", (APRIL_2018 + 31) * SECOND + 250001);
    expect_diagnostic("unix", "yesterday");
    expect_diagnostic("unix", "-1");
    expect_diagnostic("unix", "1522540831250000"); /* microseconds taken for seconds: beyond 9999 */
    expect_diagnostic("unix", "");
}

static void patterns(void **state) {
    (void)state;
    expect("%Y-%m-%d %H:%M:%S", "2018-04-01 00:00:31", (APRIL_2018 + 31) * SECOND);
    expect("%Y-%m-%d %H:%M:%S", "2018-04-01 00:00:31.75", (APRIL_2018 + 31) * SECOND + 750000);
    expect("%d/%m/%Y", "01/04/2018", APRIL_2018 * SECOND);
    expect("%Y-%m-%dT%H:%M:%S%z", "2018-04-01T02:00:31+0200", (APRIL_2018 + 31) * SECOND);
    expect("%m/%d/%y %I:%M %p", "04/01/18 01:05 PM", (APRIL_2018 + 13 * 3600 + 300) * SECOND);
    expect_diagnostic("%Y-%m-%d %H:%M:%S", "2018-04-01");
    expect_diagnostic("%Y-%m-%d", "2018-04-01 12:00:00");
    expect_diagnostic("%Y-%m-%d", "2018-02-30");
    expect_diagnostic("%d/%m/%Y", "31/04/2018");
}

static void zone_of_the_machine_does_not_matter(void **state) {
    (void)state;
    setenv("TZ", "America/New_York", 1);
    expect("%Y-%m-%d %H:%M:%S", "2018-04-01 00:00:31", (APRIL_2018 + 31) * SECOND);
    expect("rfc3339", "2018-04-01 00:00:31", (APRIL_2018 + 31) * SECOND);
    unsetenv("TZ");
}

static void formats(void **state) {
    (void)state;
    struct timestamp_format format;
    struct error error;
    assert_int_equal(timestamp_format_parse("iso", &format, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "\"iso\" is not a time format"));
    assert_int_equal(timestamp_format_parse("%s", &format, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "use format: unix"));
    static const char *const unread[] = {"%Q", "%Y-%", "%Y-%i", "%E", "%%%"};
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
        assert_int_equal(timestamp_format_parse(unread[i], &format, &error), -ERROR_INVALID);
        assert_non_null(strstr(error.text, "is not a pattern of strptime(3)"));
    }
    static const char *const read[] = {"%Y-%m-%d %H:%M:%S", "%d%b%Y:%T", "%Od/%-m/%EY %%"};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        assert_int_equal(timestamp_format_parse(read[i], &format, &error), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339),    cmocka_unit_test(rfc3339_refused),
        cmocka_unit_test(unix_times), cmocka_unit_test(patterns),
        cmocka_unit_test(formats),    cmocka_unit_test(zone_of_the_machine_does_not_matter),
    };
    return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
