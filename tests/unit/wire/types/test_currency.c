/* ISO 4217: digits of well-known codes, the neighbours of every code, and texts that are not codes.
 */
#include "core/wire/types/transaction.h"
#include "tests/unit/unit.h"

static void known(void **state) {
    (void)state;
    static const struct {
        const char *code;
        int digits;
    } cases[] = {
        {"AED", 2}, {"ZWG", 2}, /* first and last of the table */
        {"EUR", 2}, {"USD", 2}, {"GBP", 2}, {"CHF", 2}, {"XCG", 2}, {"MRU", 2}, {"MGA", 2},
        {"JPY", 0}, {"KRW", 0}, {"CLP", 0}, {"ISK", 0}, {"UGX", 0}, {"XOF", 0}, {"VND", 0},
        {"KWD", 3}, {"BHD", 3}, {"TND", 3}, {"IQD", 3}, {"CLF", 4}, {"UYW", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (currency_digits(text_of(cases[i].code)) != cases[i].digits)
            fail_msg("%s: %d", cases[i].code, currency_digits(text_of(cases[i].code)));
}

static void unknown(void **state) {
    (void)state;
    static const char *const codes[] = {
        "",    "E",      "EU",  "EURO", "eur", "Eur", "AAA",
        "ZZZ", "EU\xff", "DEM", "HRK",  "BGN", "ANG", /* withdrawn */
        "XAU", "XTS",    "XXX", "XDR",                /* without a minor unit */
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (currency_digits(text_of(codes[i])) != -1)
            fail_msg("%s is known", codes[i]);
}

/* Bisection finds exactly the table: each of the 17,576 possible codes is looked up. */
static void whole_range(void **state) {
    (void)state;
    size_t found = 0;
    for (int i = 0; i < 26 * 26 * 26; i++) {
        char code[4] = {(char)('A' + i / 676), (char)('A' + i / 26 % 26), (char)('A' + i % 26), 0};
        int digits = currency_digits(text_of(code));
        assert_in_range(digits + 1, 0, 5);
        found += digits >= 0;
    }
    assert_int_equal(found, 165);
}

/* One code after the other, each in use, in rising order and none left out. */
static void in_turn(void **state) {
    (void)state;
    size_t count = 0;
    for (; currency_code(count); count++) {
        assert_true(currency_digits(text_of(currency_code(count))) >= 0);
        assert_true(count == 0 || strcmp(currency_code(count - 1), currency_code(count)) < 0);
    }
    assert_int_equal(count, 165);
    assert_null(currency_code(SIZE_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(unknown),
        cmocka_unit_test(whole_range),
        cmocka_unit_test(in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
