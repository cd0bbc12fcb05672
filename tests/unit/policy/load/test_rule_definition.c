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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_does_counts),
        cmocka_unit_test(how_it_is_written_does_not),
        cmocka_unit_test(settings_of_the_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
