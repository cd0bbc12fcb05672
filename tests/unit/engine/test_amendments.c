/* Property: records of transactions, outcomes and amendments give the same states in any order, and
 * the values of what the transactions are in the end, as if they had been so from the start:
 * voided ones are gone, captured ones have their other amount in sums, filters and keys that are
 * derived from it, and refunds are features of their own. A tile that has collapsed keeps counts,
 * sums and shares that exactly, and no more is asked of it here: test_state_values.c has the rest.
 *
 * The ledger is the writer's part, kept naively: each record says what was and what is.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/engine/engine.h"
#include "core/feature/live/live.h"
#include "core/feature/live/sketch_tile.h"
#include "state_map.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#define START        INT64_C(1767225600000000) /* 2026-01-01 */
#define HOUR         INT64_C(3600000000)
#define TRANSACTIONS 40
#define RECORDS_MAX  240
#define ORDERS       3

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  place: {key: [merchant, currency]}\n"
    "  size: {key: size}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count, aggregate: count, window: 20d}\n"
    "    - {name: sum, aggregate: sum, of: amount, window: 20d}\n"
    "    - {name: deviation, aggregate: stddev, of: amount, window: 10d, delay: 1d}\n"
    "    - {name: greatest, aggregate: max, of: amount, window: 20d}\n"
    "    - {name: merchants, aggregate: distinct, of: merchant, window: 20d}\n"
    "    - {name: last_shop, aggregate: last, of: merchant, window: 20d}\n"
    "    - {name: silence, aggregate: seconds_since_last, window: 20d}\n"
    "    - {name: median, aggregate: quantile, of: amount, q: 0.5, window: 20d}\n"
    "    - {name: refunded, aggregate: sum, of: refunded, window: 20d}\n"
    "    - {name: refunds, aggregate: count, where: \"refunded > 0.0\", window: 20d}\n"
    "    - {name: dear, aggregate: count, where: \"amount > 50.0\", window: 20d}\n"
    "    - {name: dearest, aggregate: min, of: amount, where: \"amount > 50.0\", window: 20d}\n"
    "    - {name: declined, aggregate: count, where: \"verdict == 'decline'\", window: 20d}\n"
    "    - {name: tested, aggregate: count, where: \"fired('testing')\", window: 20d}\n"
    "    - {name: frauds, aggregate: sum, of: amount, where: \"outcome == 'fraud'\", window: 20d}\n"
    "    - {name: dear_frauds, aggregate: count, where: \"amount > 50.0 && outcome == 'fraud'\", "
    "window: 20d}\n"
    "    - {name: fraud_share, aggregate: share, of: \"outcome == 'fraud'\", window: 20d}\n"
    "  place:\n"
    "    - {name: mean, aggregate: mean, of: amount, window: 20d}\n"
    "    - {name: new_card, aggregate: is_new, of: card, window: 20d}\n"
    "  size:\n"
    "    - {name: count, aggregate: count, window: 20d}\n"
    "    - {name: minor, aggregate: sum, of: amount, window: 20d, currency: EUR}\n";

static struct snapshot *load(void) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features_yaml)},
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: bench, base_currency: EUR}\n")},
        {.path = TEXT_LITERAL("rules/a.yaml"),
         .content =
             TEXT_LITERAL("rules: [{name: testing, when: amount < 1.0, then: {score: 10}}]\n")},
        {.path = TEXT_LITERAL("schema.yaml"),
         .content = TEXT_LITERAL("derived: {size: {value: \"amount < 20.0 ? 'small' : amount < "
                                 "60.0 ? 'middle' : 'large'\"}}\n")},
    };
    struct buffer messages;
    buffer_init(&messages);
    struct error error;
    struct snapshot *snapshot = NULL;
    if (snapshot_load(files, sizeof files / sizeof *files, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

/* A transaction as it was scored, and what is known of it by now. */
struct entry_of_ledger {
    struct transaction transaction;
    enum verdict verdict;
    bool has_fired;
    struct amended amended;
    bool is_amended;
    enum label label;
};

struct bench {
    struct snapshot *policy;
    struct engine *engine;
    struct arena arena;
    uint64_t chance;
    int64_t hours; /* that the transactions are spread over */
    struct entry_of_ledger ledger[TRANSACTIONS];
    size_t count;
    struct record records[RECORDS_MAX];
    size_t record_count;
    uint64_t voids, captures, refunds; /* that the run came by what it is about */
    uint64_t collapsed;                /* rounds in which a tile had collapsed */
};

static int64_t below(struct bench *bench, int64_t limit) {
    return (int64_t)(split_mix(&bench->chance) % (uint64_t)limit);
}

/* ---- the records ---- */

static const struct text testing = TEXT_LITERAL("testing");

static void add_transaction(struct bench *bench) {
    static const char *const merchants[] = {"m1", "m2", "m3"};
    struct entry_of_ledger *entry = &bench->ledger[bench->count];
    *entry = (struct entry_of_ledger){
        .transaction = {.id = arena_printf(&bench->arena, "t%zu", bench->count),
                        .event_time_us =
                            START + (1 + below(bench, bench->hours)) * HOUR + below(bench, 1000),
                        .amount_minor = below(bench, 10000),
                        .currency = TEXT_LITERAL("EUR")},
        .verdict = below(bench, 4) ? VERDICT_APPROVE : VERDICT_DECLINE,
        .has_fired = below(bench, 3) == 0};
    entry->transaction.fields[FIELD_CARD] = TEXT_LITERAL("c1");
    entry->transaction.fields[FIELD_MERCHANT] = text_of(merchants[below(bench, 3)]);
    entry->amended = amended_of(&entry->transaction);
    struct reason *reason = arena_calloc(&bench->arena, 1, sizeof *reason);
    reason->rule = testing;
    bench->records[bench->record_count++] =
        (struct record){.type = RECORD_TRANSACTION,
                        .transaction = {.transaction = entry->transaction,
                                        .decision = {.verdict = entry->verdict,
                                                     .reasons = reason,
                                                     .reason_count = entry->has_fired}}};
    bench->count++;
}

static void add_outcome(struct bench *bench, struct entry_of_ledger *entry) {
    enum label label = (enum label)below(bench, LABEL_COUNT);
    bench->records[bench->record_count++] =
        (struct record){.type = RECORD_OUTCOME,
                        .outcome = {.previous = entry->label,
                                    .label = label,
                                    .transaction = entry->transaction,
                                    .verdict = entry->verdict,
                                    .is_amended = entry->is_amended,
                                    .amended = entry->amended}};
    entry->label = label;
}

static void add_amendment(struct bench *bench, struct entry_of_ledger *entry) {
    struct amendment amendment = {.kind =
                                      (enum amendment_kind)(1 + below(bench, AMENDMENT_RESTORE))};
    struct amended now;
    struct text field;
    struct error error;
    if (amendment.kind == AMENDMENT_CAPTURE)
        amendment.amount_minor = below(bench, 10000);
    if (amendment.kind == AMENDMENT_REFUND)
        amendment.amount_minor = below(bench, entry->amended.amount_minor + 1);
    if (amendment_apply(&amendment, &entry->transaction, &entry->amended, &now, &field, &error) < 0)
        return; /* such as a refund of what is voided */
    bench->voids += amendment.kind == AMENDMENT_VOID;
    bench->captures += amendment.kind == AMENDMENT_CAPTURE;
    bench->refunds += amendment.kind == AMENDMENT_REFUND;
    bench->records[bench->record_count++] =
        (struct record){.type = RECORD_AMENDMENT,
                        .amendment = {.previous = entry->amended,
                                      .now = now,
                                      .transaction = entry->transaction,
                                      .verdict = entry->verdict,
                                      .fired = &testing,
                                      .fired_count = entry->has_fired,
                                      .label = entry->label}};
    entry->amended = now;
    entry->is_amended = true;
}

static void make_records(struct bench *bench) {
    arena_reset(&bench->arena);
    bench->count = bench->record_count = 0;
    bench->hours = below(bench, 8) ? 20 * 24 - 1 : 3; /* so that tiles collapse */
    size_t wanted = 1 + (size_t)below(bench, TRANSACTIONS);
    while (bench->count < wanted || (bench->record_count < RECORDS_MAX && below(bench, 12) > 0)) {
        int64_t kind = below(bench, 4);
        if (bench->record_count >= RECORDS_MAX - TRANSACTIONS && bench->count < wanted)
            kind = 0; /* all have to come */
        if (bench->count == 0 || (kind < 2 && bench->count < wanted))
            add_transaction(bench);
        else if (kind == 2)
            add_outcome(bench, &bench->ledger[below(bench, (int64_t)bench->count)]);
        else
            add_amendment(bench, &bench->ledger[below(bench, (int64_t)bench->count)]);
    }
}

/* ---- comparing ---- */

static void fold(struct bench *bench, const struct record *records, size_t count,
                 struct state_map *map) {
    state_map_init(map, &bench->policy->plan);
    for (size_t i = 0; i < count; i++)
        engine_apply(bench->engine, &records[i], &map->source);
}

static void shuffle(struct bench *bench, struct record *records, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)below(bench, (int64_t)i);
        struct record kept = records[i - 1];
        records[i - 1] = records[j];
        records[j] = kept;
    }
}

/* What is left in the end, as if it had been scored so. */
static size_t final_records(struct bench *bench, struct record *ret_records) {
    size_t count = 0;
    for (size_t i = 0; i < bench->count; i++) {
        const struct entry_of_ledger *entry = &bench->ledger[i];
        struct transaction transaction = entry->transaction;
        struct reason *reason = arena_calloc(&bench->arena, 1, sizeof *reason);
        if (entry->amended.is_voided)
            continue;
        transaction.amount_minor = entry->amended.amount_minor;
        transaction.refunded_minor = entry->amended.refunded_minor;
        reason->rule = testing;
        ret_records[count++] =
            (struct record){.type = RECORD_TRANSACTION,
                            .transaction = {.transaction = transaction,
                                            .decision = {.verdict = entry->verdict,
                                                         .reasons = reason,
                                                         .reason_count = entry->has_fired}}};
        ret_records[count++] = (struct record){.type = RECORD_OUTCOME,
                                               .outcome = {.label = entry->label,
                                                           .transaction = transaction,
                                                           .verdict = entry->verdict}};
    }
    return count;
}

static struct decision read_at(struct bench *bench, struct state_map *map, int64_t at_us,
                               int64_t amount_minor) {
    struct transaction probe = {.id = TEXT_LITERAL("probe"),
                                .event_time_us = at_us,
                                .amount_minor = amount_minor,
                                .currency = TEXT_LITERAL("EUR")};
    struct decision decision;
    struct error error;
    struct text field;
    probe.fields[FIELD_CARD] = TEXT_LITERAL("c1");
    probe.fields[FIELD_MERCHANT] = TEXT_LITERAL("m2");
    if (engine_decide(bench->engine, &probe, &map->source, true, &bench->arena, &decision, &field,
                      &error) < 0)
        fail_msg("%s", error.text);
    return decision;
}

static bool has_collapsed(const struct state_map *map) {
    for (size_t i = 0; i < map->count; i++)
        if (tile_count(&map->slots[i].state) > 0 || sketch_tile_count(&map->slots[i].state) > 0)
            return true;
    return false;
}

/* Features that are the same from totals as from entries, if the window holds all of them. */
static bool is_total(struct text name) {
    static const char *const others[] = {"card.deviation", "card.greatest", "card.merchants",
                                         "card.last_shop", "card.silence",  "card.median",
                                         "card.dearest",   "place.new_card"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (text_equal(name, text_of(others[i])))
            return false;
    return true;
}

static void assert_same_values(struct bench *bench, struct state_map *a, struct state_map *b) {
    bool collapsed = has_collapsed(a) || has_collapsed(b);
    bench->collapsed += collapsed;
    for (int i = 0; i < 4; i++) {
        /* At the end of the 20 days, every transaction lies in each of their windows. */
        int64_t late_us = collapsed ? 0 : below(bench, 15 * 24) * HOUR;
        int64_t at_us = START + 20 * 24 * HOUR + late_us;
        int64_t amount = below(bench, 10000);
        struct decision is = read_at(bench, a, at_us, amount);
        struct decision should = read_at(bench, b, at_us, amount);
        for (size_t j = 0; j < is.feature_count; j++) {
            if (collapsed && !is_total(is.features[j].name))
                continue;
            char got[64], want[64];
            value_format(is.features[j].value, got, sizeof got);
            value_format(should.features[j].value, want, sizeof want);
            if (!value_equal(is.features[j].value, should.features[j].value))
                fail_msg("%.*s at %lld is %s, expected %s, with %zu records",
                         TEXT_ARGS(is.features[j].name), (long long)at_us, got, want,
                         bench->record_count);
        }
    }
}

static void amended_histories_are_those_of_what_is_left(void **state) {
    (void)state;
    struct bench *bench = test_calloc(1, sizeof *bench);
    static struct record shuffled[RECORDS_MAX], left[2 * TRANSACTIONS];
    uint64_t seed = asked_seed(1);
    print_message("HARRIER_SEED=%llu\n", (unsigned long long)seed);
    bench->chance = seed;
    bench->policy = load();
    bench->engine = engine_new(bench->policy, bench->policy);
    arena_init(&bench->arena, 16u << 20);
    uint64_t rounds = asked_steps(1000);
    for (uint64_t round = 0; round < rounds; round++) {
        struct state_map map, other;
        make_records(bench);
        fold(bench, bench->records, bench->record_count, &map);
        for (int i = 0; i < ORDERS; i++) {
            memcpy(shuffled, bench->records, bench->record_count * sizeof *shuffled);
            shuffle(bench, shuffled, bench->record_count);
            fold(bench, shuffled, bench->record_count, &other);
            assert_true(state_map_equal(&map, &other));
            state_map_deinit(&other);
        }
        fold(bench, left, final_records(bench, left), &other);
        assert_same_values(bench, &map, &other);
        state_map_deinit(&other);
        state_map_deinit(&map);
    }
    print_message("%llu of %llu rounds with collapsed tiles\n",
                  (unsigned long long)bench->collapsed, (unsigned long long)rounds);
    assert_true(bench->voids > 0 && bench->captures > 0 && bench->refunds > 0);
    assert_true(bench->collapsed > 0 && bench->collapsed < rounds / 4);
    engine_free(bench->engine);
    arena_deinit(&bench->arena);
    snapshot_unref(bench->policy);
    test_free(bench);
}

/* What an older policy calls so goes on: the score of a transaction whose attribute `flag`, or of
 * that name, is true. */
static void assert_hides_refunded(const char *schema, const char *features, struct text attribute) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: bench, base_currency: EUR}\n")},
        {.path = TEXT_LITERAL("schema.yaml"), .content = text_of(schema)},
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("rules/a.yaml"),
         .content = TEXT_LITERAL("rules: [{name: a, when: refunded, then: {score: 10}}]\n")},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 4, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    const struct attribute sent = {.name = attribute, .type = ATTRIBUTE_FLAG, .flag = true};
    const struct transaction transaction = {
        .id = TEXT_LITERAL("a"), .event_time_us = START, .attributes = &sent, .attribute_count = 1};
    struct engine *engine = engine_new(snapshot, snapshot);
    struct state_map map;
    struct arena arena;
    struct decision decision;
    struct text field;
    state_map_init(&map, &snapshot->plan);
    arena_init(&arena, 1u << 20);
    assert_int_equal(
        engine_decide(engine, &transaction, &map.source, false, &arena, &decision, &field, &error),
        0);
    assert_int_equal(decision.score, 10);
    engine_free(engine);
    state_map_deinit(&map);
    arena_deinit(&arena);
    snapshot_unref(snapshot);
    buffer_deinit(&messages);
}

static void an_attribute_may_be_called_refunded(void **state) {
    (void)state;
    assert_hides_refunded("attributes: {refunded: {type: bool}}\n", "{}\n",
                          TEXT_LITERAL("refunded"));
}

static void a_derived_field_may_be_called_refunded(void **state) {
    (void)state;
    assert_hides_refunded("attributes: {flag: {type: bool}}\nderived: {refunded: {value: flag}}\n",
                          "{}\n", TEXT_LITERAL("flag"));
}

static void a_value_may_be_called_refunded(void **state) {
    (void)state;
    assert_hides_refunded("attributes: {flag: {type: bool}}\n",
                          "values: [{name: refunded, value: flag}]\n", TEXT_LITERAL("flag"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amended_histories_are_those_of_what_is_left),
        cmocka_unit_test(an_attribute_may_be_called_refunded),
        cmocka_unit_test(a_derived_field_may_be_called_refunded),
        cmocka_unit_test(a_value_may_be_called_refunded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
