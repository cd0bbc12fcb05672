/* What rules come to together: random policies, brakes and transactions against a model that knows
 * nothing of states, frames and plans. And suppression as the fold it is: in any order, and in
 * parts. */
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/engine/engine.h"
#include "state_map.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#define MINUTE  INT64_C(60000000)
#define START   INT64_C(1767225600000000) /* 2026-01-01 */
#define RULES   10
#define GROUPS  3
#define HISTORY 40

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides) {
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((dice->state >> 33) % sides);
}

/* ---- the model: what is written, and what should follow ---- */

struct model_group {
    bool greatest;
    int32_t at_most; /* 0: no limit */
    enum rule_mode mode;
};

struct model_rule {
    bool divides; /* 10 / (amount_minor % modulus) > 3, else amount_minor % modulus == 1 */
    unsigned modulus;
    enum verdict verdict;
    int32_t score;
    enum rule_mode mode;
    int group;                 /* −1: none */
    int from_hour, until_hour; /* −1: none */
    unsigned percent;          /* 0: no rollout; of cards */
    int on_error;              /* −1: the policy's, which is review */
    int by;                    /* −1: not suppressed; 0: card, 1: device */
    unsigned for_minutes;
};

struct model {
    struct model_group groups[GROUPS];
    struct model_rule rules[RULES];
    size_t rule_count;
    bool is_braked[RULES], is_policy_braked;
};

static const char *const modes[] = {"live", "shadow", "off"};
static const char *const errors[] = {"skip", "review", "decline"};
static const enum verdict error_verdicts[] = {VERDICT_NONE, VERDICT_REVIEW, VERDICT_DECLINE};
static const char *const entities[] = {"card", "device"};

static struct model_rule random_rule(struct dice *dice) {
    int from = (int)roll(dice, 6) - 3;
    return (struct model_rule){
        .divides = roll(dice, 4) == 0,
        .modulus = 2 + roll(dice, 3),
        .verdict = roll(dice, 2) ? VERDICT_NONE : VERDICT_REVIEW + roll(dice, 3),
        .score = (int32_t)roll(dice, 15) * 50 - 200, /* often the same */
        .mode = roll(dice, 3) ? RULE_LIVE : RULE_SHADOW + roll(dice, 2),
        .group = (int)roll(dice, 2 * GROUPS) - GROUPS,
        .from_hour = from,
        .until_hour = roll(dice, 3) ? -1 : (from < 0 ? 0 : from) + 1 + (int)roll(dice, 2),
        .percent = roll(dice, 3) ? 0 : 1 + roll(dice, 99),
        .on_error = (int)roll(dice, 4) - 1,
        .by = (int)roll(dice, 4) - 2,
        .for_minutes = 5 + roll(dice, 90),
    };
}

static struct model random_model(struct dice *dice) {
    struct model model = {.rule_count = 1 + roll(dice, RULES)};
    for (size_t i = 0; i < GROUPS; i++)
        model.groups[i] = (struct model_group){
            .greatest = roll(dice, 2),
            .at_most = roll(dice, 2) ? (int32_t)(1 + roll(dice, 600)) : 0,
            .mode = roll(dice, 5) ? RULE_LIVE : RULE_SHADOW + roll(dice, 2),
        };
    for (size_t i = 0; i < model.rule_count; i++)
        model.rules[i] = random_rule(dice);
    return model;
}

static void write_policy(const struct model *model, struct buffer *out) {
    buffer_printf(out, "policy: {name: judged, base_currency: EUR, lateness: 1d, on_error: review,"
                       " cutoffs: {review: 200, challenge: 500, decline: 700}}\ngroups:\n");
    for (size_t i = 0; i < GROUPS; i++) {
        const struct model_group *group = &model->groups[i];
        buffer_printf(out, "  g%zu: {score: %s, mode: %s", i, group->greatest ? "max" : "sum",
                      modes[group->mode]);
        if (group->at_most)
            buffer_printf(out, ", at_most: %d", group->at_most);
        buffer_printf(out, "}\n");
    }
}

static void write_rule(const struct model_rule *rule, size_t number, struct buffer *out) {
    buffer_printf(out, "  - name: r%zu\n    when: ", number);
    if (rule->divides)
        buffer_printf(out, "10 / (amount_minor %% %u) > 3\n", rule->modulus);
    else
        buffer_printf(out, "amount_minor %% %u == 1\n", rule->modulus);
    buffer_printf(out, "    then: {score: %d", rule->score);
    if (rule->verdict != VERDICT_NONE)
        buffer_printf(out, ", verdict: %s", verdict_name(rule->verdict));
    buffer_printf(out, "}\n    mode: %s\n    tags: [t%zu, common]\n", modes[rule->mode], number);
    if (rule->group >= 0)
        buffer_printf(out, "    group: g%d\n", rule->group);
    if (rule->from_hour >= 0)
        buffer_printf(out, "    from: 2026-01-01T0%d:00:00Z\n", rule->from_hour);
    if (rule->until_hour >= 0)
        buffer_printf(out, "    until: 2026-01-01T0%d:00:00Z\n", rule->until_hour);
    if (rule->percent)
        buffer_printf(out, "    rollout: {percent: %u%%, by: card}\n", rule->percent);
    if (rule->on_error >= 0)
        buffer_printf(out, "    on_error: %s\n", errors[rule->on_error]);
    if (rule->by >= 0)
        buffer_printf(out, "    suppress: {by: %s, for: %um}\n", entities[rule->by],
                      rule->for_minutes);
}

static const char features_yaml[] = "entities:\n"
                                    "  card: {key: card}\n"
                                    "  device: {key: device}\n"
                                    "features:\n"
                                    "  card:\n"
                                    "    - {name: count_1h, aggregate: count, window: 1h}\n";

static struct snapshot *load(const char *policy, const char *features, const char *rules) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features)},
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy)},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = text_of(rules)},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 3, &snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s\n%s", error.text, (int)messages.length, (const char *)messages.bytes,
                 rules);
    buffer_deinit(&messages);
    return snapshot;
}

static struct snapshot *load_model(const struct model *model) {
    struct buffer policy, rules;
    buffer_init(&policy);
    buffer_init(&rules);
    write_policy(model, &policy);
    buffer_append_u8(&policy, '\0');
    buffer_printf(&rules, "rules:\n");
    for (size_t i = 0; i < model->rule_count; i++)
        write_rule(&model->rules[i], i, &rules);
    buffer_append_u8(&rules, '\0');
    struct snapshot *snapshot =
        load((const char *)policy.bytes, features_yaml, (const char *)rules.bytes);
    buffer_deinit(&policy);
    buffer_deinit(&rules);
    return snapshot;
}

/* One transaction and what the model makes of it. */
struct event {
    struct transaction transaction;
    bool has_effect[RULES]; /* the rule fired, live and not suppressed */
};

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_ERROR };

static enum answer ask(const struct model_rule *rule, const struct transaction *transaction) {
    int64_t rest = transaction->amount_minor % rule->modulus;
    if (!rule->divides)
        return rest == 1 ? ANSWER_YES : ANSWER_NO;
    return rest == 0 ? ANSWER_ERROR : 10 / rest > 3 ? ANSWER_YES : ANSWER_NO;
}

static enum rule_mode mode_of(const struct model *model, const struct model_rule *rule) {
    enum rule_mode mode = rule->mode;
    if (rule->group >= 0 && model->groups[rule->group].mode > mode)
        mode = model->groups[rule->group].mode;
    if (mode == RULE_LIVE && (model->is_policy_braked || model->is_braked[rule - model->rules]))
        mode = RULE_SHADOW;
    return mode;
}

static bool has_say(const struct model *model, size_t number, const struct transaction *t) {
    const struct model_rule *rule = &model->rules[number];
    int64_t at = t->event_time_us - START;
    char name[32];
    snprintf(name, sizeof name, "r%zu", number);
    return mode_of(model, rule) != RULE_OFF &&
           (rule->from_hour < 0 || at >= rule->from_hour * 60 * MINUTE) &&
           (rule->until_hour < 0 || at < rule->until_hour * 60 * MINUTE) &&
           (rule->percent == 0 || (t->fields[FIELD_CARD].length > 0 &&
                                   hash64(t->fields[FIELD_CARD].data, t->fields[FIELD_CARD].length,
                                          hash_text(text_of(name))) %
                                           10000 <
                                       rule->percent * 100));
}

static bool is_suppressed(const struct model *model, const struct event *events, size_t index,
                          size_t number) {
    const struct model_rule *rule = &model->rules[number];
    const struct event *now = &events[index];
    enum transaction_field field = rule->by == 1 ? FIELD_DEVICE : FIELD_CARD;
    struct text key = now->transaction.fields[field];
    if (rule->by < 0 || key.length == 0 || mode_of(model, rule) != RULE_LIVE)
        return false;
    for (size_t i = 0; i < index; i++) {
        int64_t age_us = now->transaction.event_time_us - events[i].transaction.event_time_us;
        if (events[i].has_effect[number] && age_us >= 0 && age_us < rule->for_minutes * MINUTE &&
            text_equal(events[i].transaction.fields[field], key))
            return true;
    }
    return false;
}

/* The score of the rules with effect, and of one more; −1: none more. Shares per rule of groups. */
static int64_t model_score(const struct model *model, const bool *counts, int more,
                           int64_t *shares) {
    int64_t total = 0;
    for (size_t i = 0; i < model->rule_count; i++)
        if (model->rules[i].group < 0 && (counts[i] || (int)i == more))
            total += shares[i] = model->rules[i].score;
    for (int g = 0; g < GROUPS; g++) {
        const struct model_group *group = &model->groups[g];
        int64_t limit = group->at_most ? group->at_most : INT32_MAX, sum = 0, before = 0;
        int best = -1;
        for (size_t i = 0; i < model->rule_count; i++) {
            if (model->rules[i].group != g || !(counts[i] || (int)i == more))
                continue;
            shares[i] = 0;
            sum += model->rules[i].score;
            if (best < 0 || model->rules[i].score > model->rules[best].score)
                best = (int)i;
            if (!group->greatest) {
                int64_t now = sum < limit ? sum : limit;
                shares[i] = now - before;
                before = now;
            }
        }
        if (group->greatest && best >= 0)
            before = shares[best] =
                model->rules[best].score < limit ? model->rules[best].score : limit;
        total += before;
    }
    return total < 0 ? 0 : total > 1000 ? 1000 : total;
}

static enum verdict worst(enum verdict a, enum verdict b) {
    return a > b ? a : b;
}

static enum verdict cut(int64_t score) {
    return score >= 700   ? VERDICT_DECLINE
           : score >= 500 ? VERDICT_CHALLENGE
           : score >= 200 ? VERDICT_REVIEW
                          : VERDICT_APPROVE;
}

static void check_reason(const struct reason *reason, const struct model *model, size_t number,
                         bool suppressed, int64_t share, enum verdict if_live) {
    const struct model_rule *rule = &model->rules[number];
    char name[32], group[16] = "";
    snprintf(name, sizeof name, "r%zu", number);
    if (rule->group >= 0)
        snprintf(group, sizeof group, "g%d", rule->group);
    bool shadow = mode_of(model, rule) == RULE_SHADOW;
    assert_true(text_is(reason->rule, name));
    assert_int_equal(reason->index, number);
    assert_true(text_is(reason->group, group));
    assert_int_equal(reason->tag_count, 2);
    assert_true(text_is(reason->tags[1], "common"));
    assert_int_equal(reason->score, rule->score);
    assert_int_equal(reason->verdict, rule->verdict);
    assert_int_equal(reason->shadow, shadow);
    assert_int_equal(reason->suppressed, suppressed);
    assert_int_equal(reason->capped, shadow || suppressed ? 0 : rule->score - share);
    assert_int_equal(reason->verdict_if_live, if_live);
}

static void check_decision(const struct model *model, struct event *events, size_t index,
                           const struct decision *decision) {
    struct event *now = &events[index];
    bool suppressed[RULES] = {false}, fired[RULES] = {false};
    int64_t shares[RULES] = {0}, ignored[RULES] = {0};
    enum verdict asked = VERDICT_APPROVE;
    unsigned rule_errors = 0;
    for (size_t i = 0; i < model->rule_count; i++) {
        const struct model_rule *rule = &model->rules[i];
        bool live = mode_of(model, rule) == RULE_LIVE;
        if (!has_say(model, i, &now->transaction))
            continue;
        enum answer answer = ask(rule, &now->transaction);
        if (answer == ANSWER_ERROR) {
            char name[8];
            snprintf(name, sizeof name, "r%zu", i);
            assert_true(rule_errors < decision->rule_errors);
            assert_true(text_is(decision->failed_rules[rule_errors], name));
            assert_int_equal(decision->failures[rule_errors++].index, i);
        }
        if (answer == ANSWER_ERROR && live)
            asked = worst(asked, error_verdicts[rule->on_error < 0 ? 1 : rule->on_error]);
        fired[i] = answer == ANSWER_YES;
        suppressed[i] = fired[i] && is_suppressed(model, events, index, i);
        now->has_effect[i] = fired[i] && live && !suppressed[i];
        if (now->has_effect[i])
            asked = worst(asked, rule->verdict);
    }
    int64_t score = model_score(model, now->has_effect, -1, shares);
    assert_int_equal(decision->score, score);
    assert_int_equal(decision->verdict, worst(asked, cut(score)));
    assert_int_equal(decision->rule_errors, rule_errors);
    assert_int_equal(decision->failed_rule_count, rule_errors);
    size_t reported = 0;
    for (size_t i = 0; i < model->rule_count; i++) {
        if (!fired[i])
            continue;
        enum verdict if_live = VERDICT_NONE;
        if (mode_of(model, &model->rules[i]) == RULE_SHADOW)
            if_live = worst(worst(asked, model->rules[i].verdict),
                            cut(model_score(model, now->has_effect, (int)i, ignored)));
        assert_true(reported < decision->reason_count);
        check_reason(&decision->reasons[reported++], model, i, suppressed[i], shares[i], if_live);
    }
    assert_int_equal(reported, decision->reason_count);
}

/* ---- the engine beside it ---- */

static struct text one_of(struct dice *dice, struct arena *arena, const char *prefix,
                          unsigned count) {
    unsigned number = roll(dice, count + 1);
    return number == count ? (struct text){0} : arena_printf(arena, "%s%u", prefix, number);
}

static struct transaction random_transaction(struct dice *dice, struct arena *arena,
                                             size_t number) {
    struct transaction t = {
        .id = arena_printf(arena, "t%zu", number),
        .event_time_us = START + (int64_t)roll(dice, 180) * MINUTE,
        .amount_minor = roll(dice, 1000),
        .currency = TEXT_LITERAL("EUR"),
    };
    t.fields[FIELD_CARD] = one_of(dice, arena, "c", 3);
    t.fields[FIELD_DEVICE] = one_of(dice, arena, "d", 2);
    return t;
}

static void shuffle(struct dice *dice, struct record *records, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t j = roll(dice, (unsigned)i);
        struct record swapped = records[i - 1];
        records[i - 1] = records[j];
        records[j] = swapped;
    }
}

static void merge(struct state_map *into, struct state_map *from, const struct plan *plan) {
    for (size_t i = 0; i < from->count; i++) {
        const struct state_map_slot *slot = &from->slots[i];
        struct text key = {.data = slot->key, .length = slot->key_length};
        struct text bytes = from->source.read(&from->source, slot->entity, key, hash_text(key));
        struct state *state = into->source.write(&into->source, slot->entity, key, hash_text(key));
        state_merge(state, &plan->entities[slot->entity], plan->lateness_us, bytes.data,
                    bytes.length);
    }
}

/* In any order, and folded in two parts that are merged, states are the same bytes. */
static void check_fold(struct dice *dice, struct engine *engine, const struct plan *plan,
                       struct record *records, const struct state_map *expected) {
    struct state_map shuffled, parts[2];
    state_map_init(&shuffled, plan);
    state_map_init(&parts[0], plan);
    state_map_init(&parts[1], plan);
    shuffle(dice, records, HISTORY);
    for (size_t i = 0; i < HISTORY; i++) {
        engine_apply(engine, &records[i], &shuffled.source);
        engine_apply(engine, &records[i], &parts[roll(dice, 2)].source);
    }
    assert_true(state_map_equal(&shuffled, expected));
    merge(&parts[0], &parts[1], plan);
    assert_true(state_map_equal(&parts[0], expected));
    state_map_deinit(&shuffled);
    state_map_deinit(&parts[0]);
    state_map_deinit(&parts[1]);
}

/* Pulls or lifts the brake of a rule, of the policy, or of a declaration that no rule has. */
static void change_brake(struct dice *dice, struct model *model, const struct snapshot *snapshot,
                         struct list_table *lists, uint64_t position) {
    unsigned rule = roll(dice, (unsigned)model->rule_count), which = roll(dice, 6);
    struct record record = {.type = RECORD_BRAKE, .position = position};
    struct brake_record *brake = &record.brake;
    brake->lifted = roll(dice, 2);
    brake->definition = which == 0 ? snapshot->definition : snapshot->rules[rule].definition;
    if (which != 0)
        brake->rule = snapshot->rules[rule].name;
    if (which == 0)
        model->is_policy_braked = !brake->lifted;
    else if (which == 1)
        brake->definition ^= 1;
    else
        model->is_braked[rule] = !brake->lifted;
    list_table_apply(lists, &record);
}

static void run_step(unsigned long seed) {
    struct dice dice = {.state = seed};
    struct model model = random_model(&dice);
    struct snapshot *snapshot = load_model(&model);
    struct engine *engine = engine_new(snapshot, snapshot);
    struct list_table *lists = list_table_new();
    struct state_map map;
    struct arena arena;
    struct event events[HISTORY] = {0};
    struct record records[HISTORY] = {0};
    state_map_init(&map, &snapshot->plan);
    arena_init(&arena, 64u << 20);
    engine_use_lists(engine, lists);
    for (size_t i = 0; i < HISTORY; i++) {
        struct error error;
        struct text field;
        if (seed % 2 && roll(&dice, 4) == 0)
            change_brake(&dice, &model, snapshot, lists, i + 1);
        struct decision decision;
        events[i].transaction = random_transaction(&dice, &arena, i);
        assert_int_equal(engine_decide(engine, &events[i].transaction, &map.source, true, &arena,
                                       &decision, &field, &error),
                         0);
        assert_int_equal(decision.feature_count, 1); /* what suppressions count is not reported */
        check_decision(&model, events, i, &decision);
        records[i] = (struct record){
            .type = RECORD_TRANSACTION,
            .transaction = {.transaction = events[i].transaction, .decision = decision}};
        engine_apply(engine, &records[i], &map.source);
    }
    check_fold(&dice, engine, &snapshot->plan, records, &map);
    state_map_deinit(&map);
    arena_deinit(&arena);
    engine_free(engine);
    list_table_free(lists);
    snapshot_unref(snapshot);
}

static void rules_are_what_the_model_says(void **state) {
    (void)state;
    for (uint64_t step = 0; step < asked_steps(150); step++)
        run_step(step);
}

/* ---- one by one ---- */

static const char plain_policy[] = "policy: {name: judged, base_currency: EUR}\n";

struct bench {
    struct snapshot *snapshot;
    struct engine *engine;
    struct state_map map;
    struct arena arena;
};

static void bench_init(struct bench *bench, const char *features, const char *rules) {
    bench->snapshot = load(plain_policy, features, rules);
    bench->engine = engine_new(bench->snapshot, bench->snapshot);
    state_map_init(&bench->map, &bench->snapshot->plan);
    arena_init(&bench->arena, 16u << 20);
}

static void bench_deinit(struct bench *bench) {
    state_map_deinit(&bench->map);
    arena_deinit(&bench->arena);
    engine_free(bench->engine);
    snapshot_unref(bench->snapshot);
}

static struct decision take(struct bench *bench, const char *id, int64_t minute, int64_t cents) {
    struct record record = {.type = RECORD_TRANSACTION};
    struct transaction *t = &record.transaction.transaction;
    struct error error;
    struct text field;
    *t = (struct transaction){.id = text_of(id),
                              .event_time_us = START + minute * MINUTE,
                              .amount_minor = cents,
                              .currency = TEXT_LITERAL("EUR")};
    t->fields[FIELD_CARD] = TEXT_LITERAL("c1");
    assert_int_equal(engine_decide(bench->engine, t, &bench->map.source, true, &bench->arena,
                                   &record.transaction.decision, &field, &error),
                     0);
    engine_apply(bench->engine, &record, &bench->map.source);
    return record.transaction.decision;
}

static int64_t feature(const struct decision *decision, const char *name) {
    for (size_t i = 0; i < decision->feature_count; i++)
        if (text_is(decision->features[i].name, name))
            return decision->features[i].value.integer;
    fail_msg("no feature %s", name);
    return 0;
}

/* Suppressed, it fires no more; so it fires again when the time since the last effect is over. */
static void a_suppressed_rule_is_reported_without_effect(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, features_yaml,
               "rules:\n"
               "  - {name: any, when: amount > 1.0, then: {verdict: review, score: 10},\n"
               "     suppress: {by: card, for: 1h}}\n");
    static const struct {
        int64_t minute;
        bool suppressed;
    } expected[] = {{0, false}, {10, true}, {59, true}, {60, false}, {119, true}, {121, false}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%zu", i);
        struct decision decision = take(&bench, id, expected[i].minute, 500);
        assert_int_equal(decision.reason_count, 1);
        assert_int_equal(decision.reasons[0].suppressed, expected[i].suppressed);
        assert_int_equal(decision.score, expected[i].suppressed ? 0 : 10);
        assert_int_equal(decision.verdict,
                         expected[i].suppressed ? VERDICT_APPROVE : VERDICT_REVIEW);
    }
    bench_deinit(&bench);
}

/* fired() counts what had effect: neither what was suppressed nor what was in shadow. */
static void features_ask_which_rules_fired(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench,
               "entities: {card: {key: card}}\n"
               "features:\n"
               "  card:\n"
               "    - {name: any_1d, aggregate: count, where: 'fired(\"any\")', window: 1d}\n"
               "    - {name: dear_1d, aggregate: sum, of: amount, window: 1d,\n"
               "       where: 'fired(\"dear\") && amount > 5.0'}\n"
               "    - {name: tried_1d, aggregate: count, where: 'fired(\"tried\")', window: 1d}\n"
               "    - {name: share_1d, aggregate: share, of: 'fired(\"any\")', window: 1d}\n",
               "rules:\n"
               "  - {name: any, when: amount > 1.0, then: {score: 10},\n"
               "     suppress: {by: card, for: 30m}}\n"
               "  - {name: dear, when: amount > 4.0, then: {score: 10}}\n"
               "  - {name: tried, when: amount > 4.0, then: {score: 10}, mode: shadow}\n");
    take(&bench, "a", 0, 200);
    take(&bench, "b", 10, 450); /* any suppressed */
    take(&bench, "c", 20, 900); /* any suppressed */
    take(&bench, "d", 40, 900); /* any again */
    struct decision last = take(&bench, "e", 41, 50);
    assert_int_equal(feature(&last, "card.any_1d"), 2);
    assert_int_equal(feature(&last, "card.tried_1d"), 0);
    for (size_t i = 0; i < last.feature_count; i++) {
        if (text_is(last.features[i].name, "card.dear_1d"))
            assert_true(last.features[i].value.number == 18.0);
        if (text_is(last.features[i].name, "card.share_1d"))
            assert_true(last.features[i].value.number == 2.0 / 5.0);
    }
    bench_deinit(&bench);
}

/* A larger share keeps those that were in the smaller one, and about as many are in as it says. */
static void a_rollout_grows(void **state) {
    (void)state;
    char rules[512];
    bool was_in[1000] = {false};
    unsigned before = 0;
    for (unsigned percent = 10; percent <= 100; percent += 30) {
        struct bench bench;
        snprintf(rules, sizeof rules,
                 "rules: [{name: part, when: 'true', then: {score: 10}, rollout: %u.00%%}]\n",
                 percent);
        bench_init(&bench, features_yaml, rules);
        unsigned in = 0;
        for (size_t i = 0; i < 1000; i++) {
            char id[16];
            snprintf(id, sizeof id, "t%zu", i);
            bool is_in = take(&bench, id, 0, 100).reason_count == 1;
            assert_true(is_in || !was_in[i]);
            was_in[i] = is_in;
            in += is_in;
        }
        assert_true(in > before);
        assert_in_range(in, percent * 10 - (percent < 100 ? 40 : 0), percent * 10 + 40);
        before = in;
        bench_deinit(&bench);
    }
    assert_int_equal(before, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suppressed_rule_is_reported_without_effect),
        cmocka_unit_test(features_ask_which_rules_fired),
        cmocka_unit_test(a_rollout_grows),
        cmocka_unit_test(rules_are_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
