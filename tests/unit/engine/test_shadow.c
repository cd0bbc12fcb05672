/* Shadow policies: they judge as they would by themselves, on the features that are there, and the
 * decision beside them is the same as without them. */
#include "core/base/hash.h"
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/unit.h"

#define MINUTE INT64_C(60000000)
#define START  INT64_C(1767225600000000) /* 2026-01-01 */

static const char live_features[] =
    "entities: {card: {key: card}}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: last_country, aggregate: last, of: country, window: 1d}\n";

static const char live_rules[] =
    "rules:\n"
    "  - {name: many, when: card.count_1h >= 3, then: {verdict: review, score: 100},\n"
    "     reason: \"{card.count_1h} in an hour\"}\n"
    "  - {name: again, when: amount > 1.0, then: {score: 50}, suppress: {by: card, for: 1h}}\n";

/* The count goes by another name; the sum is nowhere in the live policy. */
static const char other_features[] =
    "entities: {card: {key: card}}\n"
    "features:\n"
    "  card:\n"
    "    - {name: sum_1h, aggregate: sum, of: amount, window: 1h, default: -1.0}\n"
    "    - {name: hourly, aggregate: count, window: 1h}\n"
    "    - {name: where_last, aggregate: last, of: country, window: 1d}\n";

static const char other_rules[] =
    "rules:\n"
    "  - {name: hourly, when: card.hourly >= 2, then: {verdict: decline, score: 400}}\n"
    "  - {name: moved, when: 'card.where_last == \"DE\" && country == \"US\"', then: {score: 70}}\n"
    "  - {name: sums, when: has(card.sum_1h), then: {score: 900}}\n"
    "  - {name: tried, when: 'true', then: {score: 900}, mode: shadow}\n"
    "  - {name: fails, when: 1 / (amount_minor - amount_minor) > 0, then: {score: 1}}\n";

static struct snapshot *load_files(const struct policy_file *files, size_t count) {
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, count, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

static struct snapshot *load(const char *schema, const char *features, const char *rules) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: tried, base_currency: EUR, lateness: 1h,"
                                 " cutoffs: {review: 300}}\n")},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = text_of(rules)},
        {.path = TEXT_LITERAL("schema.yaml"), .content = text_of(schema)},
    };
    return load_files(files, schema ? 4 : 3);
}

static struct transaction purchase(struct arena *arena, unsigned number, int64_t minute) {
    struct transaction t = {
        .id = arena_printf(arena, "t%u", number),
        .event_time_us = START + minute * MINUTE,
        .amount_minor = 500,
        .currency = TEXT_LITERAL("EUR"),
    };
    t.fields[FIELD_CARD] = TEXT_LITERAL("c1");
    t.fields[FIELD_COUNTRY] = number % 2 ? TEXT_LITERAL("US") : TEXT_LITERAL("DE");
    return t;
}

static struct decision decide(struct engine *engine, struct state_map *map,
                              const struct transaction *transaction, struct arena *arena) {
    struct decision decision;
    struct error error;
    struct text field;
    if (engine_decide(engine, transaction, &map->source, true, arena, &decision, &field, &error) <
        0)
        fail_msg("%.*s: %s", TEXT_ARGS(field), error.text);
    return decision;
}

static bool has_rule(const struct shadow_decision *shadow, uint32_t rule) {
    for (size_t i = 0; i < shadow->rule_count; i++)
        if (shadow->rules[i] == rule)
            return true;
    return false;
}

static void assert_same_decision(const struct decision *a, const struct decision *b) {
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->score, b->score);
    assert_int_equal(a->rule_errors, b->rule_errors);
    assert_true(a->feature_hash == b->feature_hash);
    assert_int_equal(a->degraded, b->degraded);
    assert_true(text_equal(a->degraded_reason, b->degraded_reason));
    assert_int_equal(a->reason_count, b->reason_count);
    for (size_t i = 0; i < a->reason_count; i++)
        assert_true(text_equal(a->reasons[i].text, b->reasons[i].text) &&
                    text_equal(a->reasons[i].rule, b->reasons[i].rule));
    assert_int_equal(a->feature_count, b->feature_count);
    for (size_t i = 0; i < a->feature_count; i++)
        assert_true(value_equal(a->features[i].value, b->features[i].value));
}

static void the_live_decision_is_the_same(void **state) {
    (void)state;
    struct snapshot *live = load(NULL, live_features, live_rules);
    struct snapshot *other = load(NULL, other_features, other_rules);
    struct snapshot *strict =
        load("fields: {device: {required: true}}\n", other_features, other_rules);
    struct snapshot *shadows[] = {other, live, strict};
    struct engine *alone = engine_new(live, live), *accompanied = engine_new(live, live);
    struct state_map map;
    struct arena arena;
    state_map_init(&map, &live->plan);
    arena_init(&arena, 4u << 20);
    engine_use_shadows(accompanied, shadows, 3);
    assert_int_equal(engine_shadow_warming(accompanied, 0), 1);
    assert_int_equal(engine_shadow_warming(accompanied, 1), 0);
    for (unsigned i = 0; i < 40; i++) {
        /* The last ones come later than the lateness. */
        struct transaction t = purchase(&arena, i, i < 35 ? 3 * i : 0);
        struct decision a = decide(alone, &map, &t, &arena);
        struct decision b = decide(accompanied, &map, &t, &arena);
        assert_same_decision(&a, &b);
        assert_int_equal(a.shadow_count, 0);
        assert_int_equal(b.shadow_count, 3);
        const struct shadow_decision *self = &b.shadows[1];
        assert_true(self->snapshot_id == live->id);
        assert_int_equal(self->verdict, b.verdict);
        assert_int_equal(self->score, b.score);
        assert_int_equal(self->degraded, i >= 35);
        assert_int_equal(has_rule(self, 1), !b.reasons[b.reason_count - 1].suppressed);
        assert_int_equal(b.shadows[2].verdict, VERDICT_NONE); /* without a device it refuses */
        assert_int_equal(b.shadows[2].rule_count, 0);
        struct record record = {.type = RECORD_TRANSACTION,
                                .transaction = {.transaction = t, .decision = b}};
        engine_apply(accompanied, &record, &map.source);
    }
    engine_free(alone);
    engine_free(accompanied);
    snapshot_unref(live);
    snapshot_unref(other);
    snapshot_unref(strict);
    state_map_deinit(&map);
    arena_deinit(&arena);
}

/* Features come by what they compute, not by name; one that the plan lacks is absent, whatever its
 * default. */
static void a_shadow_judges_on_what_is_read(void **state) {
    (void)state;
    struct snapshot *live = load(NULL, live_features, live_rules);
    struct snapshot *other = load(NULL, other_features, other_rules);
    struct engine *engine = engine_new(live, live);
    struct state_map map;
    struct arena arena;
    state_map_init(&map, &live->plan);
    arena_init(&arena, 4u << 20);
    engine_use_shadows(engine, &other, 1);
    for (unsigned i = 0; i < 4; i++) {
        struct transaction t = purchase(&arena, i, i);
        struct decision decision = decide(engine, &map, &t, &arena);
        const struct shadow_decision *shadow = &decision.shadows[0];
        assert_true(shadow->snapshot_id == other->id);
        assert_true(shadow->degraded);
        assert_int_equal(has_rule(shadow, 0), i >= 1);     /* hourly */
        assert_int_equal(has_rule(shadow, 1), i % 2 == 1); /* moved */
        assert_false(has_rule(shadow, 2));
        assert_false(has_rule(shadow, 3)); /* in shadow itself: no effect */
        assert_int_equal(shadow->rule_errors, 1);
        assert_int_equal(shadow->score, (i >= 1 ? 400 : 0) + (i % 2 == 1 ? 70 : 0));
        assert_int_equal(shadow->verdict, i >= 1 ? VERDICT_DECLINE : VERDICT_APPROVE);
        struct record record = {.type = RECORD_TRANSACTION,
                                .transaction = {.transaction = t, .decision = decision}};
        engine_apply(engine, &record, &map.source);
    }
    engine_use_shadows(engine, NULL, 0);
    struct transaction t = purchase(&arena, 9, 9);
    assert_int_equal(decide(engine, &map, &t, &arena).shadow_count, 0);
    engine_free(engine);
    snapshot_unref(live);
    snapshot_unref(other);
    state_map_deinit(&map);
    arena_deinit(&arena);
}

/* The reading is the plan's, also where the live policy itself reads nothing. */
static void a_shadow_reads_what_the_live_policy_does_not(void **state) {
    (void)state;
    static const char rules[] = "rules: [{name: none, when: amount > 1.0, then: {score: 1}}]\n";
    struct snapshot *plan = load(NULL, live_features, live_rules);
    struct snapshot *live = load(NULL, "entities: {}\n", rules);
    struct engine *engine = engine_new(live, plan);
    struct state_map map;
    struct arena arena;
    state_map_init(&map, &plan->plan);
    arena_init(&arena, 4u << 20);
    engine_use_shadows(engine, &plan, 1);
    for (unsigned i = 0; i < 4; i++) {
        struct transaction t = purchase(&arena, i, i < 3 ? 100 : 0);
        struct decision decision = decide(engine, &map, &t, &arena);
        assert_int_equal(has_rule(&decision.shadows[0], 0), i == 2);
        assert_false(decision.degraded); /* late for the shadow alone */
        assert_int_equal(decision.shadows[0].degraded, i == 3);
        struct record record = {.type = RECORD_TRANSACTION,
                                .transaction = {.transaction = t, .decision = decision}};
        engine_apply(engine, &record, &map.source);
    }
    engine_free(engine);
    snapshot_unref(live);
    snapshot_unref(plan);
    state_map_deinit(&map);
    arena_deinit(&arena);
}

#define INPUTS 200

/* With a scorecard of many inputs, each a text as long as an expression can build. */
static struct snapshot *load_long_inputs(void) {
    struct buffer models;
    buffer_init(&models);
    buffer_printf(&models, "models:\n  - name: long\n    inputs:\n");
    for (unsigned i = 0; i < INPUTS; i++)
        buffer_printf(&models, "      i%u: note + note + note + note\n", i);
    buffer_printf(&models, "    scorecard:\n      base: 0\n      points:\n");
    for (unsigned i = 0; i < INPUTS; i++)
        buffer_printf(&models, "        i%u: [{in: [no], points: 5}, {points: 1}]\n", i);
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = TEXT_LITERAL("entities: {}\n")},
        {.path = TEXT_LITERAL("models.yaml"), .content = buffer_text(&models)},
        {.path = TEXT_LITERAL("policy.yaml"),
         .content = TEXT_LITERAL("policy: {name: long, base_currency: EUR, cutoffs: {}}\n")},
        {.path = TEXT_LITERAL("rules/all.yaml"),
         .content = TEXT_LITERAL("rules: [{name: all, when: models.long == 200.0,"
                                 " then: {verdict: review}}]\n")},
        {.path = TEXT_LITERAL("schema.yaml"),
         .content = TEXT_LITERAL("attributes: {note: {type: string}}\n")},
    };
    struct snapshot *snapshot = load_files(files, sizeof files / sizeof *files);
    buffer_deinit(&models);
    return snapshot;
}

/* A shadow has memory for one evaluation, whatever a model's inputs need one after the other. */
static void a_shadow_has_memory_for_all_inputs_of_a_model(void **state) {
    (void)state;
    char note[TRANSACTION_ATTRIBUTE_MAX];
    memset(note, 'n', sizeof note);
    const struct attribute attribute = {.name = TEXT_LITERAL("note"),
                                        .type = ATTRIBUTE_TEXT,
                                        .text = {.data = note, .length = sizeof note}};
    struct snapshot *live = load_long_inputs();
    struct engine *engine = engine_new(live, live);
    struct state_map map;
    struct arena arena;
    state_map_init(&map, &live->plan);
    arena_init(&arena, 4u << 20);
    engine_use_shadows(engine, &live, 1);
    struct transaction t = purchase(&arena, 1, 1);
    t.attributes = &attribute;
    t.attribute_count = 1;
    struct decision decision = decide(engine, &map, &t, &arena);
    assert_int_equal(decision.verdict, VERDICT_REVIEW);
    assert_int_equal(decision.shadows[0].rule_errors, 0);
    assert_int_equal(decision.shadows[0].verdict, VERDICT_REVIEW);
    engine_free(engine);
    snapshot_unref(live);
    state_map_deinit(&map);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_live_decision_is_the_same),
        cmocka_unit_test(a_shadow_judges_on_what_is_read),
        cmocka_unit_test(a_shadow_reads_what_the_live_policy_does_not),
        cmocka_unit_test(a_shadow_has_memory_for_all_inputs_of_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
