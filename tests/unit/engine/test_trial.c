/* Cases: how they are read, the history as the archive would have it, and the report of a decision
 * that is not as expected. */
#include "core/engine/trial.h"
#include "tests/unit/unit.h"

static const char policy_yaml[] = "policy: {name: test, base_currency: EUR,\n"
                                  "  currency_rates: [{currency: USD, from: 2020-01-01, rate: "
                                  "\"0.5\"}],\n"
                                  "  cutoffs: {review: 300}}\n";

static const char schema_yaml[] = "fields: {card: {required: true}}\n"
                                  "attributes:\n"
                                  "  items: {type: int}\n"
                                  "  basket: {type: decimal(2)}\n"
                                  "  risk: {type: double}\n"
                                  "  gift: {type: bool}\n"
                                  "  opened: {type: timestamp}\n"
                                  "  kind: {type: string}\n"
                                  "derived:\n"
                                  "  domain: {value: emailDomain(email)}\n";

static const char features_yaml[] =
    "entities:\n"
    "  card: {key: card}\n"
    "  device: {key: device}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}\n"
    "    - {name: mean_1d, aggregate: mean, of: amount, window: 1d}\n"
    "    - {name: declines_1d, aggregate: count, window: 1d, where: \"verdict == 'decline'\"}\n"
    "    - {name: frauds_30d, aggregate: count, window: 30d, where: \"outcome == 'fraud'\"}\n"
    "  device:\n"
    "    - {name: cards_1h, aggregate: distinct, of: card, window: 1h}\n"
    "values:\n"
    "  - {name: times, value: amount / card.mean_1d}\n";

static const char lists_yaml[] = "lists: {blocked: {}, nets: {type: network}}\n";

static const char thresholds_yaml[] =
    "thresholds:\n"
    "  - {name: high, quantile: 0.9, of: amount, by: mcc, over: 30d, fallback: 1000}\n";

static const char rules_yaml[] =
    "rules:\n"
    "  - {name: many, when: card.count_1h >= 3, then: {verdict: decline, score: 400},\n"
    "     reason: \"{card.count_1h} in an hour\"}\n"
    "  - {name: ring, when: device.cards_1h >= 3, then: {score: 100}, mode: shadow}\n"
    "  - {name: blocked, when: card in lists.blocked, then: {verdict: decline}}\n"
    "  - {name: net, when: ip in lists.nets, then: {score: 50}}\n"
    "  - {name: high, when: \"amount > thresholds.high[mcc]\", then: {score: 10}}\n"
    "  - {name: once, when: amount == 55.0, then: {score: 20}, suppress: {by: card, for: 1h}}\n"
    "  - {name: few, when: amount == 77.0, then: {score: 5}, rollout: 0.01%}\n"
    "  - {name: seasonal, when: amount == 88.0, then: {score: 5}, from: 2026-12-01}\n"
    "  - {name: dear, when: \"items == 9 && amount > thresholds.high[mcc]\", then: {verdict: "
    "decline}}\n"
    "  - {name: fails, when: items / (items - 3) > 0, then: {score: 1}}\n";

/* The policy with these cases in a file. */
static struct snapshot *load(const char *cases, struct buffer *messages) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy_yaml)},
        {.path = TEXT_LITERAL("schema.yaml"), .content = text_of(schema_yaml)},
        {.path = TEXT_LITERAL("features.yaml"), .content = text_of(features_yaml)},
        {.path = TEXT_LITERAL("lists.yaml"), .content = text_of(lists_yaml)},
        {.path = TEXT_LITERAL("thresholds.yaml"), .content = text_of(thresholds_yaml)},
        {.path = TEXT_LITERAL("rules/a.yaml"), .content = text_of(rules_yaml)},
        {.path = TEXT_LITERAL("cases/a.yaml"), .content = text_of(cases)},
    };
    struct snapshot *snapshot = NULL;
    struct error error;
    if (snapshot_load(files, sizeof files / sizeof *files, &snapshot, messages, &error) < 0)
        return NULL;
    return snapshot;
}

/* Runs them. Returns the report of those that fail; free() it. */
static char *run(const char *cases, size_t *ret_failed) {
    struct buffer messages;
    buffer_init(&messages);
    struct snapshot *snapshot = load(cases, &messages);
    if (!snapshot)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_clear(&messages);
    *ret_failed = trial_run_all(snapshot, &messages);
    snapshot_unref(snapshot);
    buffer_append_u8(&messages, '\0');
    return (char *)messages.bytes;
}

#define ONE(body) "cases:\n- name: c\n" body

static void passes(const char *cases) {
    size_t failed;
    char *reported = run(cases, &failed);
    if (failed)
        fail_msg("%s", reported);
    free(reported);
}

static void fails(const char *cases, const char *expected) {
    size_t failed;
    char *reported = run(cases, &failed);
    if (failed != 1 || !strstr(reported, expected))
        fail_msg("expected \"%s\" in\n%s", expected, reported);
    free(reported);
}

static void refused(const char *cases, const char *expected) {
    struct buffer messages;
    buffer_init(&messages);
    struct snapshot *snapshot = load(cases, &messages);
    buffer_append_u8(&messages, '\0');
    if (snapshot || !strstr((const char *)messages.bytes, expected))
        fail_msg("expected \"%s\" in\n%s", expected, (const char *)messages.bytes);
    buffer_deinit(&messages);
}

static void all_kinds_of_values(void **state) {
    (void)state;
    passes(
        ONE("  transaction: {card: c1, amount: 12.50, currency: USD, event_time: "
            "2026-02-01T10:00:00Z,\n"
            "    email: a@b.example, latitude: 47.5, longitude: -8.25, items: 7, basket: 1.25,\n"
            "    risk: 0.125, gift: true, opened: 2020-01-01, kind: x}\n"
            "  expect: {verdict: approve, score: 1, features: {amount: 6.25, amount_minor: 1250,\n"
            "    currency: USD, event_time: \"2026-02-01T10:00:00Z\", domain: b.example,\n"
            "    latitude: 47.5, longitude: -8.25, items: 7, basket: 1.25, risk: 0.125,\n"
            "    gift: true, opened: 2020-01-01, kind: x, device: ~, card.count_1h: 1,\n"
            "    times: 1.0}}\n"));
    /* what is not said */
    passes(ONE("  transaction: {card: c1, amount_minor: 1}\n"
               "  expect: {features: {currency: EUR, amount: 0.01,\n"
               "    event_time: \"2026-01-05T12:00:00Z\"}}\n"));
    passes(ONE("  transaction: {card: c1}\n"
               "  expect: {features: {currency: ~, amount: ~, card.mean_1d: ~}}\n"));
}

static void doubles_agree_when_they_print_alike(void **state) {
    (void)state;
#define MEAN(expected)                                                                             \
    ONE("  history: [{at: -1h, amount: 1, repeat: 2}]\n"                                           \
        "  transaction: {card: c1, amount: 2}\n"                                                   \
        "  expect: {features: {card.mean_1d: " expected "}}\n")
    passes(MEAN("1.33"));
    passes(MEAN("1.3"));
    passes(MEAN("1"));
    passes(MEAN("1.333333"));
    fails(MEAN("1.34"), "expected card.mean_1d = 1.34, got 1.3333333333333333");
    fails(MEAN("2"), "expected card.mean_1d = 2, got 1.3333333333333333");
    fails(MEAN("1.33e0"), "expected card.mean_1d = 1.33, got 1.3333333333333333");
    fails(MEAN("~"), "expected card.mean_1d = absent, got 1.3333333333333333");
}

static void the_history_is_in_the_archive(void **state) {
    (void)state;
    /* Fields are those of the transaction unless the item says otherwise; null takes one away. */
    passes(ONE("  history:\n"
               "    - {at: -50m}\n"
               "    - {at: -40m, amount: 3}\n"
               "    - {at: -30m, card: c2}\n"
               "    - {at: -20m, amount: ~}\n"
               "    - {at: \"2026-01-05T11:50:00Z\", amount_minor: 50}\n"
               "  transaction: {card: c1, amount: 1}\n"
               "  expect: {features: {card.count_1h: 5, card.sum_1h: 5.5}}\n"));
    /* repeat, every, {n} */
    passes(ONE("  history:\n"
               "    - {at: -65m, repeat: 4, every: 10m, card: \"c{n}\"}\n"
               "  transaction: {card: c1, device: d1}\n"
               "  expect: {fires: ring, features: {device.cards_1h: 4, card.count_1h: 1}}\n"));
    /* Verdicts are the policy's own, or what the case states. */
    passes(ONE("  history: [{at: -50m, repeat: 4, every: 10m}]\n"
               "  transaction: {card: c1}\n"
               "  expect: {verdict: decline, score: 400, features: {card.declines_1d: 2}}\n"));
    passes(ONE("  history: [{at: -2h, repeat: 3, verdict: decline}]\n"
               "  transaction: {card: c1}\n"
               "  expect: {verdict: approve, features: {card.declines_1d: 3}}\n"));
    /* Outcomes, and one that is taken back. */
    passes(ONE("  history:\n"
               "    - {at: -5d, repeat: 3, every: 1h, id: \"old-{n}\"}\n"
               "    - {outcome: fraud, of: old-1, at: -4d}\n"
               "    - {outcome: fraud, of: old-1}\n"
               "    - {outcome: fraud, of: old-2}\n"
               "    - {outcome: chargeback, of: old-3}\n"
               "    - {outcome: none, of: old-2}\n"
               "  transaction: {card: c1}\n"
               "  expect: {features: {card.frauds_30d: 1}}\n"));
    /* Late ones too. */
    passes(ONE("  history: [{at: +10m, repeat: 3}, {at: -10m}]\n"
               "  transaction: {card: c1}\n"
               "  expect: {features: {card.count_1h: 2}}\n"));
}

static void lists_change_with_event_time(void **state) {
    (void)state;
#define BLOCKED(history, expect)                                                                   \
    ONE("  history: [" history "]\n"                                                               \
        "  transaction: {card: c1, ip: 192.0.2.7}\n"                                               \
        "  expect: {" expect "}\n")
    passes(BLOCKED("{list: blocked, add: c1, for: 7d, at: -6d, why: stolen}", "fires: blocked"));
    passes(BLOCKED("{list: blocked, add: c1, for: 7d, at: -8d}", "not: blocked"));
    passes(BLOCKED("{list: blocked, add: c1, until: 2026-01-06}", "fires: blocked"));
    passes(BLOCKED("{list: blocked, add: c1, until: 2026-01-05}", "not: blocked"));
    passes(BLOCKED("{list: blocked, add: c1}, {list: blocked, remove: c1}", "not: blocked"));
    passes(BLOCKED("{list: nets, add: 192.0.2.0/24}", "fires: net, not: blocked, score: 50"));
}

static void features_and_thresholds_can_be_given(void **state) {
    (void)state;
    passes(ONE("  given: {card.count_1h: 7, card.mean_1d: ~, thresholds.high: 5}\n"
               "  transaction: {card: c1, amount: 6, mcc: \"5411\"}\n"
               "  expect: {fires: [many, high], reasons: {many: 7 in an hour},\n"
               "    features: {times: ~, card.sum_1h: 6}}\n"));
    /* Not for the history. */
    passes(ONE("  given: {card.count_1h: 7}\n"
               "  history: [{at: -30m}]\n"
               "  transaction: {card: c1}\n"
               "  expect: {fires: many, features: {card.declines_1d: 0}}\n"));
    passes(ONE("  given: {thresholds.high: 5}\n"
               "  history: [{at: -30m}]\n"
               "  transaction: {card: c1, amount: 6, items: 9, mcc: \"5411\"}\n"
               "  expect: {fires: dear, features: {card.declines_1d: 0}}\n"));
    /* Each case begins with nothing. */
    passes("cases:\n"
           "- {name: a, given: {card.count_1h: 7, thresholds.high: 1}, transaction: {card: c1},\n"
           "   history: [{at: -1m, repeat: 9}, {list: blocked, add: c1}], expect: {fires: many}}\n"
           "- {name: b, transaction: {card: c1, amount: 6, mcc: \"5411\"},\n"
           "   expect: {not: [many, high, blocked], features: {card.count_1h: 1}}}\n");
}

static void terms_of_rules(void **state) {
    (void)state;
    passes(ONE("  history: [{at: -61m}]\n"
               "  transaction: {card: c1, amount: 55}\n"
               "  expect: {fires: once, score: 20}\n"));
    passes(ONE("  history: [{at: -59m}]\n"
               "  transaction: {card: c1, amount: 55}\n"
               "  expect: {not: once, score: 0}\n"));
    fails(ONE("  history: [{at: -59m}]\n"
              "  transaction: {card: c1, amount: 55}\n"
              "  expect: {fires: once}\n"),
          "expected rule once to fire; it is suppressed: it fired in the history");
    /* A rollout is for all. */
    passes(ONE("  transaction: {card: c1, amount: 77}\n"
               "  expect: {fires: few}\n"));
    passes(ONE("  transaction: {card: c1, amount: 88, event_time: 2026-12-01}\n"
               "  expect: {fires: seasonal}\n"));
    fails(ONE("  transaction: {card: c1, amount: 88}\n"
              "  expect: {fires: seasonal}\n"),
          "it is not in force at the transaction's event_time, 2026-01-05T12:00:00Z");
}

static void differences_are_reported(void **state) {
    (void)state;
    static const char wrong[] =
        ONE("  history: [{at: -30m}]\n"
            "  transaction: {card: c1, amount: 2, device: d1}\n"
            "  expect: {verdict: decline, score: 400, fires: [many, ring], not: once,\n"
            "    reasons: {many: 3 in an hour}, features: {card.count_1h: 3, kind: x}}\n");
    size_t failed;
    char *found = run(wrong, &failed);
    assert_int_equal(failed, 1);
    /* by rules as the case has them, by values as the policy has them */
    assert_non_null(strstr(found, "expected card.count_1h = 3, got 2\n"));
    assert_non_null(strstr(found, "expected kind = \"x\", got absent\n"));
    assert_non_null(strstr(found, "cases/a.yaml:2: case \"c\" fails\n"
                                  "    expected verdict decline, got approve\n"
                                  "    expected score 400, got 0\n"
                                  "    expected rule many to fire; its condition is false:\n"
                                  "        card.count_1h = 2\n"
                                  "    expected rule ring to fire; its condition is false:\n"
                                  "        device.cards_1h = 1\n"
                                  "    expected the reason \"3 in an hour\"; rule many did not "
                                  "fire\n"));
    assert_non_null(strstr(found, "    decided approve, score 0; fired: nothing\n"));
    free(found);
    fails(ONE("  history: [{at: -30m, repeat: 2}]\n"
              "  transaction: {card: c1}\n"
              "  expect: {not: many}\n"),
          "expected rule many not to fire; it did:\n"
          "        card.count_1h = 3\n"
          "    decided decline, score 400; fired: many\n");
    fails(ONE("  history: [{at: -30m, repeat: 2}]\n"
              "  transaction: {card: c1}\n"
              "  expect: {reasons: {many: three}}\n"),
          "expected the reason of many to be \"three\", got \"3 in an hour\"");
    fails(ONE("  transaction: {card: c1, items: 3}\n"
              "  expect: {fires: fails}\n"),
          "expected rule fails to fire; its condition is division by zero:\n"
          "        items = 3\n"
          "    decided approve, score 0; fired: nothing; failed: fails\n");
    fails(ONE("  transaction: {card: c1}\n"
              "  expect: {fires: fails}\n"),
          "its condition is absent:\n        items = absent\n");
}

static void what_is_wrong_with_a_case_is_reported(void **state) {
    (void)state;
    refused(ONE("  transaction: {card: c1}\n"), "2:3: a case needs \"expect\"");
    refused(ONE("  transaction: {card: c1, cadr: x}\n  expect: {score: 0}\n"),
            "3:27: unknown key \"cadr\" of a transaction; did you mean \"card\"?");
    refused(ONE("  transaction: {merchant: m1}\n  expect: {score: 0}\n"),
            "3:16: card is missing; policy test requires it");
    refused(ONE("  transaction: {card: c1, mcc: abc}\n  expect: {score: 0}\n"),
            "3:32: mcc \"abc\" is not a merchant category code");
    refused(ONE("  transaction: {card: c1, amount: 1.234}\n  expect: {score: 0}\n"),
            "3:35: amount 1.234 has too many decimals; expected at most 2");
    refused(ONE("  transaction: {card: 4111111111111111}\n  expect: {score: 0}\n"),
            "card looks like a card number");
    refused(ONE("  transaction: {card: c1, domain: x}\n  expect: {score: 0}\n"),
            "this field is derived by schema.yaml; leave it out");
    refused(ONE("  history: [{at: 10m}]\n  transaction: {card: c1}\n  expect: {score: 0}\n"),
            "at \"10m\" has no sign; expected -10m for before the transaction");
    refused(ONE("  history: [{at: -1m, id: a, repeat: 2}]\n  transaction: {card: c1}\n"
                "  expect: {score: 0}\n"),
            "the id \"a\" is the same for all repetitions; put {n} into it");
    refused(ONE("  history: [{outcome: fraud, of: a}]\n  transaction: {card: c1}\n"
                "  expect: {score: 0}\n"),
            "no transaction \"a\" comes before this");
    refused(ONE("  history: [{at: -1m, repeat: 1001}]\n  transaction: {card: c1}\n"
                "  expect: {score: 0}\n"),
            "repeat is 1001; expected a whole number, 1 to 1000");
    refused(ONE("  transaction: {card: c1}\n  expect: {fires: mnay}\n"),
            "unknown rule \"mnay\"; did you mean \"many\"?");
    refused(ONE("  transaction: {card: c1}\n  expect: {fires: many, not: many}\n"),
            "\"many\" appears in both fires and not");
    refused(ONE("  transaction: {card: c1}\n  given: {amount: 5}\n  expect: {score: 0}\n"),
            "\"amount\" is not a feature, model or threshold");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_of_values),
        cmocka_unit_test(doubles_agree_when_they_print_alike),
        cmocka_unit_test(the_history_is_in_the_archive),
        cmocka_unit_test(lists_change_with_event_time),
        cmocka_unit_test(features_and_thresholds_can_be_given),
        cmocka_unit_test(terms_of_rules),
        cmocka_unit_test(differences_are_reported),
        cmocka_unit_test(what_is_wrong_with_a_case_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
