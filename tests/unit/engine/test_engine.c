/* decide and apply: purity, order, two snapshots at once, and how rules become one verdict. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#define MINUTE INT64_C(60000000)
#define START  INT64_C(1767225600000000) /* 2026-01-01 */

static const char policy_yaml[] = "policy:\n"
                                  "  name: bench\n"
                                  "  about: for tests\n"
                                  "  base_currency: EUR\n"
                                  "  lateness: 1h\n"
                                  "  on_error: %s\n"
                                  "  cutoffs: {review: 300, challenge: 500, decline: 700}\n";

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  device: {key: device}\n"
    "  card_merchant: {key: [card, merchant]}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: earlier_1h, aggregate: count, window: 1h, exclude_current: true}\n"
    "    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}\n"
    "    - {name: fraud_1d, aggregate: count, where: \"outcome == 'fraud'\", window: 1d}\n"
    "    - {name: share_1d, aggregate: share, of: \"outcome == 'fraud'\", window: 1d, default: 0}\n"
    "    - {name: declined_1h, aggregate: count, where: \"verdict == 'decline'\", window: 1h}\n"
    "    - {name: last_country, aggregate: last, of: country, window: 1d}\n"
    "  device:\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n"
    "  card_merchant:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n";

static const char rules_yaml[] =
    "rules:\n"
    "  - {name: many, about: many, when: card.count_1h >= 3, then: {score: 250},\n"
    "     reason: \"{card.count_1h} in an hour, {device.cards_1d} cards\"}\n"
    "  - {name: dear, about: dear, when: amount > 100.0, then: {score: 300}}\n"
    "  - {name: shared, about: shared, when: device.cards_1d >= 3, then: {verdict: decline}}\n"
    "  - {name: told, about: told, when: amount > 1.0, then: {verdict: decline, score: 900}, mode: "
    "shadow}\n"
    "  - {name: nothing, about: off, when: \"true\", then: {verdict: decline, score: 900}, mode: "
    "off}\n"
    "  - {name: broken, about: fails, when: 1000 / (amount_minor - 13) > 1000000, then: {score: "
    "1}}\n";

/* schema may be NULL. */
static struct snapshot *load_with(const char *schema, const char *features, const char *rules,
                                  const char *on_error) {
    char policy[512];
    snprintf(policy, sizeof policy, policy_yaml, on_error);
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy)},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = text_of(rules)},
        {.path = TEXT_LITERAL("schema.yaml"), .content = text_of(schema)},
    };
    struct buffer messages;
    buffer_init(&messages);
    struct error error;
    struct snapshot *snapshot = NULL;
    if (snapshot_load(files, schema ? 4 : 3, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

static struct snapshot *load(const char *features, const char *rules, const char *on_error) {
    return load_with(NULL, features, rules, on_error);
}

struct bench {
    struct engine *engine;
    struct state_map map;
    struct arena arena;
};

static void bench_init(struct bench *bench, struct snapshot *rules, struct snapshot *plan) {
    bench->engine = engine_new(rules, plan);
    state_map_init(&bench->map, &plan->plan);
    arena_init(&bench->arena, 64u << 20);
}

static void bench_deinit(struct bench *bench) {
    engine_free(bench->engine);
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
}

static struct transaction purchase(struct arena *arena, unsigned number, int64_t time_us,
                                   const char *card, const char *device, int64_t cents) {
    struct transaction t = {
        .id = arena_printf(arena, "t%u", number),
        .event_time_us = time_us,
        .amount_minor = cents,
        .currency = TEXT_LITERAL("EUR"),
    };
    t.fields[FIELD_CARD] = text_of(card);
    t.fields[FIELD_DEVICE] = text_of(device);
    t.fields[FIELD_MERCHANT] = TEXT_LITERAL("m1");
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

static struct record record_of(const struct transaction *transaction, enum verdict verdict) {
    struct record record = {.type = RECORD_TRANSACTION};
    record.transaction.transaction = *transaction;
    record.transaction.decision.verdict = verdict;
    return record;
}

static struct decision decide_and_apply(struct bench *bench, struct transaction transaction) {
    struct decision decision = decide(bench, &transaction);
    struct record record = record_of(&transaction, decision.verdict);
    engine_apply(bench->engine, &record, &bench->map.source);
    return decision;
}

static struct value feature(const struct decision *decision, const char *name) {
    for (size_t i = 0; i < decision->feature_count; i++)
        if (text_is(decision->features[i].name, name))
            return decision->features[i].value;
    fail_msg("no feature %s", name);
    return value_absent();
}

static bool gave(const struct decision *decision, const char *rule) {
    for (size_t i = 0; i < decision->reason_count; i++)
        if (text_is(decision->reasons[i].rule, rule))
            return true;
    return false;
}

static void features_include_the_current_transaction_once(void **state) {
    (void)state;
    struct snapshot *snapshot = load(features_yaml, rules_yaml, "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    for (unsigned i = 0; i < 4; i++) {
        struct transaction t = purchase(&bench.arena, i, START, "c1", "d1", 1050);
        struct decision first = decide(&bench, &t);
        struct decision again = decide(&bench, &t); /* pure: nothing has changed */
        assert_true(first.feature_hash == again.feature_hash);
        struct decision kept = decide_and_apply(&bench, t);
        assert_int_equal(feature(&kept, "card.count_1h").integer, i + 1);
        assert_int_equal(feature(&kept, "card.earlier_1h").integer, i);
        assert_true(feature(&kept, "card.sum_1h").number == 10.5 * (i + 1));
        assert_int_equal(gave(&kept, "many"), i >= 2);
        assert_true(kept.feature_hash == first.feature_hash);
    }
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

static void missing_keys_make_features_absent(void **state) {
    (void)state;
    struct snapshot *snapshot = load(features_yaml, rules_yaml, "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct decision decision =
        decide_and_apply(&bench, purchase(&bench.arena, 1, START, "c1", "", 20000));
    assert_int_equal(feature(&decision, "device.cards_1d").type, VALUE_ABSENT);
    assert_int_equal(decision.rule_errors, 0);
    assert_int_equal(decision.verdict, VERDICT_REVIEW); /* by "dear" alone: 300 */
    assert_int_equal(bench.map.count, 2);               /* card and card_merchant */
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

static void pairs_of_keys_stay_apart(void **state) {
    (void)state;
    struct snapshot *snapshot = load(features_yaml, rules_yaml, "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct transaction t = purchase(&bench.arena, 1, START, "ab", "", 100);
    t.fields[FIELD_MERCHANT] = TEXT_LITERAL("c");
    decide_and_apply(&bench, t);
    t = purchase(&bench.arena, 2, START, "a", "", 100);
    t.fields[FIELD_MERCHANT] = TEXT_LITERAL("bc");
    struct decision decision = decide_and_apply(&bench, t);
    assert_int_equal(feature(&decision, "card_merchant.count_1d").integer, 1);
    const struct text parts[] = {TEXT_LITERAL("a"), TEXT_LITERAL("bc")};
    struct text key = engine_key(bench.engine, 2, parts, 2, &bench.arena);
    assert_true(bench.map.source.read(&bench.map.source, 2, key, 0).length > 0);
    assert_null(engine_key(bench.engine, 2, parts, 1, &bench.arena).data);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

static void a_key_that_is_too_long_is_refused(void **state) {
    (void)state;
    static const char schema[] = "attributes:\n  session_id: {type: string}\n";
    static const char features[] =
        "entities:\n  session: {key: session_id}\nfeatures:\n  session:\n"
        "    - {name: count_1h, aggregate: count, window: 1h}\n";
    char longest[130];
    struct snapshot *snapshot = load_with(schema, features, "rules: []\n", "skip");
    struct error error;
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    memset(longest, 's', sizeof longest);
    struct attribute session = {.name = TEXT_LITERAL("session_id"), .type = ATTRIBUTE_TEXT};
    struct transaction t = {.id = TEXT_LITERAL("x"), .event_time_us = START};
    t.attributes = &session;
    t.attribute_count = 1;
    session.text = (struct text){.data = longest, .length = 128};
    struct decision decision = decide_and_apply(&bench, t);
    assert_int_equal(feature(&decision, "session.count_1h").integer, 1);
    session.text.length = 129;
    struct text field;
    assert_int_equal(engine_decide(bench.engine, &t, &bench.map.source, false, &bench.arena,
                                   &decision, &field, &error),
                     -ERROR_INVALID);
    assert_true(text_is(field, "session_id"));
    /* One that is in the archive all the same touches no entity. */
    struct record record = record_of(&t, VERDICT_APPROVE);
    engine_apply(bench.engine, &record, &bench.map.source);
    assert_int_equal(bench.map.count, 1);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

static void verdict_is_the_most_severe(void **state) {
    (void)state;
    struct snapshot *snapshot = load(features_yaml, rules_yaml, "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct decision d = decide_and_apply(&bench, purchase(&bench.arena, 1, START, "c1", "d", 50));
    assert_int_equal(d.verdict, VERDICT_APPROVE);
    assert_int_equal(d.score, 0);
    assert_int_equal(d.reason_count, 0);
    decide_and_apply(&bench, purchase(&bench.arena, 2, START, "c1", "d", 50));
    d = decide_and_apply(&bench, purchase(&bench.arena, 3, START, "c1", "d", 20000));
    assert_int_equal(d.score, 550); /* many 250 + dear 300; the shadow's 900 does not count */
    assert_int_equal(d.verdict, VERDICT_CHALLENGE);
    assert_true(gave(&d, "told") && !gave(&d, "nothing"));
    assert_true(text_is(d.reasons[0].text, "3 in an hour, 1 cards"));
    decide_and_apply(&bench, purchase(&bench.arena, 4, START, "c2", "d", 50));
    d = decide_and_apply(&bench, purchase(&bench.arena, 5, START, "c3", "d", 50));
    assert_int_equal(d.verdict, VERDICT_DECLINE); /* "shared" says so, at score 0 */
    assert_int_equal(d.score, 0);
    /* and the verdict feeds the feature that counts it */
    d = decide(&bench, &(struct transaction){.id = TEXT_LITERAL("x"),
                                             .event_time_us = START,
                                             .fields[FIELD_CARD] = TEXT_LITERAL("c3")});
    assert_int_equal(feature(&d, "card.declined_1h").integer, 1);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

static void a_failing_rule_is_named_and_does_what_the_policy_says(void **state) {
    (void)state;
    static const struct {
        const char *on_error;
        enum verdict verdict;
    } cases[] = {
        {"skip", VERDICT_APPROVE}, {"review", VERDICT_REVIEW}, {"decline", VERDICT_DECLINE}};
    for (size_t i = 0; i < 3; i++) {
        struct snapshot *snapshot = load(features_yaml, rules_yaml, cases[i].on_error);
        struct bench bench;
        bench_init(&bench, snapshot, snapshot);
        struct transaction t = purchase(&bench.arena, 1, START, "c", "d", 13); /* 1000 / 0 */
        struct decision decision = decide(&bench, &t);
        assert_int_equal(decision.rule_errors, 1);
        assert_int_equal(decision.failed_rule_count, 1);
        assert_true(text_is(decision.failed_rules[0], "broken"));
        assert_int_equal(decision.failures[0].index, 5);
        assert_int_equal(decision.failures[0].reason, EXPRESSION_DIVISION_BY_ZERO);
        assert_int_equal(decision.verdict, cases[i].verdict);
        bench_deinit(&bench);
        snapshot_unref(snapshot);
    }
}

/* All that fail are counted, and reported by their index with the reason; the first ones by name.
 */
static void of_many_failing_rules_the_first_are_named(void **state) {
    (void)state;
    enum { RULES = DECISION_FAILED_RULES_MAX + 4 };
    char rules[RULES * 120] = "rules:\n";
    for (size_t i = 0; i < RULES; i++) /* every other one overflows instead */
        snprintf(rules + strlen(rules), sizeof rules - strlen(rules),
                 "  - {name: r%zu, when: %s > 0, then: {score: 1}}\n", i,
                 i % 2 ? "amount_minor * 9223372036854775807" : "1 / (amount_minor - 13)");
    struct snapshot *snapshot = load(features_yaml, rules, "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    struct transaction t = purchase(&bench.arena, 1, START, "c", "d", 13);
    struct decision decision = decide(&bench, &t);
    assert_int_equal(decision.rule_errors, RULES);
    assert_int_equal(decision.failed_rule_count, DECISION_FAILED_RULES_MAX);
    for (size_t i = 0; i < RULES; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%zu", i);
        if (i < DECISION_FAILED_RULES_MAX)
            assert_true(text_is(decision.failed_rules[i], name));
        assert_int_equal(decision.failures[i].index, i);
        assert_int_equal(decision.failures[i].reason,
                         i % 2 ? EXPRESSION_OVERFLOW : EXPRESSION_DIVISION_BY_ZERO);
    }
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* What a decision is must not hang on how much memory others have left: either it is what it always
 * is, down to the reasons, or there is none. */
static void a_decision_is_whole_or_not_at_all(void **state) {
    (void)state;
    struct snapshot *snapshot = load_with(
        "attributes: {s: {type: string}}\n",
        "entities: {card: {key: card}}\n"
        "features: {card: [{name: n, aggregate: count, window: 1h}]}\n"
        "values:\n"
        "  - {name: long, value: \"s.replace('a', 'bbbb')\"}\n",
        "rules:\n"
        "  - {name: long, when: long.size() == 4096, then: {verdict: decline},\n"
        "     reason: \"{long.substring(4090)} {s.replace('a', 'c').substring(1020)}\"}\n"
        "  - {name: built, when: \"s.split('', 2).map(x, x + s.substring(1)).size() == 2\","
        " then: {score: 5}}\n",
        "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    engine_use_shadows(bench.engine, &snapshot, 1);
    char long_text[1024];
    memset(long_text, 'a', sizeof long_text);
    const struct attribute attribute = {
        .name = TEXT_LITERAL("s"),
        .type = ATTRIBUTE_TEXT,
        .text = {.data = long_text, .length = sizeof long_text},
    };
    struct transaction transaction = purchase(&bench.arena, 1, START, "c1", "d1", 100);
    transaction.attributes = &attribute;
    transaction.attribute_count = 1;
    size_t whole = 0;
    for (size_t room = 0; room < (2u << 20); room += 1000) {
        struct arena arena;
        struct decision decision;
        struct error error;
        struct text field;
        arena_init(&arena, room);
        int r = engine_decide(bench.engine, &transaction, &bench.map.source, false, &arena,
                              &decision, &field, &error);
        if (r < 0) {
            assert_int_equal(r, -ERROR_TOO_LARGE);
            assert_int_equal(whole, 0); /* with more there is none all the less */
        } else {
            whole++;
            assert_int_equal(decision.verdict, VERDICT_DECLINE);
            assert_int_equal(decision.score, 5);
            assert_int_equal(decision.rule_errors, 0);
            assert_true(text_is(decision.reasons[0].text, "bbbbbb cccc"));
            assert_int_equal(decision.shadows[0].verdict, VERDICT_DECLINE);
            assert_int_equal(decision.shadows[0].rule_count, 2);
        }
        arena_deinit(&arena);
    }
    assert_true(whole > 0);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

static void a_new_feature_is_absent_and_an_old_one_goes_on(void **state) {
    (void)state;
    static const char changed[] =
        "entities:\n"
        "  card: {key: card}\n"
        "features:\n"
        "  card:\n"
        "    - {name: brand_new, aggregate: count, window: 7d}\n"
        "    - {name: renamed, aggregate: count, window: 1h}\n"
        "    - {name: share, aggregate: share, of: \"outcome == 'fraud'\", window: 1d}\n";
    static const char no_rules[] = "rules: []\n";
    struct snapshot *plan = load(features_yaml, rules_yaml, "skip");
    struct snapshot *rules = load(changed, no_rules, "skip");
    struct bench bench;
    bench_init(&bench, rules, plan);
    assert_int_equal(engine_warming(bench.engine), 1);
    struct transaction t = purchase(&bench.arena, 1, START, "c", "d", 500);
    struct decision decision = decide_and_apply(&bench, t);
    assert_int_equal(feature(&decision, "card.brand_new").type, VALUE_ABSENT);
    assert_int_equal(feature(&decision, "card.renamed").integer, 1);
    assert_true(decision.degraded);
    assert_true(decision.snapshot_id == rules->id);
    /* A read without any transaction: the plan's default of 0 is not the new policy's. */
    const struct named_value *values;
    size_t count =
        engine_entity_features(bench.engine, 0, (struct text){0}, START, &bench.arena, &values);
    assert_int_equal(count, 2);
    assert_int_equal(values[1].value.type, VALUE_ABSENT);
    bench_deinit(&bench);
    snapshot_unref(rules);
    snapshot_unref(plan);
}

static void late_reads_are_marked(void **state) {
    (void)state;
    struct snapshot *snapshot = load(features_yaml, rules_yaml, "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    decide_and_apply(&bench, purchase(&bench.arena, 1, START, "c", "d", 500));
    struct decision on_time =
        decide_and_apply(&bench, purchase(&bench.arena, 2, START - 60 * MINUTE, "c", "d", 500));
    assert_false(on_time.degraded);
    struct decision late =
        decide_and_apply(&bench, purchase(&bench.arena, 3, START - 61 * MINUTE, "c", "d", 500));
    assert_true(late.degraded);
    assert_true(late.degraded_reason.length > 0);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* A burst of more different merchants than a state keeps apart: whether the next is new is not
 * known, and that is counted. */
static void what_cannot_be_reported_is_counted(void **state) {
    (void)state;
    static const char features[] =
        "entities:\n"
        "  card: {key: card}\n"
        "features:\n"
        "  card:\n"
        "    - {name: new_merchant, aggregate: is_new, of: merchant, window: 30d}\n";
    struct snapshot *snapshot = load(features, "rules: []\n", "skip");
    struct bench bench;
    bench_init(&bench, snapshot, snapshot);
    uint64_t absent = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct transaction t = purchase(&bench.arena, i, START, "c", "d", 500);
        t.fields[FIELD_MERCHANT] = arena_printf(&bench.arena, "m%u", i);
        struct decision decision = decide_and_apply(&bench, t);
        struct value value = feature(&decision, "card.new_merchant");
        absent += value.type == VALUE_ABSENT;
        if (i < 16) /* few enough to be kept one by one */
            assert_true(value.type == VALUE_BOOL && value.boolean);
        assert_int_equal(engine_unknown(bench.engine), absent);
    }
    assert_true(absent > 100);
    bench_deinit(&bench);
    snapshot_unref(snapshot);
}

/* ------------------------------------------------------------------------------------------------
 * State is a function of the set of records. */

static uint64_t random_state;

static unsigned random_below(unsigned bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % bound);
}

#define RECORDS 300

/* Purchases of few cards and devices, many at equal times, some late, some far ahead; outcomes of
 * about a third of them, some changed again and again. */
static size_t random_records(struct arena *arena, struct record *records) {
    static const char *const names[] = {"a", "b", "c", "d"};
    static const char *const countries[] = {"DE", "FR", ""};
    enum label labels[RECORDS] = {0};
    size_t bought[RECORDS], purchases = 0, count = 0;
    int64_t now = START;
    while (count < RECORDS) {
        if (purchases == 0 || random_below(3) > 0) {
            now += random_below(4) == 0 ? random_below(40) * MINUTE : 0;
            int64_t time = random_below(5) == 0 ? now - random_below(2000) * MINUTE : now;
            struct transaction t = purchase(arena, (unsigned)count, time, names[random_below(4)],
                                            names[random_below(4)], random_below(30000));
            t.fields[FIELD_COUNTRY] = text_of(countries[random_below(3)]);
            bought[purchases++] = count;
            records[count++] = record_of(&t, (enum verdict)(1 + random_below(4)));
            continue;
        }
        size_t of = bought[random_below((unsigned)purchases)];
        enum label label = (enum label)random_below(LABEL_COUNT);
        records[count] = (struct record){.type = RECORD_OUTCOME};
        records[count].outcome =
            (struct outcome_record){.previous = labels[of],
                                    .label = label,
                                    .transaction = records[of].transaction.transaction,
                                    .verdict = records[of].transaction.decision.verdict};
        labels[of] = label;
        count++;
    }
    return count;
}

static void apply_all(struct engine *engine, const struct record *records, const size_t *order,
                      size_t count, struct state_map *map) {
    for (size_t i = 0; i < count; i++)
        engine_apply(engine, &records[order[i]], &map->source);
}

static void state_does_not_depend_on_the_order(void **state) {
    (void)state;
    uint64_t seed = asked_seed(20260101), rounds = asked_steps(30);
    struct snapshot *snapshot = load(features_yaml, rules_yaml, "skip");
    struct record records[RECORDS];
    for (unsigned round = 0; round < rounds; round++) {
        random_state = seed + round;
        struct bench bench;
        bench_init(&bench, snapshot, snapshot);
        size_t order[RECORDS], count = random_records(&bench.arena, records);
        for (size_t i = 0; i < count; i++)
            order[i] = i;
        apply_all(bench.engine, records, order, count, &bench.map);
        for (unsigned shuffle = 0; shuffle < 4; shuffle++) {
            for (size_t i = count; i > 1; i--) {
                size_t j = random_below((unsigned)i), kept = order[i - 1];
                order[i - 1] = order[j];
                order[j] = kept;
            }
            struct state_map other;
            state_map_init(&other, &snapshot->plan);
            apply_all(bench.engine, records, order, count, &other);
            if (!state_map_equal(&bench.map, &other))
                fail_msg("HARRIER_SEED=%llu: the order of records changed a state",
                         (unsigned long long)(seed + round));
            state_map_deinit(&other);
        }
        bench_deinit(&bench);
    }
    snapshot_unref(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_include_the_current_transaction_once),
        cmocka_unit_test(missing_keys_make_features_absent),
        cmocka_unit_test(pairs_of_keys_stay_apart),
        cmocka_unit_test(a_key_that_is_too_long_is_refused),
        cmocka_unit_test(verdict_is_the_most_severe),
        cmocka_unit_test(a_failing_rule_is_named_and_does_what_the_policy_says),
        cmocka_unit_test(of_many_failing_rules_the_first_are_named),
        cmocka_unit_test(a_decision_is_whole_or_not_at_all),
        cmocka_unit_test(a_new_feature_is_absent_and_an_old_one_goes_on),
        cmocka_unit_test(late_reads_are_marked),
        cmocka_unit_test(what_cannot_be_reported_is_counted),
        cmocka_unit_test(state_does_not_depend_on_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
