/* From a policy's words to values: quantile, distance, speed and burst of transactions with amounts
 * and locations. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/unit.h"

#define MINUTE INT64_C(60000000)
#define START  INT64_C(1767225600000000) /* 2026-01-01 */
#define DEGREE 10000000

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "features:\n"
    "  card:\n"
    "    - {name: median, aggregate: quantile, of: amount, q: 0.5, window: 30d}\n"
    "    - {name: p95, aggregate: quantile, of: amount, q: 0.9500, window: 30d, exclude_current: "
    "true}\n"
    "    - {name: fraud_p1, aggregate: quantile, of: amount, q: .01, window: 30d, where: "
    "\"outcome == 'fraud'\", default: 0}\n"
    "    - {name: metres, aggregate: distance, window: 1d, where: \"channel == 'pos'\"}\n"
    "    - {name: kmh, aggregate: speed, window: 1d, default: -1}\n"
    "    - {name: latitude, aggregate: last, of: latitude, window: 1d}\n"
    "    - {name: burst, aggregate: burst, tick: 10m, window: 100m}\n";

static struct snapshot *load(void) {
    static const char policy_yaml[] = "policy: {name: bench, base_currency: EUR}\n";
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features_yaml)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy_yaml)},
    };
    struct buffer messages;
    buffer_init(&messages);
    struct error error;
    struct snapshot *snapshot = NULL;
    if (snapshot_load(files, 2, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

struct bench {
    struct snapshot *policy;
    struct engine *engine;
    struct state_map map;
    struct arena arena;
    unsigned number;
};

static int bench_open(void **state) {
    struct bench *bench = test_calloc(1, sizeof *bench);
    bench->policy = load();
    bench->engine = engine_new(bench->policy, bench->policy);
    state_map_init(&bench->map, &bench->policy->plan);
    arena_init(&bench->arena, 16u << 20);
    *state = bench;
    return 0;
}

static int bench_close(void **state) {
    struct bench *bench = *state;
    engine_free(bench->engine);
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
    snapshot_unref(bench->policy);
    test_free(bench);
    return 0;
}

/* Where on the equator, in hundredths of a degree; nowhere if negative. */
static struct transaction purchase(struct bench *bench, int minute, int64_t cents, int place,
                                   const char *channel) {
    struct transaction t = {.id = arena_printf(&bench->arena, "t%u", bench->number++),
                            .event_time_us = START + minute * MINUTE,
                            .amount_minor = cents,
                            .currency = TEXT_LITERAL("EUR"),
                            .has_location = place >= 0,
                            .longitude_e7 = place * (DEGREE / 100)};
    t.fields[FIELD_CARD] = TEXT_LITERAL("c1");
    t.fields[FIELD_CHANNEL] = text_of(channel);
    return t;
}

static struct decision decide(struct bench *bench, const struct transaction *transaction) {
    struct decision decision;
    struct error error;
    struct text field;
    if (engine_decide(bench->engine, transaction, &bench->map.source, true, &bench->arena,
                      &decision, &field, &error) < 0)
        fail_msg("%.*s: %s", TEXT_ARGS(field), error.text);
    return decision;
}

static void apply(struct bench *bench, const struct transaction *transaction) {
    struct record record = {.type = RECORD_TRANSACTION};
    record.transaction.transaction = *transaction;
    engine_apply(bench->engine, &record, &bench->map.source);
}

static void assert_feature(const struct decision *decision, const char *name,
                           struct value expected) {
    for (size_t i = 0; i < decision->feature_count; i++)
        if (text_is(decision->features[i].name, name)) {
            char got[64];
            value_format(decision->features[i].value, got, sizeof got);
            if (!value_equal(decision->features[i].value, expected))
                fail_msg("%s is %s", name, got);
            return;
        }
    fail_msg("no feature %s", name);
}

static void the_policy_says_what_is_kept(void **state) {
    struct bench *bench = *state;
    const struct entity_plan *card = &bench->policy->plan.entities[0];
    assert_int_equal(card->column_count, 3);
    assert_true(text_is(card->columns[1].source, "location"));
    assert_int_equal(card->columns[1].type, COLUMN_PLACE);
    assert_int_equal(card->features[0].q_parts, 5000);
    assert_int_equal(card->features[1].q_parts, 9500);
    assert_int_equal(card->features[2].q_parts, 100);
    assert_true(card->features[2].filter >= 0);
    assert_int_equal(card->features[3].column, 1); /* one place for both */
    assert_int_equal(card->features[4].column, 1);
    assert_int_equal(card->features[6].tick_us, 10 * MINUTE);
    assert_int_equal(card->features[6].window_us, 100 * MINUTE);
}

static void the_first_transaction_has_no_past(void **state) {
    struct bench *bench = *state;
    struct transaction first = purchase(bench, 0, 1234, 0, "pos");
    struct decision decision = decide(bench, &first);
    assert_feature(&decision, "card.median", value_double(12.34));
    assert_feature(&decision, "card.p95", value_absent());
    assert_feature(&decision, "card.fraud_p1", value_double(0));
    assert_feature(&decision, "card.metres", value_absent());
    assert_feature(&decision, "card.kmh", value_double(-1));
    assert_feature(&decision, "card.burst", value_double(0));
}

static void values_come_from_amounts_and_locations(void **state) {
    struct bench *bench = *state;
    struct transaction purchases[] = {
        purchase(bench, 0, 5000, 0, "pos"), purchase(bench, 30, 1000, 10, "pos"),
        purchase(bench, 40, 3000, 50, "ecom"),
        purchase(bench, 41, 2000, -1, "pos"), /* without a place */
    };
    for (size_t i = 0; i < 4; i++)
        apply(bench, &purchases[i]);
    struct transaction now = purchase(bench, 50, 9900, 100, "ecom");
    struct decision decision = decide(bench, &now);
    assert_feature(&decision, "card.median", value_double(30)); /* 10 20 30 50 99 */
    assert_feature(&decision, "card.p95", value_double(50));
    /* From the last in a shop, 0.9 degrees of 111,195.08 m; from the last of all, 0.5. */
    assert_feature(&decision, "card.metres", value_int(100076));
    assert_feature(&decision, "card.kmh", value_double(333.6)); /* 55,598 m in 10 minutes */
    /* s = 5, a = 2 (minute 40 is outside), t = 6 ticks: (12 − 5)² / (5 · 5) */
    assert_feature(&decision, "card.burst", value_double(1.96));
    now.has_location = false;
    decision = decide(bench, &now);
    assert_feature(&decision, "card.metres", value_absent());
    assert_feature(&decision, "card.kmh", value_double(-1));
    assert_feature(&decision, "card.latitude", value_double(0));
}

static void a_quantile_follows_outcomes(void **state) {
    struct bench *bench = *state;
    struct transaction dear = purchase(bench, 0, 70000, 0, "pos");
    struct transaction cheap = purchase(bench, 1, 500, 0, "pos");
    struct record outcome = {.type = RECORD_OUTCOME};
    outcome.outcome.transaction = dear;
    outcome.outcome.previous = LABEL_NONE;
    outcome.outcome.label = LABEL_FRAUD;
    engine_apply(bench->engine, &outcome, &bench->map.source); /* before its transaction */
    apply(bench, &cheap);
    struct transaction now = purchase(bench, 2, 100, 0, "pos");
    apply(bench, &dear);
    struct decision decision = decide(bench, &now);
    assert_feature(&decision, "card.fraud_p1", value_double(700));
    outcome.outcome.previous = LABEL_FRAUD;
    outcome.outcome.label = LABEL_LEGIT;
    engine_apply(bench->engine, &outcome, &bench->map.source);
    decision = decide(bench, &now);
    assert_feature(&decision, "card.fraud_p1", value_double(0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_policy_says_what_is_kept, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(the_first_transaction_has_no_past, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(values_come_from_amounts_and_locations, bench_open,
                                        bench_close),
        cmocka_unit_test_setup_teardown(a_quantile_follows_outcomes, bench_open, bench_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
