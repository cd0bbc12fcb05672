#include "clients/cli/io/decimal.h"
#include "clients/cli/io/money.h"
#include "tests/unit/unit.h"

static void expect(const char *text, unsigned digits, int64_t units) {
    struct error error;
    int64_t got = -1;
    assert_int_equal(decimal_parse(text_of(text), digits, &got, &error), 0);
    assert_int_equal(got, units);
}

static void expect_diagnostic(const char *text, unsigned digits, const char *what) {
    struct error error;
    int64_t got = -7;
    assert_int_equal(decimal_parse(text_of(text), digits, &got, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, what));
    assert_int_equal(got, -7);
}

static void exact_amounts(void **state) {
    (void)state;
    expect("57.16", 2, 5716);
    expect("57.1", 2, 5710);
    expect("57", 2, 5700);
    expect("57.", 2, 5700);
    expect(".5", 2, 50);
    expect("0", 2, 0);
    expect("-0.01", 2, -1);
    expect("+1.00", 2, 100);
    expect("500", 0, 500);
    expect("1.234", 3, 1234);
    expect("12.340", 2, 1234);
    expect("12.3400000000000000000000000", 2, 1234);
    expect("99999999999.99", 2, INT64_C(9999999999999));
    expect("92233720368547758.07", 2, INT64_MAX);
    expect("000000000000000000000000001.50", 2, 150);
}

static void refused_amounts(void **state) {
    (void)state;
    expect_diagnostic("12.345", 2, "\"12.345\" has too many decimals (expected at most 2)");
    expect_diagnostic("12.5", 0, "\"12.5\" has decimals (expected a whole number)");
    expect_diagnostic("1.05", 1, "too many decimals (expected at most 1)");
    expect_diagnostic("92233720368547758.08", 2,
                      "is too large (expected at most 16 digits before the point)");
    expect_diagnostic("99999999999999999999", 0, "is too large (expected at most 18 digits)");
    expect_diagnostic("", 2, "not a decimal number");
    expect_diagnostic(".", 2, "not a decimal number");
    expect_diagnostic("-", 2, "not a decimal number");
    expect_diagnostic("1,000.00", 2, "not a decimal number");
    expect_diagnostic("1e3", 2, "not a decimal number");
    expect_diagnostic(" 1", 2, "not a decimal number");
    expect_diagnostic("1.2.3", 2, "not a decimal number");
    expect_diagnostic("12.3x", 2, "not a decimal number");
    expect_diagnostic("nan", 2, "not a decimal number");
}

static void rounded(const char *text, int64_t units) {
    struct error error;
    int64_t got = -1;
    assert_int_equal(decimal_parse_rounded(text_of(text), 7, &got, &error), 0);
    assert_int_equal(got, units);
}

static void coordinates_are_rounded(void **state) {
    (void)state;
    rounded("48.8566", 488566000);
    rounded("48.85660004", 488566000);
    rounded("48.85660005", 488566001);
    rounded("-33.86880005", -338688001);
    rounded("-33.868800049999", -338688000);
    rounded("0.000000049", 0);
}

static void amounts_are_printed(void **state) {
    (void)state;
    char text[MONEY_SIZE];
    assert_string_equal(money_format(5716, TEXT_LITERAL("EUR"), text), "57.16");
    assert_string_equal(money_format(5, TEXT_LITERAL("EUR"), text), "0.05");
    assert_string_equal(money_format(-5, TEXT_LITERAL("EUR"), text), "-0.05");
    assert_string_equal(money_format(500, TEXT_LITERAL("JPY"), text), "500");
    assert_string_equal(money_format(1234, TEXT_LITERAL("KWD"), text), "1.234");
    assert_string_equal(money_format(7, TEXT_LITERAL("???"), text), "7");
    assert_string_equal(decimal_format(-1, 7, text), "-0.0000001");
    assert_string_equal(decimal_format(1800000000, 7, text), "180.0000000");
    assert_string_equal(decimal_format(INT64_MIN, 0, text), "-9223372036854775808");
    assert_string_equal(decimal_format(INT64_MIN, 18, text), "-9.223372036854775808");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_amounts),
        cmocka_unit_test(refused_amounts),
        cmocka_unit_test(coordinates_are_rounded),
        cmocka_unit_test(amounts_are_printed),
    };
    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
