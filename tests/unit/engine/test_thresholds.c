/* Thresholds and cut-offs of a generation, as decisions see them. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/unit.h"

static const struct policy_file files[] = {
    {.path = TEXT_LITERAL("policy.yaml"),
     .content = TEXT_LITERAL("policy:\n"
                             "  name: bench\n"
                             "  base_currency: EUR\n"
                             "  cutoffs: {review: 300, decline: 800}\n")},
    {.path = TEXT_LITERAL("rules/r.yaml"),
     .content = TEXT_LITERAL("rules:\n"
                             "  - name: dear\n"
                             "    when: amount > thresholds.p99[mcc]\n"
                             "    then: {score: 350}\n"
                             "    reason: above {thresholds.p99[mcc]}\n")},
    {.path = TEXT_LITERAL("thresholds.yaml"),
     .content = TEXT_LITERAL(
         "thresholds:\n"
         "  - {name: p99, quantile: 0.99, of: amount, by: mcc, over: 1d, fallback: 10.5}\n"
         "budgets:\n"
         "  - {verdict: review, at_most: 0.01, over: 1d}\n")},
};

struct bench {
    struct snapshot *snapshot;
    struct engine *engine;
    struct state_map map;
    struct arena arena;
    struct threshold_values values;
    struct threshold_cutoff cutoff;
    struct thresholds *thresholds;
};

static int open_bench(void **state) {
    static struct bench bench;
    static const struct text keys[] = {{"5411", 4}};
    static const double values[] = {20.25};
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load(files, 3, &bench.snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    bench.engine = engine_new(bench.snapshot, bench.snapshot);
    state_map_init(&bench.map, &bench.snapshot->plan);
    arena_init(&bench.arena, 1 << 20);
    bench.values = (struct threshold_values){.name = {"p99", 3},
                                             .definition = bench.snapshot->thresholds[0].definition,
                                             .has_overall = true,
                                             .overall = 40,
                                             .key_count = 1,
                                             .keys = keys,
                                             .values = values,
                                             .group_count = 1};
    bench.cutoff = (struct threshold_cutoff){.verdict = VERDICT_REVIEW,
                                             .definition = bench.snapshot->budgets[0].definition,
                                             .score = 400};
    bench.thresholds = NULL;
    *state = &bench;
    return 0;
}

static int close_bench(void **state) {
    struct bench *bench = *state;
    engine_free(bench->engine);
    thresholds_free(bench->thresholds);
    snapshot_unref(bench->snapshot);
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
    return 0;
}

/* What the bench has in values and cutoff. */
static void use(struct bench *bench) {
    const struct threshold_set set = {.thresholds = &bench->values,
                                      .threshold_count = 1,
                                      .cutoffs = &bench->cutoff,
                                      .cutoff_count = 1};
    struct thresholds *old = bench->thresholds;
    bench->thresholds = thresholds_new(&set);
    engine_use_thresholds(bench->engine, bench->thresholds);
    thresholds_free(old);
}

static struct decision decide(struct bench *bench, int64_t amount_minor, const char *mcc) {
    struct transaction transaction = {.id = TEXT_LITERAL("t"),
                                      .event_time_us = INT64_C(1767225600000000),
                                      .amount_minor = amount_minor,
                                      .currency = TEXT_LITERAL("EUR")};
    transaction.fields[FIELD_MCC] = text_of(mcc);
    struct decision decision;
    struct error error;
    struct text field;
    if (engine_decide(bench->engine, &transaction, &bench->map.source, false, &bench->arena,
                      &decision, &field, &error) < 0)
        fail_msg("%s", error.text);
    return decision;
}

static void assert_reason(const struct decision *decision, const char *text) {
    assert_int_equal(decision->reason_count, text != NULL);
    if (text)
        assert_true(text_is(decision->reasons[0].text, text));
}

static void before_the_first_generation_there_are_fallbacks(void **state) {
    struct bench *bench = *state;
    struct decision decision = decide(bench, 1050, "5411");
    assert_reason(&decision, NULL);
    decision = decide(bench, 1051, "5411");
    assert_reason(&decision, "above 10.5");
    assert_int_equal(decision.score, 350);
    assert_int_equal(decision.verdict, VERDICT_REVIEW);
    assert_int_equal(engine_cutoff(bench->engine, VERDICT_REVIEW), 300);
}

static void a_generation_brings_values_and_cutoffs(void **state) {
    struct bench *bench = *state;
    use(bench);
    struct decision decision = decide(bench, 2025, "5411");
    assert_reason(&decision, NULL);
    decision = decide(bench, 2026, "5411");
    assert_reason(&decision, "above 20.25");
    assert_int_equal(decision.verdict, VERDICT_APPROVE); /* 350 is below 400 now */
    decision = decide(bench, 4001, "7995");
    assert_reason(&decision, "above 40");
    assert_int_equal(engine_cutoff(bench->engine, VERDICT_REVIEW), 400);
    assert_int_equal(engine_cutoff(bench->engine, VERDICT_DECLINE), 800);
    engine_use_thresholds(bench->engine, NULL);
    decision = decide(bench, 1051, "5411");
    assert_reason(&decision, "above 10.5");
    assert_int_equal(decision.verdict, VERDICT_REVIEW);
}

static void other_declarations_have_no_part_in_it(void **state) {
    struct bench *bench = *state;
    bench->values.definition++;
    bench->cutoff.definition++;
    use(bench);
    struct decision decision = decide(bench, 1051, "5411");
    assert_reason(&decision, "above 10.5");
    assert_int_equal(decision.verdict, VERDICT_REVIEW);
}

static void without_cutoffs_only_rules_give_verdicts(void **state) {
    struct bench *bench = *state;
    use(bench);
    engine_ignore_cutoffs(bench->engine);
    struct decision decision = decide(bench, 9999, "5411");
    assert_int_equal(decision.score, 350);
    assert_int_equal(decision.verdict, VERDICT_APPROVE);
}

static void expressions_read_the_transaction_decided_last(void **state) {
    struct bench *bench = *state;
    use(bench);
    decide(bench, 2026, "5411");
    const struct expression *when = bench->snapshot->rules[0].when;
    assert_true(value_equal(expression_eval(when, engine_frame(bench->engine), &bench->arena),
                            value_bool(true)));
    decide(bench, 2025, "5411");
    assert_true(value_equal(expression_eval(when, engine_frame(bench->engine), &bench->arena),
                            value_bool(false)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(before_the_first_generation_there_are_fallbacks),
        TEST(a_generation_brings_values_and_cutoffs),
        TEST(other_declarations_have_no_part_in_it),
        TEST(without_cutoffs_only_rules_give_verdicts),
        TEST(expressions_read_the_transaction_decided_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
