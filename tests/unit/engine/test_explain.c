/* What an explanation says of rules, beside the same rules in a policy with few others: a decision
 * lists the first DECISION_REASONS_MAX that fired, but what became of a rule does not depend on how
 * many fired before it. */
#include "core/engine/explain.h"
#include "state_map.h"
#include "tests/unit/unit.h"

#define START  INT64_C(1767225600000000) /* 2026-01-01 */
#define MINUTE INT64_C(60000000)
#define CARDS  20

static const char features_yaml[] = "entities:\n"
                                    "  card: {key: card}\n"
                                    "features:\n"
                                    "  card:\n"
                                    "    - {name: count_1h, aggregate: count, window: 1h}\n";

/* All fates, but for those of errors. */
static const char last_rules[] =
    "  - {name: again, when: amount_minor > 0, then: {score: 1}, suppress: {by: card, for: 1h}}\n"
    "  - {name: dark, when: amount_minor > 0, then: {score: 1}, mode: shadow}\n"
    "  - {name: some, when: amount_minor > 0, then: {score: 1}, rollout: {percent: 50%, by: "
    "card}}\n"
    "  - {name: dark_some, when: amount_minor > 0, then: {score: 1}, mode: shadow,"
    " rollout: {percent: 50%, by: card}}\n"
    "  - {name: plain, when: amount_minor > 0, then: {score: 1}}\n"
    "  - {name: never, when: amount_minor < 0, then: {score: 1}}\n"
    "  - {name: closed, when: amount_minor > 0, then: {score: 1}, mode: \"off\"}\n";
#define LAST_RULES 7

/* Behind so many others, which all fire for great amounts: a rule that the decision does not list
 * is not suppressed later, so the first payment of each card is a small one. */
static struct snapshot *load(size_t others) {
    static const char policy[] = "policy: {name: many, base_currency: EUR, lateness: 1d}\n";
    struct buffer rules, messages;
    struct snapshot *snapshot;
    struct error error;
    buffer_init(&rules);
    buffer_init(&messages);
    buffer_printf(&rules, "rules:\n");
    for (size_t i = 0; i < others; i++)
        buffer_printf(&rules, "  - {name: r%zu, when: amount_minor > 1000, then: {score: 1}}\n", i);
    buffer_append(&rules, last_rules, sizeof last_rules - 1);
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features_yaml)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy)},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = buffer_text(&rules)},
    };
    if (snapshot_load(files, 3, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&rules);
    buffer_deinit(&messages);
    return snapshot;
}

struct scene {
    struct snapshot *snapshot;
    struct trace *trace;
    struct engine *engine;
    struct state_map states;
    struct arena arena;
};

static void open_scene(struct scene *scene, size_t others) {
    struct error error;
    scene->snapshot = load(others);
    assert_int_equal(trace_new(scene->snapshot, &scene->trace, &error), 0);
    scene->engine = engine_new(scene->snapshot, scene->snapshot);
    state_map_init(&scene->states, &scene->snapshot->plan);
    arena_init(&scene->arena, 64u << 20);
}

static void close_scene(struct scene *scene) {
    arena_deinit(&scene->arena);
    state_map_deinit(&scene->states);
    engine_free(scene->engine);
    trace_free(scene->trace);
    snapshot_unref(scene->snapshot);
}

/* Fates of the last rules. */
static void explain(struct scene *scene, struct transaction *transaction,
                    enum explained_fate *ret_fates) {
    struct record record = {.type = RECORD_TRANSACTION,
                            .transaction = {.transaction = *transaction}};
    struct decision *decision = &record.transaction.decision;
    struct explained_policy policy;
    struct text field;
    struct error error;
    arena_reset(&scene->arena);
    assert_int_equal(engine_decide(scene->engine, transaction, &scene->states.source, true,
                                   &scene->arena, decision, &field, &error),
                     0);
    assert_int_equal(engine_explain(scene->engine, scene->trace, NULL, transaction, decision,
                                    &scene->arena, &policy, &error),
                     0);
    for (size_t i = 0; i < LAST_RULES; i++)
        ret_fates[i] = policy.rules[policy.rule_count - LAST_RULES + i].fate;
    engine_apply(scene->engine, &record, &scene->states.source);
}

static void fates_do_not_depend_on_how_many_fired(void **state) {
    (void)state;
    static const size_t others[] = {0, DECISION_REASONS_MAX - 2, DECISION_REASONS_MAX,
                                    DECISION_REASONS_MAX + 44};
    unsigned seen[FATE_COUNT] = {0};
    struct scene scenes[4];
    for (size_t s = 0; s < 4; s++)
        open_scene(&scenes[s], others[s]);
    for (unsigned i = 0; i < 2 * CARDS; i++) {
        char id[16], card[16];
        enum explained_fate expected[LAST_RULES], found[LAST_RULES];
        snprintf(id, sizeof id, "t%u", i);
        snprintf(card, sizeof card, "c%u", i / 2);
        struct transaction transaction = {.id = text_of(id),
                                          .event_time_us = START + i * MINUTE,
                                          .amount_minor = i % 2 ? 2000 : 100,
                                          .currency = TEXT_LITERAL("EUR"),
                                          .fields[FIELD_CARD] = text_of(card)};
        explain(&scenes[0], &transaction, expected);
        for (size_t j = 0; j < LAST_RULES; j++)
            seen[expected[j]]++;
        for (size_t s = 1; s < 4; s++) {
            explain(&scenes[s], &transaction, found);
            assert_memory_equal(found, expected, sizeof expected);
        }
    }
    assert_int_equal(seen[FATE_SUPPRESSED], CARDS); /* each second one of a card */
    assert_int_equal(seen[FATE_FALSE], 2 * CARDS);
    assert_int_equal(seen[FATE_OFF], 2 * CARDS);
    assert_true(seen[FATE_LEFT_OUT] > CARDS / 2 && seen[FATE_SHADOW] > 2 * CARDS);
    for (size_t s = 0; s < 4; s++)
        close_scene(&scenes[s]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fates_do_not_depend_on_how_many_fired)};
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
