/* Comparing two decisions: every part that the archive keeps is compared and reported. */
#include "core/engine/audit.h"
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
    derived.arm = ARM_CHALLENGER;
    expect(&derived, AUDIT_ARM, "arm none → challenger");
    derived = archived();
    derived.snapshot_id = 16;
    derived.generation_id = 17;
    expect(&derived, AUDIT_SNAPSHOT | AUDIT_GENERATION,
           "policy 0000000000000001 → 0000000000000010, "
           "generation 0000000000000002 → 0000000000000011");
}

/* Older records have their number alone. */
static void names_of_failed_rules(void **state) {
    (void)state;
    static const struct text named[] = {TEXT_LITERAL("a"), TEXT_LITERAL("b")},
                             others[] = {TEXT_LITERAL("a"), TEXT_LITERAL("c")};
    struct decision old = archived(), kept = archived();
    kept.failed_rules = named;
    kept.failed_rule_count = 2;
    struct decision derived = kept;
    assert_int_equal(audit_compare(&kept, &derived), 0);
    assert_int_equal(audit_compare(&old, &derived), 0);
    assert_int_equal(audit_compare(&derived, &old), AUDIT_RULE_ERRORS);
    derived.failed_rules = others;
    assert_int_equal(audit_compare(&kept, &derived), AUDIT_RULE_ERRORS);
    derived.failed_rules = named;
    derived.failed_rule_count = 1;
    assert_int_equal(audit_compare(&kept, &derived), AUDIT_RULE_ERRORS);
    derived.rule_errors = 1;
    struct buffer words;
    buffer_init(&words);
    audit_describe(&kept, &derived, AUDIT_RULE_ERRORS, &words);
    buffer_append_u8(&words, '\0');
    assert_string_equal((const char *)words.bytes, "rule errors 3 (a, b) → 1 (a)");
    buffer_deinit(&words);
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

/* Older decisions say how many features had no history, but not which. */
static void warming_was_reported_in_fewer_words(void **state) {
    (void)state;
    struct decision derived = archived(), old = archived();
    derived.degraded = old.degraded = true;
    derived.degraded_reason =
        TEXT_LITERAL("2 features have no history until the next rebuild: a, b; used by c");
    old.degraded_reason = TEXT_LITERAL("2 features have no history until the next rebuild");
    assert_int_equal(audit_compare(&old, &derived), 0);
    assert_int_equal(audit_compare(&derived, &old), AUDIT_DEGRADED);
    old.degraded_reason = TEXT_LITERAL("3 features have no history until the next rebuild");
    assert_int_equal(audit_compare(&old, &derived), AUDIT_DEGRADED);
    old.degraded_reason = TEXT_LITERAL("2 features have no history until the next rebuild: a, b");
    assert_int_equal(audit_compare(&old, &derived), AUDIT_DEGRADED);
    old.degraded_reason = TEXT_LITERAL("2 features");
    assert_int_equal(audit_compare(&old, &derived), AUDIT_DEGRADED);
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

/* Which of them belong together: what is not said of a field is that it is as before. */
static void what_rules_are_reported_with(void **state) {
    (void)state;
    static const struct text tags[] = {TEXT_LITERAL("a"), TEXT_LITERAL("b")};
    const struct reason before = {.rule = TEXT_LITERAL("many"),
                                  .group = TEXT_LITERAL("fast"),
                                  .tags = tags,
                                  .tag_count = 2,
                                  .verdict_if_live = VERDICT_REVIEW};
    struct reason changed[] = {before, before, before, before, before, before};
    changed[0].suppressed = true;
    changed[1].group = TEXT_LITERAL("slow");
    changed[2].tag_count = 1;
    changed[3].capped = 7;
    changed[4].verdict_if_live = VERDICT_DECLINE;
    static const struct text others[] = {TEXT_LITERAL("a"), TEXT_LITERAL("c")};
    changed[5].tags = others;
    struct decision kept = {.reasons = &before, .reason_count = 1};
    assert_int_equal(audit_compare(&kept, &kept), 0);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        struct decision derived = {.reasons = &changed[i], .reason_count = 1};
        assert_int_equal(audit_compare(&kept, &derived), AUDIT_REASONS);
    }
    /* A record of a version that did not keep it yet. */
    struct reason old = before;
    old.verdict_if_live = VERDICT_NONE;
    kept.reasons = &old;
    struct decision derived = {.reasons = &before, .reason_count = 1};
    assert_int_equal(audit_compare(&kept, &derived), 0);
    assert_int_equal(audit_compare(&derived, &kept), AUDIT_REASONS);
}

static void each_part_of_a_shadow(void **state) {
    (void)state;
    static const uint32_t rules[] = {1, 5}, others[] = {1, 6};
    const struct shadow_decision before = {
        .snapshot_id = 10, .verdict = VERDICT_REVIEW, .score = 5, .rules = rules, .rule_count = 2};
    struct shadow_decision changed[] = {before, before, before, before, before, before, before};
    changed[0].snapshot_id = 11;
    changed[1].verdict = VERDICT_NONE;
    changed[2].score = 6;
    changed[3].rules = others;
    changed[4].rule_count = 1;
    changed[5].rule_errors = 1;
    changed[6].degraded = true;
    const struct decision kept = {.shadows = &before, .shadow_count = 1};
    assert_int_equal(audit_compare(&kept, &kept), 0);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        struct decision derived = {.shadows = &changed[i], .shadow_count = 1};
        assert_int_equal(audit_compare(&kept, &derived), AUDIT_SHADOWS);
    }
    const struct decision none = {0};
    struct buffer words;
    buffer_init(&words);
    assert_int_equal(audit_compare(&kept, &none), AUDIT_SHADOWS);
    audit_describe(&kept, &none, AUDIT_SHADOWS, &words);
    buffer_append_u8(&words, '\0');
    assert_string_equal((const char *)words.bytes,
                        "shadow policy 000000000000000a review 5 by 2 rules, 0 errors → nothing");
    buffer_deinit(&words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same),
        cmocka_unit_test(each_part),
        cmocka_unit_test(names_of_failed_rules),
        cmocka_unit_test(stale_is_not_derived),
        cmocka_unit_test(what_rules_are_reported_with),
        cmocka_unit_test(each_part_of_a_shadow),
        cmocka_unit_test(warming_was_reported_in_fewer_words),
        cmocka_unit_test(each_part_of_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
