/* What a brake is for: which changes of a rule make it another one, and which do not. */
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char features[] = "entities:\n  card: {key: card}\n"
                               "features:\n  card:\n"
                               "    - {name: count_1h, aggregate: count, window: 1h}\n";
static const char plain[] = "name: first, when: 'amount > 5.0', then: {score: 1}";

static struct snapshot *load(const char *settings, const char *rule) {
    struct policy_text policy = {.count = 0};
    static char yaml[512], rules[1024];
    snprintf(yaml, sizeof yaml,
             "policy: {name: p, base_currency: EUR%s}\ngroups:\n  g: {at_most: 100}\n", settings);
    snprintf(rules, sizeof rules,
             "rules:\n  - {%s}\n  - {name: second, when: 'amount > 9.0', then: {score: 1}}\n",
             rule);
    policy_text_add(&policy, "policy.yaml", yaml);
    policy_text_add(&policy, "features.yaml", features);
    policy_text_add(&policy, "rules/all.yaml", rules);
    return policy_text_load(&policy);
}

struct definitions {
    uint64_t rule, other, policy;
};

static struct definitions definitions_of(const char *settings, const char *rule) {
    struct snapshot *snapshot = load(settings, rule);
    struct definitions found = {.rule = snapshot->rules[0].definition,
                                .other = snapshot->rules[1].definition,
                                .policy = snapshot->definition};
    snapshot_unref(snapshot);
    return found;
}

static void what_it_does_counts(void **state) {
    (void)state;
    static const char *const others[] = {
        "name: first, when: 'amount > 6.0', then: {score: 1}",
        "name: first, when: 'amount > 5.0', then: {score: 2}",
        "name: first, when: 'amount > 5.0', then: {verdict: review}",
        "name: first, when: 'amount > 5.0', then: {score: 1}, group: g",
        "name: first, when: 'amount > 5.0', then: {score: 1}, from: 2026-01-31",
        "name: first, when: 'amount > 5.0', then: {score: 1}, until: 2026-01-31",
        "name: first, when: 'amount > 5.0', then: {score: 1}, rollout: 10%",
        "name: first, when: 'amount > 5.0', then: {score: 1}, rollout: {percent: 10%, by: card}",
        "name: first, when: 'amount > 5.0', then: {score: 1}, on_error: decline",
        "name: first, when: 'amount > 5.0', then: {score: 1}, suppress: {by: card, for: 1h}",
        "name: first, when: 'amount > 5.0', then: {score: 1}, suppress: {by: card, for: 2h}",
        "name: first, when: 'amount > 5.0', then: {score: 1}, at_most: 2% per 10m",
        "name: first, when: 'amount > 5.0', then: {score: 1}, at_most: 3% per 10m",
        "name: first, when: 'amount > 5.0', then: {score: 1}, at_most: 2% per 11m",
    };
    enum { OTHERS = sizeof others / sizeof *others };
    struct definitions found[OTHERS + 1] = {definitions_of("", plain)};
    for (size_t i = 0; i < OTHERS; i++) {
        found[i + 1] = definitions_of("", others[i]);
        assert_true(found[i + 1].other == found[0].other);
        for (size_t j = 0; j <= i; j++)
            if (found[j].rule == found[i + 1].rule || found[j].policy == found[i + 1].policy)
                fail_msg("%s", others[i]);
    }
}

static void how_it_is_written_does_not(void **state) {
    (void)state;
    static const char *const same[] = {
        "name: first, when: '  amount>5.0  // high', then: {score: 1}",
        "name: first, when: 'amount > 5.0', then: {score: 1}, about: high, reason: '{amount}'",
        "name: first, when: 'amount > 5.0', then: {score: 1}, tags: [a]",
        "name: first, when: 'amount > 5.0', then: {score: 1}, mode: shadow",
        "name: first, when: 'amount > 5.0', then: {score: 1}, on_error: skip",
    };
    struct definitions expected = definitions_of("", plain);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct definitions found = definitions_of(", lateness: 2h", same[i]);
        if (found.rule != expected.rule || found.policy != expected.policy)
            fail_msg("%s", same[i]);
    }
}

static void settings_of_the_policy(void **state) {
    (void)state;
    struct definitions before = definitions_of("", plain);
    struct definitions limited = definitions_of(", at_most: 20% per 1h", plain);
    struct definitions cut = definitions_of(", cutoffs: {review: 500}", plain);
    assert_true(limited.rule == before.rule && cut.rule == before.rule);
    assert_true(limited.policy != before.policy && cut.policy != before.policy);
    struct snapshot *snapshot = load(", at_most: 0.05% per 24h", plain);
    assert_int_equal(snapshot->at_most.share_e6, 500);
    assert_int_equal(snapshot->at_most.per_us, INT64_C(86400000000));
    assert_int_equal(snapshot->rules[0].at_most.share_e6, 0);
    snapshot_unref(snapshot);
}

/* ---- what it reads ---- */

/* A policy whose rule `first` reads, directly or through others, everything that a policy has:
 * written in parts, each of which can be replaced. */
enum part { LISTS, DERIVED, FEATURES, VALUES, MODEL, THRESHOLD, FIRED, PART_COUNT };

static const char *const parts[PART_COUNT] = {
    [LISTS] = "lists:\n  transit: {values: [a, b]}\n  others: {values: [z]}\n"
              "  codes: {type: int, values: [1-5, 7]}\n",
    [DERIVED] = "derived:\n  half: {value: amount / 2.0}\n",
    [FEATURES] = "    - {name: count_1h, aggregate: count, window: 1h}\n"
                 "    - {name: alerts_1h, aggregate: count, window: 1h, where: fired('second')}\n",
    [VALUES] = "values:\n  - {name: inner, value: merchant in lists.transit}\n"
               "  - {name: outer, value: inner && half > 1.0}\n",
    [MODEL] =
        "models:\n  - name: points\n    output: score\n    scorecard:\n      base: 500\n"
        "      points: {dear: [{below: 50, points: 7}, {points: 0}]}\n    inputs: {dear: amount}\n",
    [THRESHOLD] = "thresholds:\n  - {name: high, quantile: 0.9, of: card.count_1h, over: 7d, "
                  "fallback: 5}\n",
    [FIRED] = "  - {name: second, when: 'amount > 9.0', then: {score: 1}}\n",
};

/* when: the condition of `first`. */
static struct snapshot *load_parts(const char *const given[PART_COUNT], const char *when) {
    struct policy_text policy = {.count = 0};
    static char features_yaml[2048], rules[2048];
    snprintf(features_yaml, sizeof features_yaml,
             "entities:\n  card: {key: card}\nfeatures:\n  card:\n%s%s", given[FEATURES],
             given[VALUES]);
    snprintf(rules, sizeof rules, "rules:\n  - {name: first, when: '%s', then: {score: 1}}\n%s",
             when, given[FIRED]);
    policy_text_add(&policy, "policy.yaml", "policy: {name: p, base_currency: EUR}\n");
    policy_text_add(&policy, "lists.yaml", given[LISTS]);
    policy_text_add(&policy, "schema.yaml", given[DERIVED]);
    policy_text_add(&policy, "features.yaml", features_yaml);
    policy_text_add(&policy, "models.yaml", given[MODEL]);
    policy_text_add(&policy, "thresholds.yaml", given[THRESHOLD]);
    policy_text_add(&policy, "rules/all.yaml", rules);
    return policy_text_load(&policy);
}

static struct snapshot *load_with(enum part part, const char *other, const char *when) {
    const char *given[PART_COUNT];
    memcpy(given, parts, sizeof given);
    if (part < PART_COUNT)
        given[part] = other;
    return load_parts(given, when);
}

#define CODES      "lists:\n  transit: {values: [a, b]}\n  others: {}\n  codes: {type: int, values: "
#define OTHER_LIST "lists:\n  transit: {values: [a, c]}\n  others: {}\n" MORE
#define MORE       "  codes: {type: int, values: [1-5, 7]}\n"

/* What the condition reads, and a change of the policy that changes what it reads, and none of its
 * own text; and one that does not. */
static const struct {
    const char *when;
    enum part part;
    const char *changed, *same;
} readings[] = {
    {"merchant in lists.transit", LISTS,
     "lists:\n  transit: {values: [a, c]}\n  others: {values: [z]}\n" MORE,
     "lists:\n  others: {values: [y, x]}\n  transit: {values: [b, a], about: stations}\n" MORE},
    {"merchant in lists.transit", LISTS,
     "lists:\n  transit: {values: [a, {value: b, until: 2030-01-01}]}\n"
     "  others: {values: [z]}\n" MORE,
     "lists:\n  transit: {values: [{value: a, until: 2030-01-01}, b, a]}\n  others: {}\n" MORE},
    {"merchant in lists.transit", LISTS,
     "lists:\n  transit: {values: [a, b], runtime: no}\n  others: {values: [z]}\n" MORE, NULL},
    {"amount_minor in lists.codes", LISTS, CODES "[1-6, 7]}\n", CODES "[7, 1-5, 7, 1-5]}\n"},
    {"outer", LISTS, "lists:\n  transit: {values: [a]}\n  others: {values: [z]}\n" MORE,
     "lists:\n  transit: {values: [a, b]}\n  others: {}\n" MORE},
    {"outer", VALUES,
     "values:\n  - {name: inner, value: merchant in lists.others}\n"
     "  - {name: outer, value: inner && half > 1.0}\n",
     "values:\n  - {name: apart, value: amount > 3.0}\n"
     "  - {name: inner, value: '(merchant in  lists.transit)', about: transit}\n"
     "  - {name: outer, value: inner && half > 1.0}\n"},
    {"outer", DERIVED, "derived:\n  half: {value: amount / 3.0}\n",
     "derived:\n  apart: {value: amount * 3.0}\n  half: {value: amount / 2.0}\n"},
    {"card.count_1h > 3", FEATURES,
     "    - {name: count_1h, aggregate: count, window: 2h}\n"
     "    - {name: alerts_1h, aggregate: count, window: 1h, where: fired(\"second\")}\n",
     "    - {name: apart, aggregate: count, window: 3h}\n"
     "    - {name: count_1h, aggregate: count, window: 1h, about: few}\n"
     "    - {name: alerts_1h, aggregate: count, window: 2h, where: fired(\"second\")}\n"},
    {"card.count_1h > 3", FEATURES,
     "    - {name: count_1h, aggregate: count, window: 1h, where: amount > 2.0}\n"
     "    - {name: alerts_1h, aggregate: count, window: 1h, where: fired(\"second\")}\n",
     NULL},
    {"card.alerts_1h > 3", FIRED, "  - {name: second, when: 'amount > 8.0', then: {score: 1}}\n",
     "  - {name: second, when: 'amount > 9.0', then: {score: 1}, about: high, mode: shadow}\n"},
    {"models.points > 500", MODEL,
     "models:\n  - name: points\n    output: score\n    scorecard:\n      base: 501\n"
     "      points: {dear: [{below: 50, points: 7}, {points: 0}]}\n    inputs: {dear: amount}\n",
     NULL},
    {"amount > thresholds.high", THRESHOLD,
     "thresholds:\n  - {name: high, quantile: 0.8, of: card.count_1h, over: 7d, "
     "fallback: 5}\n",
     "thresholds:\n  - {name: apart, quantile: 0.8, of: card.count_1h, over: 7d, fallback: 5}\n"
     "  - {name: high, quantile: 0.90, of: card.count_1h, over: 168h, fallback: 5, about: x}\n"},
    {"amount > thresholds.high", THRESHOLD,
     "thresholds:\n  - {name: high, quantile: 0.9, of: card.count_1h, over: 7d, "
     "fallback: 6}\n",
     NULL},
    {"amount > thresholds.high", FEATURES,
     "    - {name: count_1h, aggregate: count, window: 2h}\n"
     "    - {name: alerts_1h, aggregate: count, window: 1h, where: fired(\"second\")}\n",
     NULL},
};

static void what_it_reads_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        const char *when = readings[i].when;
        struct snapshot *before = load_with(PART_COUNT, NULL, when);
        struct snapshot *after = load_with(readings[i].part, readings[i].changed, when);
        if (after->rules[0].definition == before->rules[0].definition ||
            after->definition == before->definition)
            fail_msg("%s: %s", when, readings[i].changed);
        if (readings[i].part != DERIVED && readings[i].part != FIRED)
            assert_true(after->rules[1].definition == before->rules[1].definition);
        assert_true(before->rules[0].definition != before->rules[0].declaration);
        snapshot_unref(after);
        after = readings[i].same ? load_with(readings[i].part, readings[i].same, when) : NULL;
        if (after && (after->rules[0].definition != before->rules[0].definition ||
                      after->definition != before->definition))
            fail_msg("%s: %s", when, readings[i].same);
        snapshot_unref(after);
        snapshot_unref(before);
    }
}

/* What is behind that in turn: with `reader` in its place, and then with `changed` where it reads.
 */
static const struct {
    const char *when;
    enum part part;
    const char *reader;
    enum part behind;
    const char *changed;
} readers[] = {
    {"card.share_1d > 0.2", FEATURES,
     "    - {name: count_1h, aggregate: count, window: 1h}\n"
     "    - {name: share_1d, aggregate: share, of: fired(\"second\"), window: 1d}\n",
     FIRED, "  - {name: second, when: 'amount > 8.0', then: {score: 1}}\n"},
    {"models.points > 500", MODEL,
     "models:\n  - name: points\n    output: score\n    scorecard:\n      base: 500\n"
     "      points: {dear: [{below: 50, points: 7}, {points: 0}]}\n"
     "    inputs: {dear: 'merchant in lists.transit ? amount : 0.0'}\n",
     LISTS, OTHER_LIST},
    {"amount > thresholds.high", THRESHOLD,
     "thresholds:\n  - {name: high, quantile: 0.9, of: amount, where: inner, over: 7d, "
     "fallback: 5}\n",
     VALUES,
     "values:\n  - {name: inner, value: amount > 3.0}\n"
     "  - {name: outer, value: inner && half > 1.0}\n"},
    {"card.alerts_1h > 3", FIRED,
     "  - {name: second, when: 'merchant in lists.transit', then: {score: 1}}\n", LISTS,
     OTHER_LIST},
};

static void what_is_behind_it_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        const char *given[PART_COUNT];
        memcpy(given, parts, sizeof given);
        given[readers[i].part] = readers[i].reader;
        struct snapshot *before = load_parts(given, readers[i].when);
        given[readers[i].behind] = readers[i].changed;
        struct snapshot *after = load_parts(given, readers[i].when);
        if (after->rules[0].definition == before->rules[0].definition)
            fail_msg("%s: %s", readers[i].when, readers[i].changed);
        assert_true(after->rules[0].declaration == before->rules[0].declaration);
        snapshot_unref(after);
        snapshot_unref(before);
    }
}

#define MEAN(value)                                                                                \
    "    - {name: count_1h, aggregate: count, window: 1h}\n"                                       \
    "    - {name: mean_1h, aggregate: mean, of: amount, window: 1h" value "}\n"

/* The value of a feature without transactions, and the order of what is read, which is none. */
static void defaults_count_and_order_does_not(void **state) {
    (void)state;
    static const char *const features_of[] = {
        MEAN(""), MEAN(", default: 5.0"), MEAN(", default: 6.0"),
        "    - {name: mean_1h, aggregate: mean, of: amount, window: 1h, default: 6.0}\n"
        "    - {name: count_1h, aggregate: count, window: 1h}\n"};
    uint64_t found[4];
    for (size_t i = 0; i < 4; i++) {
        struct snapshot *snapshot =
            load_with(FEATURES, features_of[i], "card.count_1h > 3 && card.mean_1h > 4.0");
        found[i] = snapshot->rules[0].definition;
        snapshot_unref(snapshot);
    }
    assert_true(found[0] != found[1] && found[0] != found[2] && found[1] != found[2]);
    assert_true(found[2] == found[3]);
}

/* Archives hold them: another value, and brakes in force are lost. */
static void they_stay_as_they_are(void **state) {
    (void)state;
    struct snapshot *snapshot =
        load_with(PART_COUNT, NULL,
                  "outer && card.alerts_1h > 3 && models.points > 500 && amount > thresholds.high");
    assert_int_equal(snapshot->rules[0].declaration, UINT64_C(0x37cf50d2a60d5c28));
    assert_int_equal(snapshot->rules[0].definition, UINT64_C(0x85e0a4aacd6c3f7a));
    assert_int_equal(snapshot->declaration, UINT64_C(0x2e80b70ea5bbefe6));
    assert_int_equal(snapshot->definition, UINT64_C(0xd23217284c264d63));
    assert_int_equal(snapshot->rules[1].definition, snapshot->rules[1].declaration);
    snapshot_unref(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_does_counts),
        cmocka_unit_test(how_it_is_written_does_not),
        cmocka_unit_test(settings_of_the_policy),
        cmocka_unit_test(what_it_reads_counts),
        cmocka_unit_test(what_is_behind_it_counts),
        cmocka_unit_test(defaults_count_and_order_does_not),
        cmocka_unit_test(they_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
