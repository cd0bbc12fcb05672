/* Names of verdicts and labels, and what an outcome must satisfy. */
#include "core/wire/types/decision.h"
#include "tests/unit/unit.h"

static void verdicts(void **state) {
    (void)state;
    static const char *const names[] = {"approve", "review", "challenge", "decline"};
    assert_int_equal(VERDICT_COUNT - VERDICT_APPROVE, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(verdict_name((enum verdict)(VERDICT_APPROVE + i)), names[i]);
    assert_string_equal(verdict_name(VERDICT_NONE), "");
    assert_string_equal(verdict_name((enum verdict)99), "");
}

static void labels(void **state) {
    (void)state;
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++) {
        enum label parsed = LABEL_COUNT;
        assert_true(label_parse(text_of(label_name(label)), &parsed));
        assert_int_equal(parsed, label);
    }
    assert_string_equal(label_name(LABEL_CHARGEBACK), "chargeback");
    assert_string_equal(label_name(LABEL_COUNT), "");
    enum label untouched = LABEL_FRAUD;
    assert_false(label_parse(text_of("frau"), &untouched));
    assert_int_equal(untouched, LABEL_FRAUD);
}

static void outcomes(void **state) {
    (void)state;
    static char long_text[200];
    memset(long_text, 'x', sizeof long_text - 1);
    const struct outcome good = {.transaction_id = TEXT_LITERAL("t"), .label = LABEL_FRAUD};
    struct text field = {0};
    struct error error;
    assert_int_equal(outcome_check(&good, &field, &error), 0);
    assert_int_equal(field.length, 0);

    struct outcome bad = good;
    bad.transaction_id = (struct text){0};
    assert_int_equal(outcome_check(&bad, &field, &error), -ERROR_INVALID);
    assert_true(text_is(field, "transaction_id"));
    bad.transaction_id = text_of(long_text);
    assert_int_equal(outcome_check(&bad, &field, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "199 bytes"));

    bad = good;
    bad.label = LABEL_COUNT;
    assert_int_equal(outcome_check(&bad, &field, &error), -ERROR_INVALID);
    assert_true(text_is(field, "label"));

    bad = good;
    bad.known_time_us = -1;
    assert_int_equal(outcome_check(&bad, &field, &error), -ERROR_INVALID);
    assert_true(text_is(field, "known_time_us"));

    bad = good;
    bad.source = TEXT_LITERAL("analyst\n7");
    assert_int_equal(outcome_check(&bad, &field, &error), -ERROR_INVALID);
    assert_true(text_is(field, "source"));
    assert_non_null(strstr(error.text, "at byte 7"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(labels),
        cmocka_unit_test(outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
