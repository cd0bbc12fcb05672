/* Transactions that wait for their models: what changes between two batches of them, and what else
 * the engine does with a frame of theirs in its place. Each decision must be the one that another
 * engine makes with engine_judge() or engine_decide(). batch/replay_models has random policies. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/unit.h"

#define START_US INT64_C(1767225600000000)

static const struct policy_file files[] = {
    {.path = TEXT_LITERAL("policy.yaml"),
     .content = TEXT_LITERAL("policy:\n"
                             "  name: bench\n"
                             "  base_currency: EUR\n"
                             "  cutoffs: {review: 300, decline: 800}\n")},
    {.path = TEXT_LITERAL("features.yaml"),
     .content = TEXT_LITERAL("entities:\n"
                             "  card: {key: card}\n"
                             "features:\n"
                             "  card:\n"
                             "    - {name: count_1h, aggregate: count, window: 1h}\n")},
    {.path = TEXT_LITERAL("lists.yaml"),
     .content = TEXT_LITERAL("lists:\n"
                             "  bad_cards: {about: Told at run time}\n")},
    {.path = TEXT_LITERAL("models.yaml"),
     .content = TEXT_LITERAL("models:\n"
                             "  - name: points\n"
                             "    scorecard:\n"
                             "      base: 500\n"
                             "      points:\n"
                             "        share: [{below: 0, points: 7}, {below: 5, points: 25.5},\n"
                             "                {points: -40}]\n"
                             "    inputs: {share: 12 / (card.count_1h - 2)}\n"
                             "    output: margin\n")},
    {.path = TEXT_LITERAL("rules/r.yaml"),
     .content = TEXT_LITERAL("rules:\n"
                             "  - name: dear\n"
                             "    when: amount > thresholds.p99\n"
                             "    then: {score: 350}\n"
                             "    reason: above {thresholds.p99}\n"
                             "  - name: few\n"
                             "    when: models.points < 520.0\n"
                             "    then: {score: 100}\n"
                             "    reason: \"{models.points} points, {card.count_1h} payments\"\n"
                             "  - name: listed\n"
                             "    when: card in lists.bad_cards\n"
                             "    then: {verdict: decline}\n"
                             "    reason: \"{card} is bad\"\n")},
    {.path = TEXT_LITERAL("thresholds.yaml"),
     .content =
         TEXT_LITERAL("thresholds:\n"
                      "  - {name: p99, quantile: 0.99, of: amount, over: 1d, fallback: 10.5}\n")},
};

struct bench {
    struct snapshot *snapshot;
    struct engine *engine, *plain; /* the second one decides row by row */
    struct thresholds *thresholds;
    struct list_table *lists;
    struct arena arena;
};

static int open_bench(void **state) {
    static struct bench bench;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load(files, sizeof files / sizeof *files, &bench.snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    bench.engine = engine_new(bench.snapshot, bench.snapshot);
    bench.plain = engine_new(bench.snapshot, bench.snapshot);
    assert_true(engine_prepares(bench.engine));
    const struct threshold_values values = {.name = TEXT_LITERAL("p99"),
                                            .definition = bench.snapshot->thresholds[0].definition,
                                            .has_overall = true,
                                            .overall = 40};
    bench.thresholds =
        thresholds_new(&(struct threshold_set){.thresholds = &values, .threshold_count = 1});
    bench.lists = list_table_new();
    arena_init(&bench.arena, 8 << 20);
    *state = &bench;
    return 0;
}

static int close_bench(void **state) {
    struct bench *bench = *state;
    engine_free(bench->engine);
    engine_free(bench->plain);
    thresholds_free(bench->thresholds);
    list_table_free(bench->lists);
    snapshot_unref(bench->snapshot);
    arena_deinit(&bench->arena);
    return 0;
}

static struct transaction transaction_of(unsigned number) {
    struct transaction transaction = {.id = TEXT_LITERAL("t"),
                                      .event_time_us = START_US + number,
                                      .amount_minor = 500 + 1000 * (int64_t)number,
                                      .currency = TEXT_LITERAL("EUR")};
    transaction.fields[FIELD_CARD] = number % 2 ? TEXT_LITERAL("c1") : TEXT_LITERAL("another card");
    return transaction;
}

static void expect_equal(const struct decision *expected, const struct decision *found) {
    assert_int_equal(expected->verdict, found->verdict);
    assert_int_equal(expected->score, found->score);
    assert_true(expected->feature_hash == found->feature_hash);
    assert_int_equal(expected->rule_errors, found->rule_errors);
    assert_int_equal(expected->reason_count, found->reason_count);
    for (size_t i = 0; i < found->reason_count; i++) {
        assert_true(text_equal(expected->reasons[i].rule, found->reasons[i].rule));
        assert_true(text_equal(expected->reasons[i].text, found->reasons[i].text));
    }
}

#define ROWS 6u

struct totals {
    unsigned reasons, errors, declined;
};

/* Six transactions: the models of each second one, from `first` % 2 on, wait; the others are judged
 * between them. */
static struct totals expect_batch(struct bench *bench, unsigned first) {
    struct transaction transactions[ROWS];
    struct value counts[ROWS];
    struct entity_reading readings[ROWS];
    struct totals totals = {0};
    struct decision expected, found;
    struct error error;
    struct text field;
    arena_reset(&bench->arena);
    for (unsigned i = 0; i < ROWS; i++) {
        transactions[i] = transaction_of(i);
        counts[i] = value_int((int64_t)(i + first) % ROWS); /* the model fails for 2 */
        readings[i] = (struct entity_reading){.values = &counts[i]};
        if (i % 2 == first % 2)
            assert_true(engine_prepare(bench->engine, i, &transactions[i], &readings[i]));
    }
    for (unsigned i = 0; i < ROWS; i++) {
        int r = i % 2 == first % 2 ? engine_judge_prepared(bench->engine, i, &transactions[i],
                                                           false, &bench->arena, &found, &error)
                                   : engine_judge(bench->engine, &transactions[i], &readings[i],
                                                  false, &bench->arena, &found, &field, &error);
        assert_int_equal(r, 0);
        r = engine_judge(bench->plain, &transactions[i], &readings[i], false, &bench->arena,
                         &expected, &field, &error);
        assert_int_equal(r, 0);
        expect_equal(&expected, &found);
        totals.reasons += (unsigned)found.reason_count;
        totals.errors += found.rule_errors;
        totals.declined += found.verdict == VERDICT_DECLINE;
    }
    return totals;
}

static void use_thresholds(struct bench *bench, const struct thresholds *thresholds) {
    engine_use_thresholds(bench->engine, thresholds);
    engine_use_thresholds(bench->plain, thresholds);
}

static void a_generation_comes_between_batches(void **state) {
    struct bench *bench = *state;
    struct totals before = expect_batch(bench, 0);
    use_thresholds(bench, bench->thresholds);
    struct totals after = expect_batch(bench, 0);
    assert_true(after.reasons < before.reasons);
    use_thresholds(bench, NULL);
    assert_int_equal(expect_batch(bench, 0).reasons, before.reasons);
}

static void a_list_comes_between_batches(void **state) {
    struct bench *bench = *state;
    const struct list_change_record change = {.list = TEXT_LITERAL("bad_cards"),
                                              .entry = TEXT_LITERAL("another card")};
    assert_int_equal(expect_batch(bench, 0).declined, 0);
    engine_use_lists(bench->engine, bench->lists);
    engine_use_lists(bench->plain, bench->lists);
    assert_int_equal(expect_batch(bench, 0).declined, 0);
    list_table_apply(bench->lists, &(struct record){.type = RECORD_LIST_CHANGE,
                                                    .position = 1,
                                                    .receive_time_us = START_US,
                                                    .list_change = change});
    assert_int_equal(expect_batch(bench, 0).declined, 3);
    assert_int_equal(expect_batch(bench, 1).declined, 3);
}

/* In the first batch the model fails for row 2, in the second for row 1. */
static void what_failed_is_forgotten(void **state) {
    struct bench *bench = *state;
    for (unsigned first = 0; first < 4; first++)
        assert_int_equal(expect_batch(bench, first).errors, 1);
}

/* Rows that are prepared and not judged, as when a replay ends with an error. */
static void a_batch_that_is_left_counts_no_more(void **state) {
    struct bench *bench = *state;
    struct value counts[2] = {value_int(2), value_int(40)};
    struct transaction transaction = transaction_of(5);
    for (unsigned row = 0; row < 2; row++)
        assert_true(engine_prepare(bench->engine, row, &transaction,
                                   &(struct entity_reading){.values = &counts[row]}));
    assert_int_equal(expect_batch(bench, 0).errors, 1);
}

/* Decisions from states, right after a row that was prepared: its frame is in the judge's place. */
static void expect_decisions_after_a_batch(struct bench *bench, bool with_shadows) {
    struct state_map map;
    struct decision expected, found;
    struct error error;
    struct text field;
    expect_batch(bench, 1);
    if (with_shadows) /* finds anew where features are read into */
        engine_use_shadows(bench->engine, NULL, 0);
    state_map_init(&map, &bench->snapshot->plan);
    for (unsigned i = 0; i < 3; i++) {
        struct record record = {.type = RECORD_TRANSACTION, .position = i + 1};
        struct transaction *transaction = &record.transaction.transaction;
        *transaction = transaction_of(1 + 2 * i);
        assert_int_equal(engine_decide(bench->engine, transaction, &map.source, false,
                                       &bench->arena, &found, &field, &error),
                         0);
        assert_int_equal(engine_decide(bench->plain, transaction, &map.source, false, &bench->arena,
                                       &expected, &field, &error),
                         0);
        expect_equal(&expected, &found);
        record.transaction.decision = expected;
        engine_apply(bench->plain, &record, &map.source);
    }
    state_map_deinit(&map);
}

static void a_decision_has_the_judges_own_frame(void **state) {
    expect_decisions_after_a_batch(*state, false);
}

static void shadows_change_while_a_row_is_in_place(void **state) {
    expect_decisions_after_a_batch(*state, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_generation_comes_between_batches),
        TEST(a_list_comes_between_batches),
        TEST(what_failed_is_forgotten),
        TEST(a_batch_that_is_left_counts_no_more),
        TEST(a_decision_has_the_judges_own_frame),
        TEST(shadows_change_while_a_row_is_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
