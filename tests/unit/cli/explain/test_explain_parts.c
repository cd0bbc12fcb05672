/* Conditions as people read them: what stands on which line, and what is left out. */
#include "clients/cli/explain/explain_parts.h"

#include "tests/unit/unit.h"

#include <math.h>

#define YES                                                                                        \
    { .type = HARRIER_VALUE_FLAG, .value.flag = true }
#define NO                                                                                         \
    { .type = HARRIER_VALUE_FLAG, .value.flag = false }

/* A part that was reached, with nothing special about it. */
#define PART(at, what, is, came_to, does)                                                          \
    {                                                                                              \
        .depth = (at), .text = (what), .kind = HARRIER_EXPLAINED_##is, .value = came_to,           \
        .type = "bool", .error = "", .list = "", .reached = true, .decides = (does)                \
    }

static const struct harrier_explained_policy no_values;

static void expect(bool all, const struct harrier_explained_policy *policy,
                   const struct harrier_explained_part *parts, size_t count, const char *expected) {
    struct buffer out;
    buffer_init(&out);
    (all ? explain_parts_all : explain_parts_deciding)(&out, policy, parts, count, 2);
    buffer_append_u8(&out, '\0');
    assert_string_equal((const char *)out.bytes, expected);
    buffer_deinit(&out);
}

static void what_must_all_be_true(void **state) {
    (void)state;
    struct harrier_explained_part parts[] = {
        PART(0, "a >= 3 && b && c in lists.l", AND, NO, true),
        PART(1, "a >= 3", COMPARISON, YES, false),
        PART(2, "a", NAME, YES, false),
        PART(1, "b", NAME, NO, true),
        PART(1, "c in lists.l", LIST, NO, true),
        PART(2, "c", NAME, NO, true),
    };
    parts[2].value = (struct harrier_feature){.type = HARRIER_VALUE_INTEGER, .value.integer = 4};
    parts[4].reached = parts[5].reached = false;
    parts[4].list = "l";
    expect(true, &no_values, parts, 6,
           "  ✓ a >= 3                                      a = 4\n"
           "  ✗ b\n"
           "  ✗ c in lists.l                                not evaluated\n");
    expect(false, &no_values, parts, 6, "  ✗ b\n");
}

static void alternatives_within(void **state) {
    (void)state;
    const struct harrier_explained_part parts[] = {
        PART(0, "a && (b || !c) && !(d && e)", AND, NO, true),
        PART(1, "a", NAME, YES, false),
        PART(1, "b || !c", OR, NO, true),
        PART(2, "b", NAME, NO, true),
        PART(2, "!c", NOT, NO, true),
        PART(3, "c", NAME, YES, true),
        PART(1, "!(d && e)", NOT, YES, false),
        PART(2, "d && e", AND, NO, false),
        PART(3, "d", NAME, NO, false),
        PART(3, "e", NAME, YES, false),
    };
    expect(true, &no_values, parts, 10,
           "  ✓ a\n"
           "  ✗ one of\n"
           "    ✗ b\n"
           "    ✗ !c                                        c = true\n"
           "  ✓ not\n"
           "    ✗ all of\n"
           "      ✗ d\n"
           "      ✓ e\n");
    expect(false, &no_values, parts, 10,
           "  ✗ b\n"
           "  ✗ !c                                          c = true\n");
}

static void where_values_come_from(void **state) {
    (void)state;
    struct harrier_explained_part parts[] = {
        PART(0, "x > 2.0 * thresholds.t[mcc]", COMPARISON, YES, true),
        PART(1, "x", NAME, YES, true),
        PART(1, "2.0 * thresholds.t[mcc]", OTHER, YES, true),
        PART(2, "thresholds.t[mcc]", THRESHOLD, YES, true),
        PART(3, "mcc", NAME, YES, true),
    };
    parts[1].value = (struct harrier_feature){.type = HARRIER_VALUE_NUMBER, .value.number = 9.5};
    parts[2].value = (struct harrier_feature){.type = HARRIER_VALUE_NUMBER, .value.number = 8};
    parts[3].value = (struct harrier_feature){.type = HARRIER_VALUE_NUMBER, .value.number = 4};
    parts[3].origin = HARRIER_ORIGIN_GROUP;
    parts[4].value = (struct harrier_feature){.type = HARRIER_VALUE_TEXT, .value.text = "5411"};
    expect(true, &no_values, parts, 5,
           "  ✓ x > 2.0 * thresholds.t[mcc]                 x = 9.5, mcc = \"5411\", "
           "2.0 * thresholds.t[mcc] = 8, "
           "thresholds.t[mcc] = 4 (computed by the rebuild, for this group)\n");
}

static void robust_deviations_are_a_sentence(void **state) {
    (void)state;
    struct harrier_explained_part parts[] = {
        PART(0, "robustZScore(amount, thresholds.m[card], thresholds.s) > 3.5", COMPARISON, YES,
             true),
        PART(1, "robustZScore(amount, thresholds.m[card], thresholds.s)", OTHER, YES, true),
        PART(2, "amount", NAME, YES, true),
        PART(2, "thresholds.m[card]", THRESHOLD, YES, true),
        PART(3, "card", NAME, YES, true),
        PART(2, "thresholds.s", THRESHOLD, YES, true),
    };
    static const double values[] = {0, 7.34, 250, 24.1, 0, 20.76};
    for (size_t i = 1; i < 6; i++)
        parts[i].value =
            (struct harrier_feature){.type = HARRIER_VALUE_NUMBER, .value.number = values[i]};
    parts[4].value = (struct harrier_feature){.type = HARRIER_VALUE_TEXT, .value.text = "c1"};
    expect(true, &no_values, parts, 6,
           "  ✓ robustZScore(amount, thresholds.m[card], thresholds.s) > 3.5  amount = 250, "
           "card = \"c1\", amount is 7.3 robust deviations above the usual 24.1, "
           "thresholds.m[card] = 24.1, thresholds.s = 20.76\n");
    parts[1].value.value.number = -0.96;
    parts[2].value.value.number = 20;
    parts[0].value.value.flag = false;
    expect(true, &no_values, parts, 5, /* without the spread, it is not known whose usual this is */
           "  ✗ robustZScore(amount, thresholds.m[card], thresholds.s) > 3.5  amount = 20, "
           "card = \"c1\", robustZScore(amount, thresholds.m[card], thresholds.s) = -0.96, "
           "thresholds.m[card] = 24.1\n");
    expect(true, &no_values, parts, 6,
           "  ✗ robustZScore(amount, thresholds.m[card], thresholds.s) > 3.5  amount = 20, "
           "card = \"c1\", amount is 1.0 robust deviations below the usual 24.1, "
           "thresholds.m[card] = 24.1, thresholds.s = 20.76\n");
    parts[1].value.value.number = HUGE_VAL;
    expect(true, &no_values, parts, 6,
           "  ✗ robustZScore(amount, thresholds.m[card], thresholds.s) > 3.5  amount = 20, "
           "card = \"c1\", amount is above the usual 24.1, which has no deviation, "
           "thresholds.m[card] = 24.1, thresholds.s = 20.76\n");
}

static void lists(void **state) {
    (void)state;
    struct harrier_explained_part parts[] = {
        PART(0, "card in lists.known", LIST, YES, true),
        PART(1, "card", NAME, YES, true),
    };
    parts[0].list = "known";
    parts[1].value = (struct harrier_feature){.type = HARRIER_VALUE_TEXT, .value.text = "c1"};
    expect(
        true, &no_values, parts, 2,
        "  ✓ card in lists.known                         card = \"c1\", it is in the list known\n");
    parts[0].added = true;
    expect(
        true, &no_values, parts, 2,
        "  ✓ card in lists.known                         card = \"c1\", it is in the list known, "
        "added while the server ran\n");
}

static void what_has_no_value(void **state) {
    (void)state;
    struct harrier_explained_part parts[] = {
        PART(0, "1 / n > m", COMPARISON, {.type = HARRIER_VALUE_ABSENT}, true),
        PART(1, "n", NAME, {.type = HARRIER_VALUE_ABSENT}, true),
    };
    expect(false, &no_values, parts, 2,
           "  – 1 / n > m                                   n = absent\n");
    parts[0].error = "division by zero";
    expect(false, &no_values, parts, 1,
           "  ! 1 / n > m                                   no value (division by zero)\n");
}

/* A computed value that stands for a condition brings its own reasons along. */
static void computed_conditions(void **state) {
    (void)state;
    const struct harrier_explained_part own[] = {
        PART(0, "a && b", AND, NO, true),
        PART(1, "a", NAME, YES, false),
        PART(1, "b", NAME, NO, true),
    };
    const struct harrier_explained_computed computed = {"odd", own, 3};
    const struct harrier_explained_policy policy = {.computed = &computed, .computed_count = 1};
    const struct harrier_explained_part parts[] = {PART(0, "odd", NAME, NO, true)};
    expect(false, &policy, parts, 1,
           "  ✗ odd\n"
           "      ✗ b\n");
}

/* A long part keeps its values, two spaces behind it. */
static void long_parts(void **state) {
    (void)state;
    struct harrier_explained_part parts[] = {
        PART(0, "a_name_that_is_quite_long > another_one_of_the_same_kind", COMPARISON, NO, true),
        PART(1, "é", NAME, NO, true),
    };
    expect(true, &no_values, parts, 2,
           "  ✗ a_name_that_is_quite_long > another_one_of_the_same_kind  é = false\n");
    assert_true(!explain_parts_is_true(parts, 2));
    assert_true(!explain_parts_is_true(parts, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_all_be_true),
        cmocka_unit_test(alternatives_within),
        cmocka_unit_test(where_values_come_from),
        cmocka_unit_test(robust_deviations_are_a_sentence),
        cmocka_unit_test(lists),
        cmocka_unit_test(what_has_no_value),
        cmocka_unit_test(computed_conditions),
        cmocka_unit_test(long_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
