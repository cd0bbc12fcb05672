/* engine_apply() with the layout that engine_decide() has left, against another engine that
 * applies without having decided: whatever comes between the two, states are the same bytes.
 * Decisions are also those of an engine whose rules share nothing with the plan, and of one that
 * expects nothing. HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#define MINUTE INT64_C(60000000)
#define START  INT64_C(1767225600000000) /* 2026-01-01 */

static const char policy_yaml[] = "policy:\n"
                                  "  name: bench\n"
                                  "  base_currency: EUR\n"
                                  "  cutoffs: {review: 100, challenge: 300, decline: 600}\n";

static const char schema_yaml[] = "fields:\n"
                                  "  card: {required: true}\n"
                                  "attributes:\n"
                                  "  session: {type: string}\n"
                                  "  basket_size: {type: int}\n"
                                  "derived:\n"
                                  "  network: {value: \"network(ip, 24, 48)\"}\n"
                                  "  mailbox: {value: email.lowerAscii()}\n"
                                  "  both: {value: session + merchant}\n";

/* Keys of one field and of several, derived ones; filters that follow the verdict, the
 * outcome, the rules that fired, and none of them; entities that no feature of the rules reads. */
static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  network: {key: network}\n"
    "  pair: {key: [mailbox, merchant]}\n"
    "  visit: {key: both}\n"
    "  basket: {key: session}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1d, aggregate: sum, of: amount, window: 1d, where: merchant != 'm1'}\n"
    "    - {name: declined_1h, aggregate: count, window: 1h, where: verdict == 'decline'}\n"
    "    - {name: dear_1h, aggregate: count, window: 1h, where: 'fired(\"dear\")'}\n"
    "    - {name: fraud_1d, aggregate: count, window: 1d, where: outcome == 'fraud'}\n"
    "    - {name: place, aggregate: last, of: country, window: 1d}\n"
    "    - {name: full_1d, aggregate: count, window: 1d, where: basket_size * 2 > 3}\n"
    "    - {name: thin_1d, aggregate: count, window: 1d, where: 12 / basket_size > 4}\n"
    "  network:\n"
    "    - {name: early_1d, aggregate: count, window: 1d, where: event_time.getHours() < 5}\n"
    "    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}\n"
    "    - {name: mails_1d, aggregate: distinct, of: mailbox, window: 1d}\n"
    "  pair:\n"
    "    - {name: count_1d, aggregate: count, window: 1d, where: verdict != 'approve'}\n"
    "  visit:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1h, aggregate: sum, of: basket_size, window: 1h}\n"
    "  basket:\n"
    "    - {name: last_card, aggregate: last, of: card, window: 1d}\n"
    "values:\n"
    "  - {name: early, value: event_time.getHours() < 5}\n" /* as filters have them, */
    "  - {name: full, value: basket_size * 2 > 3}\n"        /* absent */
    "  - {name: thin, value: 12 / basket_size > 4}\n"       /* and faulty ones, too */
    "  - {name: first, value: event_time.getHours() < 1}\n";

static const char rules_yaml[] =
    "rules:\n"
    "  - {name: many, about: many, when: card.count_1h >= 3, then: {score: 250}}\n"
    "  - {name: dear, about: dear, when: amount > 100.0, then: {score: 300},\n"
    "     suppress: {by: card, for: 1h}}\n"
    "  - {name: again, about: again, when: card.dear_1h >= 1 && amount > 20.0,\n"
    "     then: {verdict: decline, score: 100}}\n"
    "  - {name: shared, about: shared, when: network.cards_1d >= 3, then: {verdict: challenge}}\n"
    "  - {name: tried, about: tried, when: pair.count_1d >= 1, then: {score: 50}, mode: shadow}\n";

/* It reads less, and from a plan that has more. */
static const char few_features_yaml[] = "entities:\n"
                                        "  card: {key: card}\n"
                                        "features:\n"
                                        "  card:\n"
                                        "    - {name: count_1h, aggregate: count, window: 1h}\n";
static const char few_rules_yaml[] =
    "rules:\n"
    "  - {name: many, about: many, when: card.count_1h >= 2, then: {verdict: decline}}\n"
    "  - {name: dear, about: dear, when: amount > 60.0, then: {score: 300}}\n";

static struct snapshot *load(const char *features, const char *rules) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = TEXT_LITERAL(policy_yaml)},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = text_of(rules)},
        {.path = TEXT_LITERAL("schema.yaml"), .content = TEXT_LITERAL(schema_yaml)},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 4, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

/* ---- chance ---- */

static uint64_t chance_state;
static unsigned roll(unsigned sides) {
    return (unsigned)(split_mix(&chance_state) % sides);
}

static struct text one_of(struct arena *arena, const char *prefix, unsigned count) {
    unsigned number = roll(count + 1);
    return number == count ? (struct text){0} : arena_printf(arena, "%s%u", prefix, number);
}

static struct transaction random_transaction(struct arena *arena, unsigned number) {
    struct attribute *attributes = arena_calloc(arena, 2, sizeof *attributes);
    struct transaction t = {
        .id = arena_printf(arena, "t%u", number),
        .event_time_us = START + number * MINUTE - (int64_t)roll(90) * MINUTE,
        .amount_minor = roll(15000),
        .currency = TEXT_LITERAL("EUR"),
        .attributes = attributes,
    };
    t.fields[FIELD_CARD] = arena_printf(arena, "c%u", roll(4));
    t.fields[FIELD_MERCHANT] = one_of(arena, "m", 3);
    t.fields[FIELD_COUNTRY] = roll(2) ? TEXT_LITERAL("DE") : TEXT_LITERAL("FR");
    t.fields[FIELD_IP] = roll(4) ? arena_printf(arena, "192.0.%u.7", roll(3)) : (struct text){0};
    t.fields[FIELD_EMAIL] =
        roll(4) ? arena_printf(arena, "A%u@Example.com", roll(3)) : (struct text){0};
    if (roll(2))
        attributes[t.attribute_count++] = (struct attribute){
            .name = TEXT_LITERAL("basket_size"), .type = ATTRIBUTE_INTEGER, .integer = roll(4)};
    if (roll(2))
        attributes[t.attribute_count++] = (struct attribute){
            .name = TEXT_LITERAL("session"), .type = ATTRIBUTE_TEXT, .text = one_of(arena, "s", 3)};
    return t;
}

/* ---- two engines ---- */

struct bench {
    struct snapshot *rules, *plan;
    struct engine *engine, *alone;
    struct engine *apart; /* shares no frame with its plan, which has the same files; or NULL */
    struct state_map map, expected;
    struct arena arena;
    const struct transaction *next;
    struct record last; /* of a transaction; type 0: none yet */
    enum label label;
};

static int decide(struct bench *bench, struct engine *engine, const struct transaction *transaction,
                  struct decision *ret_decision) {
    struct text field;
    struct error error;
    return engine_decide(engine, transaction, &bench->map.source, roll(2), &bench->arena,
                         ret_decision, &field, &error);
}

static void apply_both(struct bench *bench, const struct record *record) {
    struct record plain = *record;
    if (plain.type == RECORD_TRANSACTION)
        plain.transaction.decision.laid_out = 0;
    engine_apply(bench->engine, record, &bench->map.source);
    engine_apply(bench->alone, &plain, &bench->expected.source);
    if (!state_map_equal(&bench->map, &bench->expected))
        fail_msg("the states differ");
}

static struct record record_of(const struct transaction *transaction,
                               const struct decision *decision) {
    return (struct record){.type = RECORD_TRANSACTION,
                           .transaction = {.transaction = *transaction, .decision = *decision}};
}

static void ignore_entity(struct entity_entries_sink *self,
                          const struct entity_entries *entries_of) {
    (void)self;
    assert_true(entries_of->key.length > 0);
}

static void apply_outcome(struct bench *bench) {
    if (bench->last.type != RECORD_TRANSACTION)
        return;
    const struct transaction_record *scored = &bench->last.transaction;
    enum label label = (enum label)roll(LABEL_COUNT);
    struct record record = {.type = RECORD_OUTCOME,
                            .outcome = {.previous = bench->label,
                                        .label = label,
                                        .transaction = scored->transaction,
                                        .verdict = scored->decision.verdict}};
    bench->label = label;
    apply_both(bench, &record);
}

static void judge_without_readings(struct bench *bench, const struct transaction *transaction) {
    struct entity_reading readings[16] = {{0}};
    struct decision ignored;
    struct text field;
    struct error error;
    assert_int_equal(engine_judge(bench->engine, transaction, readings, false, &bench->arena,
                                  &ignored, &field, &error),
                     0);
}

/* Something else that the engine does between deciding and applying. */
static void interfere(struct bench *bench, unsigned number) {
    struct transaction other = random_transaction(&bench->arena, number);
    const struct named_value *features;
    struct decision ignored = {0};
    struct entity_entries_sink sink = {.take = ignore_entity};
    struct record record = record_of(&other, &ignored);
    switch (roll(10)) {
    case 0:
        assert_int_equal(decide(bench, bench->engine, &other, &ignored), 0);
        break;
    case 1:
        other.fields[FIELD_CARD] = (struct text){0};
        assert_int_equal(decide(bench, bench->engine, &other, &ignored), -ERROR_INVALID);
        break;
    case 2:
        engine_frame(bench->engine);
        break;
    case 3:
        engine_entity_entries(bench->engine, &record, &sink);
        break;
    case 4:
        engine_entity_features(bench->engine, 0, (struct text){0}, START, &bench->arena, &features);
        break;
    case 5:
        apply_outcome(bench);
        break;
    case 6:
        judge_without_readings(bench, &other);
        break;
    case 7:
        engine_use_shadows(bench->engine, roll(2) ? &bench->plan : &bench->rules, roll(2));
        break;
    case 8:
        engine_use_thresholds(bench->engine, NULL);
        engine_use_lists(bench->engine, NULL);
        break;
    default:
        assert_int_equal(decide(bench, bench->alone, &other, &ignored), 0);
    }
}

/* The same, in other memory. */
static struct transaction moved(struct bench *bench, const struct transaction *transaction) {
    struct transaction copy = *transaction;
    copy.id = arena_text(&bench->arena, transaction->id);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (copy.fields[i].length)
            copy.fields[i] = arena_text(&bench->arena, copy.fields[i]);
    return copy;
}

static void assert_same_decision(const struct decision *a, const struct decision *b) {
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->score, b->score);
    assert_int_equal(a->reason_count, b->reason_count);
    assert_true(a->feature_hash == b->feature_hash);
}

static struct transaction *make_next(struct bench *bench, unsigned number) {
    struct transaction *next = arena_alloc(&bench->arena, sizeof *next);
    *next = random_transaction(&bench->arena, number);
    return next;
}

/* Mostly the one that comes; also another one, one that is refused, or none. */
static void expect(struct bench *bench, unsigned number) {
    struct transaction *other = make_next(bench, number);
    switch (roll(8)) {
    case 0:
        break;
    case 1:
        engine_expect(bench->engine, NULL);
        break;
    case 2:
        other->amount_minor = -1;
        engine_expect(bench->engine, other);
        break;
    case 3:
        engine_expect(bench->engine, other);
        break;
    default:
        engine_expect(bench->engine, bench->next);
    }
}

static void step(struct bench *bench, unsigned number) {
    const struct transaction *next = bench->next, t = *next;
    struct decision decision, again;
    bench->next = make_next(bench, number + 1);
    expect(bench, number);
    assert_int_equal(decide(bench, bench->alone, &t, &again), 0);
    assert_int_equal(decide(bench, bench->engine, next, &decision), 0);
    assert_same_decision(&decision, &again);
    if (bench->apart) {
        assert_int_equal(decide(bench, bench->apart, &t, &again), 0);
        assert_same_decision(&decision, &again);
        assert_int_equal(decide(bench, bench->alone, &t, &again), 0);
    }
    assert_true(decision.laid_out != 0);
    if (roll(2))
        interfere(bench, number);
    if (roll(8) == 0)
        engine_forget(bench->engine);
    struct record record = record_of(&t, &decision);
    switch (roll(9)) {
    case 0: /* as a policy that is followed would have decided */
        record.transaction.decision.verdict = (enum verdict)(1 + roll(4));
        break;
    case 1:
        record.transaction.decision.reason_count = 0;
        break;
    case 2:
        record.transaction.transaction = moved(bench, &t);
        break;
    case 3: /* of the other engine */
        record.transaction.decision.laid_out = again.laid_out;
        break;
    case 4: /* what was decoded into the memory afterwards */
        ((char *)(uintptr_t)t.fields[FIELD_CARD].data)[1] = (char)('0' + roll(4));
        record.transaction.decision.laid_out = 0;
        break;
    case 5: /* of another transaction than the one that was laid out */
        record.transaction.transaction = random_transaction(&bench->arena, number);
        break;
    case 6:
        record.transaction.transaction.amount_minor++;
        break;
    default:
        break;
    }
    apply_both(bench, &record);
    if (roll(8) == 0) /* once more: nothing of the first time is left */
        apply_both(bench, &record);
    bench->last = record;
    bench->label = LABEL_NONE;
}

static void run(const char *features, const char *rules, uint64_t seed) {
    struct bench bench = {.rules = load(features, rules), .plan = load(features_yaml, rules_yaml)};
    bool is_same = features == features_yaml;
    const struct plan *plan = is_same ? &bench.rules->plan : &bench.plan->plan;
    chance_state = seed;
    bench.engine = engine_new(bench.rules, is_same ? bench.rules : bench.plan);
    bench.alone = engine_new(bench.rules, is_same ? bench.rules : bench.plan);
    if (is_same)
        bench.apart = engine_new(bench.rules, bench.plan);
    state_map_init(&bench.map, plan);
    state_map_init(&bench.expected, plan);
    arena_init(&bench.arena, 512u << 20);
    print_message("HARRIER_SEED=%llu\n", (unsigned long long)seed);
    bench.next = make_next(&bench, 0);
    for (unsigned i = 0; i < 100; i++)
        step(&bench, i);
    state_map_deinit(&bench.map);
    state_map_deinit(&bench.expected);
    arena_deinit(&bench.arena);
    engine_free(bench.engine);
    engine_free(bench.alone);
    engine_free(bench.apart);
    snapshot_unref(bench.rules);
    snapshot_unref(bench.plan);
}

static void states_are_as_without(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1);
    for (uint64_t i = 0; i < asked_steps(20); i++)
        run(features_yaml, rules_yaml, seed + i);
}

static void states_are_as_without_for_another_plan(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1);
    for (uint64_t i = 0; i < asked_steps(20); i++)
        run(few_features_yaml, few_rules_yaml, seed + i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_as_without),
        cmocka_unit_test(states_are_as_without_for_another_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
