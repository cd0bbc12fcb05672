#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/quantity.h"
#include "tests/unit/unit.h"

static void durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"1s", 1000000},
        {"250ms", 250000},
        {"500us", 500},
        {"1.5m", 90000000},
        {"2min", 120000000},
        {"2h", INT64_C(7200000000)},
        {"7d", INT64_C(604800000000)},
        {"0s", 0},
        {"0.0000001s", 0},
    };
    static const char *const bad[] = {"",
                                      "s",
                                      "1",
                                      "-1s",
                                      "1 s",
                                      "1.s",
                                      ".5s",
                                      "1e3s",
                                      "1sec",
                                      "99999999d",
                                      "99999999999999999999s"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t us = -1;
        assert_true(quantity_parse_duration(good[i].text, &us));
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us = -7;
        if (quantity_parse_duration(bad[i], &us))
            fail_msg("\"%s\" was taken as a duration", bad[i]);
        assert_int_equal(us, -7);
    }
}

static void counts(void **state) {
    (void)state;
    uint64_t count = 7;
    assert_true(quantity_parse_count("1", 1, 1000, &count));
    assert_int_equal(count, 1);
    assert_true(quantity_parse_count("18446744073709551615", 0, UINT64_MAX, &count));
    assert_int_equal(count, UINT64_MAX);
    assert_false(quantity_parse_count("18446744073709551616", 0, UINT64_MAX, &count));
    assert_false(quantity_parse_count("0", 1, 1000, &count));
    assert_false(quantity_parse_count("1001", 1, 1000, &count));
    assert_false(quantity_parse_count("-1", 0, 1000, &count));
    assert_false(quantity_parse_count("", 0, 1000, &count));
    assert_false(quantity_parse_count("5x", 0, 1000, &count));
}

static void as_people_read_them(void **state) {
    (void)state;
    char text[QUANTITY_DURATION_SIZE];
    assert_string_equal(quantity_format_count(0, text), "0");
    assert_string_equal(quantity_format_count(999, text), "999");
    assert_string_equal(quantity_format_count(1754155, text), "1,754,155");
    assert_string_equal(quantity_format_bytes(512, text), "512 bytes");
    assert_string_equal(quantity_format_bytes(1536, text), "1.5 KiB");
    assert_string_equal(quantity_format_duration(85, text), "85 µs");
    assert_string_equal(quantity_format_duration(1240, text), "1.24 ms");
    assert_string_equal(quantity_format_duration(2500000, text), "2.50 s");
    assert_string_equal(quantity_format_duration(200000000, text), "3 min 20 s");
    assert_string_equal(quantity_format_duration(UINT64_C(7500000000), text), "2 h 05 min");
    assert_string_equal(quantity_format_duration(UINT64_C(784800000000), text), "9 d 2 h");
}

static void progress_lines(void **state) {
    (void)state;
    char line[256];
    progress_bar_format(line, sizeof line, "rows", "score", 50, 100, 912345, "3 failed", 10);
    assert_string_equal(
        line,
        "score [############------------]  50 %  912,345 rows  91,234/s  0:10 left  3 failed");
    progress_bar_format(line, sizeof line, "rows", "score", 50, 0, 12, NULL, 2);
    assert_string_equal(line, "score  12 rows  6/s");
    progress_bar_format(line, sizeof line, NULL, "fold", 100, 100, 100, NULL, 2);
    assert_string_equal(line, "fold [########################] 100 %");
    progress_bar_format(line, sizeof line, "rows", "score", 150, 100, 1, NULL, 2);
    assert_non_null(strstr(line, "100 %"));
    char small[16];
    progress_bar_format(small, sizeof small, "rows", "score", 50, 100, 912345, "3 failed", 10);
    assert_int_equal(strlen(small), sizeof small - 1);
}

static void bytes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"1K", 1024},
                {"512M", UINT64_C(512) << 20},
                {"2G", UINT64_C(2) << 30},
                {"2GiB", UINT64_C(2) << 30},
                {"2GB", UINT64_C(2) << 30},
                {"1.5G", UINT64_C(3) << 29},
                {"3T", UINT64_C(3) << 40}};
    static const char *const bad[] = {"",    "G",      "2",   "-2G",   "2X",          "2Gi",
                                      "2G ", "1.2.3G", "2 G", "2GiBs", "99999999999T"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t found = 0;
        assert_true(quantity_parse_bytes(good[i].text, &found));
        assert_int_equal(found, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t found;
        if (quantity_parse_bytes(bad[i], &found))
            fail_msg("\"%s\" was taken as an amount of memory", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),      cmocka_unit_test(bytes),
        cmocka_unit_test(counts),         cmocka_unit_test(as_people_read_them),
        cmocka_unit_test(progress_lines),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
