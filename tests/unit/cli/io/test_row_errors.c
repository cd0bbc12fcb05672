/* What is told of a wrong row never shows a card number. */
#include "clients/cli/io/row_errors.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static void expect(const char *message, const char *masked) {
    char text[200];
    snprintf(text, sizeof text, "%s", message);
    row_errors_mask(text);
    assert_string_equal(text, masked);
}

static void card_numbers_are_masked(void **state) {
    (void)state;
    expect("4111111111111111", "****************");
    expect("event_time: \"4111111111111111\" is not a time",
           "event_time: \"****************\" is not a time");
    expect("a 4111 1111 1111 1111 b", "a ******************* b");
    expect("a=4111-1111-1111-1111-", "a=*******************-");
    expect("x4222222222222y378282246310005", "x*************y***************");
}

static void other_numbers_stay(void **state) {
    (void)state;
    expect("", "");
    expect("4111111111111112", "4111111111111112");                     /* a wrong check digit */
    expect("42222222222", "42222222222");                               /* too short */
    expect("00000000004111111111111111", "00000000004111111111111111"); /* too long */
    expect("12.345 has too many decimals", "12.345 has too many decimals");
    expect("4111  1111  1111  1111", "4111  1111  1111  1111"); /* not how one writes it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(card_numbers_are_masked),
        cmocka_unit_test(other_numbers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
