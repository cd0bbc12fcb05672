/* Two decisions held side by side: each part that the archive keeps is looked at, and told. */
#include "batch/audit.h"
#include "tests/unit/unit.h"

static const struct reason reasons[] = {
    {.rule = TEXT_LITERAL("many"), .text = TEXT_LITERAL("3 in an hour"), .score = 400},
    {.rule = TEXT_LITERAL("dear"),
     .text = TEXT_LITERAL("much"),
     .score = -5,
     .verdict = VERDICT_REVIEW,
     .shadow = true},
};

static struct decision archived(void) {
    return (struct decision){.verdict = VERDICT_REVIEW,
                             .score = 400,
                             .reasons = reasons,
                             .reason_count = 2,
                             .snapshot_id = 1,
                             .generation_id = 2,
                             .rule_errors = 3,
                             .feature_hash = 0xabc};
}

static void expect(const struct decision *derived, unsigned differences, const char *words) {
    struct decision kept = archived();
    struct buffer buffer;
    buffer_init(&buffer);
    assert_int_equal(audit_compare(&kept, derived), differences);
    audit_describe(&kept, derived, differences, &buffer);
    buffer_append_u8(&buffer, '\0');
    assert_string_equal((const char *)buffer.bytes, words);
    buffer_deinit(&buffer);
}

static void the_same(void **state) {
    (void)state;
    struct decision derived = archived();
    struct reason copies[2] = {reasons[0], reasons[1]};
    derived.reasons = copies;
    /* What the archive does not keep does not matter. */
    derived.server_us = 5;
    derived.position = 9;
    expect(&derived, 0, "");
}

static void each_part(void **state) {
    (void)state;
    struct decision derived = archived();
    derived.verdict = VERDICT_APPROVE;
    expect(&derived, AUDIT_VERDICT, "verdict review → approve");
    derived = archived();
    derived.score = 0;
    expect(&derived, AUDIT_SCORE, "score 400 → 0");
    derived = archived();
    derived.feature_hash++;
    expect(&derived, AUDIT_FEATURES, "features' hash 0000000000000abc → 0000000000000abd");
    derived = archived();
    derived.degraded = true;
    derived.degraded_reason = TEXT_LITERAL("late");
    expect(&derived, AUDIT_DEGRADED, "degraded no → \"late\"");
    derived = archived();
    derived.rule_errors = 0;
    expect(&derived, AUDIT_RULE_ERRORS, "rule errors 3 → 0");
    derived = archived();
    derived.snapshot_id = 16;
    derived.generation_id = 17;
    expect(&derived, AUDIT_SNAPSHOT | AUDIT_GENERATION,
           "policy 0000000000000001 → 0000000000000010, "
           "generation 0000000000000002 → 0000000000000011");
}

/* Only the server's clock can say it, and it says nothing else. */
static void stale_is_not_derived(void **state) {
    (void)state;
    struct decision derived = archived(), stale = archived();
    stale.degraded = true;
    stale.degraded_reason = TEXT_LITERAL(DECISION_STALE);
    assert_int_equal(audit_compare(&stale, &derived), 0);
    assert_int_equal(audit_compare(&derived, &stale), AUDIT_DEGRADED);
    derived.degraded = true;
    derived.degraded_reason = TEXT_LITERAL("late");
    assert_int_equal(audit_compare(&stale, &derived), AUDIT_DEGRADED);
}

static void each_part_of_a_reason(void **state) {
    (void)state;
    static const struct reason changed[] = {
        {.rule = TEXT_LITERAL("some"),
         .text = TEXT_LITERAL("much"),
         .score = -5,
         .verdict = VERDICT_REVIEW,
         .shadow = true},
        {.rule = TEXT_LITERAL("dear"),
         .text = TEXT_LITERAL("muck"),
         .score = -5,
         .verdict = VERDICT_REVIEW,
         .shadow = true},
        {.rule = TEXT_LITERAL("dear"),
         .text = TEXT_LITERAL("much"),
         .score = 5,
         .verdict = VERDICT_REVIEW,
         .shadow = true},
        {.rule = TEXT_LITERAL("dear"),
         .text = TEXT_LITERAL("much"),
         .score = -5,
         .verdict = VERDICT_DECLINE,
         .shadow = true},
        {.rule = TEXT_LITERAL("dear"),
         .text = TEXT_LITERAL("much"),
         .score = -5,
         .verdict = VERDICT_REVIEW},
    };
    static const char *const words[] = {
        "reason 2 dear -5 review shadow \"much\" → some -5 review shadow \"much\"",
        "reason 2 dear -5 review shadow \"much\" → dear -5 review shadow \"muck\"",
        "reason 2 dear -5 review shadow \"much\" → dear +5 review shadow \"much\"",
        "reason 2 dear -5 review shadow \"much\" → dear -5 decline shadow \"much\"",
        "reason 2 dear -5 review shadow \"much\" → dear -5 review \"much\"",
    };
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        const struct reason both[] = {reasons[0], changed[i]};
        struct decision derived = archived();
        derived.reasons = both;
        expect(&derived, AUDIT_REASONS, words[i]);
    }
    struct decision derived = archived();
    derived.reason_count = 1;
    expect(&derived, AUDIT_REASONS, "reason 2 dear -5 review shadow \"much\" → nothing");
    const struct reason three[] = {reasons[0], reasons[1], reasons[0]};
    derived.reasons = three;
    derived.reason_count = 3;
    expect(&derived, AUDIT_REASONS, "reason 3 nothing → many +400 \"3 in an hour\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same),
        cmocka_unit_test(each_part),
        cmocka_unit_test(stale_is_not_derived),
        cmocka_unit_test(each_part_of_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
