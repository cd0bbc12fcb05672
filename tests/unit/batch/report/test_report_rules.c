/* What a rule adds beyond the others: every combination of rules that can fire, each asked what the
 * engine itself says when one of them does not. And the rest of what is counted, by hand. */
#include "batch/report/report_rules.h"
#include "core/base/check.h"
#include "tests/unit/batch/damage.h"
#include "tests/unit/engine/state_map.h"
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#define RULES 8
#define MASKS (1u << RULES)

/* Rule i fires when bit i of the amount is set. */
static const char policy[] =
    "policy: {name: rules, base_currency: EUR, cutoffs: {review: 300, decline: 800}}\n"
    "groups:\n"
    "  sums: {score: sum, at_most: 350}\n"
    "  best: {score: max}\n";
static const char rules[] =
    "rules:\n"
    "  - {name: r0, when: amount_minor % 2 == 1, then: {score: 200}}\n"
    "  - {name: r1, when: amount_minor / 2 % 2 == 1, then: {score: 150}}\n"
    "  - {name: r2, when: amount_minor / 4 % 2 == 1, then: {score: 250}, group: sums}\n"
    "  - {name: r3, when: amount_minor / 8 % 2 == 1, then: {score: 250}, group: sums}\n"
    "  - {name: r4, when: amount_minor / 16 % 2 == 1, then: {score: 300}, group: best}\n"
    "  - {name: r5, when: amount_minor / 32 % 2 == 1, then: {score: 100}, group: best}\n"
    "  - {name: r6, when: amount_minor / 64 % 2 == 1, then: {verdict: challenge}}\n"
    "  - {name: r7, when: amount_minor / 128 % 2 == 1, then: {score: -250}}\n";

struct bench {
    struct snapshot *snapshot;
    struct engine *engine;
    struct state_map states;
    struct arena arena;
    struct report_rule_sums sums;
};

static void bench_open(struct bench *bench, const char *rules_yaml) {
    struct policy_text text = {0};
    policy_text_add(&text, "policy.yaml", policy);
    policy_text_add(&text, "rules/r.yaml", rules_yaml);
    bench->snapshot = policy_text_load(&text);
    bench->engine = engine_new(bench->snapshot, bench->snapshot);
    state_map_init(&bench->states, &bench->snapshot->plan);
    arena_init(&bench->arena, 64u << 20);
    report_rule_sums_init(&bench->sums, bench->snapshot, 7);
}

static void bench_close(struct bench *bench) {
    report_rule_sums_deinit(&bench->sums);
    arena_deinit(&bench->arena);
    state_map_deinit(&bench->states);
    engine_free(bench->engine);
    snapshot_unref(bench->snapshot);
}

static struct decision decide(struct bench *bench, unsigned mask) {
    struct transaction transaction = {.id = text_of("t"),
                                      .event_time_us = INT64_C(1767225600000000),
                                      .amount_minor = mask,
                                      .currency = text_of("EUR")};
    struct decision decision;
    struct text field;
    struct error error;
    if (engine_decide(bench->engine, &transaction, &bench->states.source, false, &bench->arena,
                      &decision, &field, &error) < 0)
        fail_msg("%s", error.text);
    return decision;
}

static void add(struct bench *bench, unsigned mask, enum report_class class) {
    struct decision decision = decide(bench, mask);
    uint32_t fired[32];
    size_t count = engine_fired(bench->engine, fired);
    struct report_fact fact = {.class = class, .has_amount = true, .amount_minor = mask};
    report_rule_sums_add(&bench->sums, &fact, bench->engine, &decision, fired, count);
}

static bool is_alert(struct bench *bench, unsigned mask) {
    return report_is_alert(decide(bench, mask).verdict);
}

static void test_added(void **state) {
    (void)state;
    struct bench bench;
    uint64_t expected[RULES] = {0}, all = 0;
    bench_open(&bench, rules);
    for (unsigned mask = 0; mask < MASKS; mask++) {
        add(&bench, mask, mask % 3 == 0 ? REPORT_POSITIVE : REPORT_NEGATIVE);
        arena_reset(&bench.arena);
        for (unsigned i = 0; i < RULES; i++)
            expected[i] +=
                mask >> i & 1 && is_alert(&bench, mask) && !is_alert(&bench, mask & ~(1u << i));
        arena_reset(&bench.arena);
    }
    for (unsigned i = 0; i < RULES; i++) {
        assert_int_equal(bench.sums.rules[i].added_alerts, expected[i]);
        assert_int_equal(bench.sums.rules[i].fires, MASKS / 2);
        assert_int_equal(bench.sums.rules[i].alone, 1);
        all += expected[i];
    }
    assert_true(all > 100);
    assert_int_equal(expected[7], 0); /* it only takes away */
    bench_close(&bench);
}

static void test_classes_and_money(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, rules);
    add(&bench, 1 << 6, REPORT_POSITIVE);          /* r6 alone asks for a challenge */
    add(&bench, 1 << 6 | 1, REPORT_POSITIVE);      /* r6 with 200 of r0 */
    add(&bench, 1 << 6 | 1 << 4, REPORT_POSITIVE); /* r4 would do, too */
    add(&bench, 1 << 6, REPORT_UNKNOWN);
    add(&bench, 1 << 6, REPORT_SUSPECTED);
    const struct report_rule_tally *r6 = &bench.sums.rules[6];
    assert_int_equal(r6->fires, 5);
    assert_int_equal(r6->alone, 3);
    assert_int_equal(r6->classes[REPORT_POSITIVE], 3);
    assert_int_equal(r6->classes[REPORT_UNKNOWN], 1);
    assert_int_equal(r6->classes[REPORT_SUSPECTED], 1);
    assert_int_equal((int64_t)r6->caught, 64 + 65 + 80);
    assert_int_equal(r6->added_alerts, 4);
    assert_int_equal(r6->added_positive, 2);
    assert_int_equal((int64_t)r6->added_caught, 64 + 65);
    assert_int_equal(bench.sums.rules[4].added_alerts, 0);
    bench_close(&bench);
}

/* Shadows have no effect; what they would add is what the engine says of them as if live. */
static void test_shadow(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "rules:\n"
                       "  - {name: live, when: amount_minor % 2 == 1, then: {score: 200}}\n"
                       "  - {name: tried, when: amount_minor / 2 % 2 == 1, mode: shadow,\n"
                       "     then: {score: 150}}\n");
    add(&bench, 2, REPORT_POSITIVE);
    add(&bench, 3, REPORT_POSITIVE);
    add(&bench, 3, REPORT_NEGATIVE);
    const struct report_rule_tally *live = &bench.sums.rules[0], *tried = &bench.sums.rules[1];
    assert_int_equal(tried->fires, 3);
    assert_int_equal(tried->alone, 1); /* the first: no other had effect */
    assert_int_equal(tried->added_alerts, 2);
    assert_int_equal(tried->added_positive, 1);
    assert_int_equal(live->alone, 2); /* the shadow beside it has none */
    assert_int_equal(live->added_alerts, 0);
    assert_int_equal(bench.sums.overlap[0], 2);
    assert_int_equal(bench.sums.overlap[1], 2);
    assert_int_equal(bench.sums.overlap[2], 3);
    bench_close(&bench);
}

/* What is suppressed counts as such and for nothing else. */
static void test_suppressed(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, rules);
    struct decision decision = decide(&bench, 1 << 6 | 1);
    struct reason reasons[2] = {decision.reasons[0], decision.reasons[1]};
    uint32_t fired[32];
    size_t count = engine_fired(bench.engine, fired);
    reasons[1].suppressed = true; /* r6 */
    decision.reasons = reasons;
    decision.verdict = VERDICT_APPROVE;
    struct report_fact fact = {.class = REPORT_POSITIVE, .amount_minor = 65};
    report_rule_sums_add(&bench.sums, &fact, bench.engine, &decision, fired, count);
    assert_int_equal(bench.sums.rules[6].fires, 1);
    assert_int_equal(bench.sums.rules[6].suppressed, 1);
    assert_int_equal(bench.sums.rules[6].classes[REPORT_POSITIVE], 0);
    assert_int_equal(bench.sums.rules[6].added_alerts, 0);
    assert_int_equal(bench.sums.rules[0].alone, 1);
    assert_int_equal(bench.sums.overlap[6 * 7 / 2], 1);
    bench_close(&bench);
}

/* A rule that fails asks for a review: taking another one away changes nothing. */
static void test_verdict_of_an_error(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "rules:\n"
                       "  - {name: fails, when: 1 / (amount_minor - 3) > 5, then: {score: 900},\n"
                       "     on_error: review}\n"
                       "  - {name: small, when: amount_minor < 10, then: {score: 100}}\n");
    add(&bench, 3, REPORT_POSITIVE);
    assert_int_equal(bench.sums.rules[1].fires, 1);
    assert_int_equal(bench.sums.rules[1].added_alerts, 0);
    bench_close(&bench);
}

/* Two ask for a review, one of them because it failed: without the other it is one still. */
static void test_verdict_beside_an_error(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "rules:\n"
                       "  - {name: fails, when: 1 / (amount_minor - 3) > 5, then: {score: 900},\n"
                       "     on_error: review}\n"
                       "  - {name: asks, when: amount_minor < 10, then: {verdict: review}}\n");
    add(&bench, 3, REPORT_POSITIVE);
    assert_int_equal(bench.sums.rules[1].fires, 1);
    assert_int_equal(bench.sums.rules[1].added_alerts, 0);
    add(&bench, 4, REPORT_POSITIVE); /* nothing fails */
    assert_int_equal(bench.sums.rules[1].added_alerts, 1);
    bench_close(&bench);
}

/* A rule that is left out when it fails asks for nothing. */
static void test_error_without_a_verdict(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "rules:\n"
                       "  - {name: fails, when: 1 / (amount_minor - 3) > 5, then: {score: 900}}\n"
                       "  - {name: tried, when: 1 / (amount_minor - 3) > 5, then: {score: 900},\n"
                       "     on_error: review, mode: shadow}\n"
                       "  - {name: asks, when: amount_minor < 10, then: {verdict: review}}\n");
    add(&bench, 3, REPORT_POSITIVE);
    assert_int_equal(bench.sums.rules[2].added_alerts, 1);
    bench_close(&bench);
}

static void test_parts_and_policies(void **state) {
    (void)state;
    struct bench first, second;
    bench_open(&first, rules);
    bench_open(&second, "rules:\n"
                        "  - {name: other, when: amount_minor / 2 % 2 == 1, then: {score: 1}}\n"
                        "  - {name: r0, when: amount_minor % 2 == 1, then: {verdict: review}}\n");
    struct report_rule_sums part;
    report_rule_sums_init(&part, first.snapshot, 3);
    for (unsigned mask = 0; mask < MASKS; mask++)
        add(&first, mask, REPORT_POSITIVE);
    report_rule_sums_merge(&part, &first.sums);
    report_rule_sums_merge(&part, &first.sums);
    assert_int_equal(part.first_position, 3);
    add(&second, 3, REPORT_NEGATIVE);

    struct report_rules all;
    const struct report_rule_sums *all_sums[] = {&part, &second.sums};
    report_rules_init(&all, all_sums, 2);
    assert_int_equal(all.count, RULES + 1);
    assert_true(text_is(all.rules[0].rule->name, "r0"));
    assert_int_equal(all.rules[0].rule->verdict, VERDICT_REVIEW); /* as the last policy has it */
    assert_true(text_is(all.rules[2].group, "sums"));
    assert_true(text_is(all.rules[RULES].rule->name, "other"));
    assert_int_equal(all.rules[0].tally.fires, MASKS + 1);
    assert_int_equal(all.overlap[0], MASKS + 1);
    assert_int_equal(all.overlap[0 * all.count + RULES], 1);
    assert_int_equal(all.overlap[RULES * all.count + 0], 1);
    assert_int_equal(all.overlap[1 * all.count + 2], MASKS / 2);
    assert_int_equal(all.overlap[RULES * all.count + RULES], 1);
    report_rules_deinit(&all);
    report_rule_sums_deinit(&part);
    bench_close(&second);
    bench_close(&first);
}

static void test_too_many_rules_for_the_overlap(void **state) {
    (void)state;
    struct buffer yaml;
    struct bench bench;
    buffer_init(&yaml);
    buffer_printf(&yaml, "rules:\n");
    for (int i = 0; i <= REPORT_OVERLAP_RULES_MAX; i++)
        buffer_printf(&yaml, "  - {name: r%d, when: amount_minor == %d, then: {score: 1}}\n", i, i);
    buffer_append_u8(&yaml, '\0');
    bench_open(&bench, (const char *)yaml.bytes);
    assert_null(bench.sums.overlap);
    add(&bench, 5, REPORT_POSITIVE);
    assert_int_equal(bench.sums.rules[5].fires, 1);
    struct report_rules all;
    const struct report_rule_sums *all_sums[] = {&bench.sums};
    report_rules_init(&all, all_sums, 1);
    assert_null(all.overlap);
    assert_int_equal(all.count, REPORT_OVERLAP_RULES_MAX + 1);
    report_rules_deinit(&all);
    bench_close(&bench);
    buffer_deinit(&yaml);
}

/* ---- put away, and taken out again ---- */

static void add_masks(struct bench *bench, unsigned first, unsigned end) {
    for (unsigned mask = first; mask < end; mask++) {
        add(bench, mask, mask % 3 == 0 ? REPORT_POSITIVE : REPORT_NEGATIVE);
        arena_reset(&bench->arena);
    }
}

static void test_gone_on_with(void **state) {
    (void)state;
    struct bench whole, begun;
    struct buffer bytes;
    bench_open(&whole, rules);
    bench_open(&begun, rules);
    buffer_init(&bytes);
    add_masks(&whole, 0, MASKS);
    add_masks(&begun, 0, MASKS / 3);
    report_rule_sums_encode(&begun.sums, &bytes);
    report_rule_sums_deinit(&begun.sums);
    report_rule_sums_init(&begun.sums, begun.snapshot, 7);
    struct cursor cursor = cursor_of(bytes.bytes, bytes.length);
    report_rule_sums_decode(&begun.sums, &cursor);
    assert_false(cursor.failed);
    assert_int_equal(cursor_left(&cursor), 0);
    add_masks(&begun, MASKS / 3, MASKS);
    for (size_t i = 0; i < RULES; i++)
        assert_memory_equal(&begun.sums.rules[i], &whole.sums.rules[i], sizeof *whole.sums.rules);
    assert_memory_equal(begun.sums.overlap, whole.sums.overlap,
                        RULES * (RULES + 1) / 2 * sizeof *whole.sums.overlap);
    bench_close(&whole);
    bench_close(&begun);
    buffer_deinit(&bytes);
}

static void decode_sums(void *user, struct cursor *cursor) {
    const struct bench *bench = user;
    struct report_rule_sums sums;
    report_rule_sums_init(&sums, bench->snapshot, 7);
    report_rule_sums_decode(&sums, cursor);
    report_rule_sums_deinit(&sums);
}

static void test_damage(void **state) {
    (void)state;
    struct bench bench;
    struct buffer bytes;
    bench_open(&bench, rules);
    buffer_init(&bytes);
    add_masks(&bench, 0, MASKS);
    report_rule_sums_encode(&bench.sums, &bytes);
    damage_all(&bytes, decode_sums, &bench);
    bench_close(&bench);
    buffer_deinit(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_classes_and_money),
        cmocka_unit_test(test_shadow),
        cmocka_unit_test(test_suppressed),
        cmocka_unit_test(test_verdict_of_an_error),
        cmocka_unit_test(test_verdict_beside_an_error),
        cmocka_unit_test(test_error_without_a_verdict),
        cmocka_unit_test(test_parts_and_policies),
        cmocka_unit_test(test_too_many_rules_for_the_overlap),
        cmocka_unit_test(test_gone_on_with),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
