/* What names a policy, and what does not. tests/system/test_policy.py finds them in archives. */
#include "clients/cli/policy/policy_choice.h"
#include "tests/unit/unit.h"

static void forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        struct policy_choice choice;
    } cases[] = {
        {"current", {.kind = POLICY_CHOICE_CURRENT}},
        {"previous", {.kind = POLICY_CHOICE_PREVIOUS}},
        {"@1", {.kind = POLICY_CHOICE_POSITION, .position = 1}},
        {"@18446744073709551615", {.kind = POLICY_CHOICE_POSITION, .position = UINT64_MAX}},
        {"2026", {.kind = POLICY_CHOICE_ID, .id = UINT64_C(0x2026) << 48, .digits = 4}},
        {"20260131", {.kind = POLICY_CHOICE_ID, .id = UINT64_C(0x20260131) << 32, .digits = 8}},
        {"DeCaF", {.kind = POLICY_CHOICE_ID, .id = UINT64_C(0xdecaf) << 44, .digits = 5}},
        {"0123456789abcdef",
         {.kind = POLICY_CHOICE_ID, .id = UINT64_C(0x0123456789abcdef), .digits = 16}},
        {"2026-01-01", {.kind = POLICY_CHOICE_TIME, .time_us = INT64_C(1767225600000000)}},
        {"2026-01-01T00:00:01.5Z",
         {.kind = POLICY_CHOICE_TIME, .time_us = INT64_C(1767225601500000)}},
        {"2026-01-01 01:00:00+01:00",
         {.kind = POLICY_CHOICE_TIME, .time_us = INT64_C(1767225600000000)}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct policy_choice choice, expected = cases[i].choice;
        assert_true(policy_choice_parse(cases[i].text, &choice));
        assert_int_equal(choice.kind, expected.kind);
        assert_ptr_equal(choice.text, cases[i].text);
        assert_int_equal(choice.position, expected.position);
        assert_int_equal(choice.time_us, expected.time_us);
        if (choice.kind == POLICY_CHOICE_ID) {
            assert_true(choice.id == expected.id);
            assert_int_equal(choice.digits, expected.digits);
        }
    }
}

static void no_forms(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "Current",
        "currently",
        "@",
        "@0",
        "@+1",
        "@1x",
        "@18446744073709551616",
        "abc",
        "0123456789abcdef0",
        "abcg",
        "0x1234",
        "2026-02-30",
        "2026-1-1",
        "2026-01-01T25:00:00Z",
        "rules",
        "./current",
        "\xe2\x82\xac\xe2\x82\xac",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct policy_choice choice = {.digits = 77};
        if (policy_choice_parse(texts[i], &choice))
            fail_msg("\"%s\" is taken for a policy", texts[i]);
        assert_int_equal(choice.digits, 77);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(no_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
