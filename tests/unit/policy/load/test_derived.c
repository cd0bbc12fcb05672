/* What derived fields and currencies make of a plan: slots, columns, keys and conditions, and which
 * change makes another feature. How they get their values is test_schema.c's. */
#include "tests/unit/policy/policy_text.h"

#include "core/base/check.h"
#include "tests/unit/unit.h"

static const char schema_yaml[] = "attributes:\n"
                                  "  items: {type: int}\n"
                                  "derived:\n"
                                  "  ip_network: {value: \"network(ip, 24, 48)\"}\n"
                                  "  email_domain: {type: string, value: emailDomain(email)}\n"
                                  "  bin: {value: \"card.substring(0, 8)\"}\n"
                                  "  issuer: {value: \"bin.substring(0, 6)\"}\n"
                                  "  each: {type: decimal(2), value: amount / double(items)}\n";

static const char features_yaml[] =
    "entities:\n"
    "  ip_network: {key: ip_network}\n"
    "  pair: {key: [email_domain, merchant]}\n"
    "features:\n"
    "  ip_network:\n"
    "    - {name: issuers, aggregate: distinct, of: issuer, window: 1d, where: email_domain != "
    "'a.example'}\n"
    "    - {name: each, aggregate: mean, of: each, window: 1d}\n"
    "    - {name: domain, aggregate: last, of: email_domain, window: 1d}\n"
    "  pair:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n";

static const char rules_yaml[] = "rules:\n"
                                 "  - name: first\n"
                                 "    when: ip_network.issuers > 3 && bin == '41111111'\n"
                                 "    then: {score: 10}\n"
                                 "    reason: \"{ip_network}: {ip_network.domain}\"\n";

static void assert_column(const struct snapshot *s, size_t entity, size_t column,
                          const char *source, const char *slot, const char *currency) {
    const struct column *found = &s->plan.entities[entity].columns[column];
    if (!text_is(found->source, source))
        fail_msg("%.*s, expected %s", TEXT_ARGS(found->source), source);
    assert_true(text_is(s->slot_names[s->bindings[entity].column_slots[column]], slot));
    assert_string_equal(s->bindings[entity].column_currencies[column], currency);
}

static void test_derived_in_a_plan(void **state) {
    (void)state;
    struct snapshot *s = policy_text_snapshot(schema_yaml, features_yaml, rules_yaml);
    assert_int_equal(s->schema.first_derived, s->schema.first_attribute + 1);
    assert_int_equal(s->schema.field_count, s->schema.first_derived + 5);
    static const char *const names[] = {"ip_network", "email_domain", "bin", "issuer", "each"};
    for (size_t i = 0; i < 5; i++) /* in the order of the file */
        assert_true(text_is(s->slot_names[s->schema.first_derived + i], names[i]));
    const struct entity_plan *network = &s->plan.entities[0], *pair = &s->plan.entities[1];
    assert_true(text_is(network->key, "derived(network(ip, 24, 48))"));
    assert_true(text_is(pair->key, "derived(emailDomain(email))+merchant"));
    assert_true(
        text_is(network->filters[0].source, "derived(emailDomain(email)) != \"a.example\""));
    assert_column(s, 0, 0, "derived(derived(card.substring(0, 8)).substring(0, 6))", "issuer", "");
    assert_column(s, 0, 1, "derived(amount:EUR / double(attributes.items:int)):decimal(2)", "each",
                  "");
    assert_column(s, 0, 2, "derived(emailDomain(email))", "email_domain", "");
    assert_int_equal(network->columns[0].type, COLUMN_HASH);
    assert_int_equal(network->columns[1].type, COLUMN_INTEGER);
    assert_int_equal(network->columns[1].digits, 2);
    assert_int_equal(network->columns[2].type, COLUMN_TEXT);
    snapshot_unref(s);
}

/* The definition of one feature, as another schema gives it. */
static uint64_t definition(const char *schema, const char *field, const char *feature) {
    char features[1000];
    snprintf(features, sizeof features, "entities: {e: {key: %s}}\nfeatures: {e: [%s]}\n", field,
             feature);
    struct snapshot *s = policy_text_snapshot(schema, features, NULL);
    uint64_t found = s->plan.entities[0].features[0].definition;
    snapshot_unref(s);
    return found;
}

static void test_definitions(void **state) {
    (void)state;
    static const char count[] = "{name: n, aggregate: count, window: 1d}";
    uint64_t first = definition("derived: {a: {value: \"network(ip, 24, 48)\"}}\n", "a", count);
    /* Names, white space, types that follow and other fields do not make another feature … */
    assert_true(first ==
                definition("derived:\n  first: {value: card.lowerAscii()}\n"
                           "  b: {type: string, value: \"network( ip,24,  48 ) // /24\"}\n",
                           "b", count));
    /* … what is computed does: */
    assert_true(first !=
                definition("derived: {a: {value: \"network(ip, 16, 48)\"}}\n", "a", count));
    assert_true(first != definition("", "ip", count));
    /* in what a derived field is made from, */
    static const char chain[] = "derived:\n  a: {value: \"card.substring(0, %d)\"}\n"
                                "  b: {value: \"a.substring(0, 6)\"}\n";
    char eight[200], seven[200];
    snprintf(eight, sizeof eight, chain, 8);
    snprintf(seven, sizeof seven, chain, 7);
    assert_true(definition(eight, "b", count) == definition(eight, "b", count));
    assert_true(definition(eight, "b", count) != definition(seven, "b", count));
    /* in conditions, */
    static const char filtered[] = "{name: n, aggregate: count, window: 1d, where: \"a == 'x'\"}";
    assert_true(definition(eight, "ip", filtered) != definition(seven, "ip", filtered));
    /* in columns, and in the digits they are rounded to. */
    static const char sum[] = "{name: n, aggregate: sum, of: a, window: 1d}";
    static const char rounded[] = "derived: {a: {type: decimal(%d), value: amount / 3.0}}\n";
    char two[200], three[200];
    snprintf(two, sizeof two, rounded, 2);
    snprintf(three, sizeof three, rounded, 3);
    assert_true(definition(two, "ip", sum) != definition(three, "ip", sum));
    /* A record whose field looks like a card number has the field or not, as the schema says. */
    const char *merchant = "fields: {merchant: {card_numbers: refuse}}\n",
               *usual = "fields: {merchant: {card_numbers: allow}}\n",
               *device = "fields: {device: {card_numbers: allow}}\n",
               *note = "attributes: {note: {type: string}}\n",
               *numbers = "attributes: {note: {type: string, card_numbers: allow}}\n";
    assert_true(definition(usual, "merchant", count) == definition("", "merchant", count));
    assert_true(definition(merchant, "merchant", count) != definition("", "merchant", count));
    assert_true(definition(merchant, "device", count) == definition("", "device", count));
    assert_true(definition(device, "device", count) != definition("", "device", count));
    assert_true(definition(note, "note", count) != definition(numbers, "note", count));
}

/* A long derivation is in the canonical name as a hash, so that names stay short however
 * derived fields are made from each other; a change shows all the same. */
static void test_long_derivations(void **state) {
    (void)state;
    char schemas[2][8000];
    for (int other = 0; other < 2; other++) {
        char *at = schemas[other];
        at += sprintf(at, "derived:\n  d0: {value: \"card + '%s'\"}\n", other ? "y" : "x");
        for (int i = 1; i < 40; i++)
            at += sprintf(at, "  d%d: {value: \"d%d + d%d + d%d + d%d\"}\n", i, i - 1, i - 1, i - 1,
                          i - 1);
    }
    struct snapshot *s = policy_text_snapshot(
        schemas[0],
        "entities: {e: {key: d39}}\nfeatures: {e: [{name: n, aggregate: count, window: 1d}]}\n",
        NULL);
    struct text key = s->plan.entities[0].key;
    assert_int_equal(key.length, strlen("derived(sha256 )") + 32);
    assert_memory_equal(key.data, "derived(sha256 ", 15);
    snapshot_unref(s);
    static const char count[] = "{name: n, aggregate: count, window: 1d}";
    assert_true(definition(schemas[0], "d39", count) == definition(schemas[0], "d39", count));
    assert_true(definition(schemas[0], "d39", count) != definition(schemas[1], "d39", count));
}

static void test_currencies(void **state) {
    (void)state;
    struct policy_text text = {.count = 0};
    policy_text_add(&text, "policy.yaml",
                    "policy:\n  name: test\n  base_currency: EUR\n  currency_rates:\n"
                    "    - {currency: JPY, from: 2020-01-01, rate: \"0.0061\"}\n"
                    "    - {currency: KWD, from: 2020-01-01, rate: \"3.1\"}\n");
    policy_text_add(&text, "features.yaml",
                    "entities:\n  card: {key: card}\n  purse: {key: [card, currency]}\n"
                    "features:\n  card:\n"
                    "    - {name: all, aggregate: sum, of: amount, window: 1d}\n"
                    "    - {name: eur, aggregate: sum, of: amount, currency: EUR, window: 1d}\n"
                    "    - {name: jpy, aggregate: sum, of: amount, currency: JPY, window: 1d}\n"
                    "    - {name: jpy_7d, aggregate: max, of: amount, currency: JPY, window: 7d}\n"
                    "    - {name: kwd, aggregate: mean, of: amount, currency: KWD, window: 1d}\n"
                    "  purse:\n"
                    "    - {name: sum, aggregate: sum, of: amount_minor, window: 1d}\n");
    struct snapshot *s = policy_text_load(&text);
    const struct entity_plan *card = &s->plan.entities[0];
    assert_int_equal(card->column_count, 4);
    assert_column(s, 0, 0, "amount:EUR", "amount", "");
    assert_column(s, 0, 1, "amount_minor:EUR", "amount_minor", "EUR");
    assert_column(s, 0, 2, "amount_minor:JPY", "amount_minor", "JPY");
    assert_column(s, 0, 3, "amount_minor:KWD", "amount_minor", "KWD");
    assert_column(s, 1, 0, "amount_minor", "amount_minor", "");
    static const int digits[] = {2, 2, 0, 3};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(card->columns[i].digits, digits[i]);
        assert_int_equal(feature_value_type(card, &card->features[i]), VALUE_DOUBLE);
        for (size_t j = 0; j < i; j++)
            assert_true(card->features[i].definition != card->features[j].definition);
    }
    assert_int_equal(feature_value_type(&s->plan.entities[1], s->plan.entities[1].features),
                     VALUE_INT);
    snapshot_unref(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derived_in_a_plan),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_long_derivations),
        cmocka_unit_test(test_currencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
