/* A feature is identified by its definition, which contains its condition in canonical form: that
 * form and the hash of it must not change as long as there are archives and generations. The
 * hashes below were computed before expressions had lists, maps and macros. */
#include "tests/unit/policy/policy_text.h"

#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <inttypes.h>

static const char schema_yaml[] = "attributes:\n"
                                  "  items: {type: int}\n"
                                  "  opened: {type: timestamp, required: false}\n"
                                  "derived:\n"
                                  "  domain: {value: emailDomain(email.lowerAscii())}\n"
                                  "  each: {type: decimal(2), value: amount / double(items)}\n";

static const struct {
    const char *condition, *canonical;
    uint64_t definition;
} features[] = {
    {"amount > 5.0", "amount:EUR > 5.0", UINT64_C(0x60fd20545affac0b)},
    {"amount>=5.00&&!(mcc in [\"4111\",'4112'])||channel == 'ecom'",
     "amount:EUR >= 5.0 && !(mcc in [\"4111\", \"4112\"]) || channel == \"ecom\"",
     UINT64_C(0x6a2bb7f36c2c9864)},
    {"items in [1, 2, 0x10, items - 3] && amount_minor % 100 == 0",
     "attributes.items:int in [1, 2, 16, attributes.items:int - 3] && amount_minor % 100 == 0",
     UINT64_C(0x37ab113bf44ae89d)},
    {"country in [currency, \"DE\"] && !(verdict == 'decline')",
     "country in [currency, \"DE\"] && !(verdict == \"decline\")", UINT64_C(0x94128fa344435ffd)},
    {"outcome == 'fraud' || outcome == \"chargeback\"",
     "outcome == \"fraud\" || outcome == \"chargeback\"", UINT64_C(0x1d528c7f94ed7a1c)},
    {"has(device) ? device.startsWith('a') : size(ip) > -3",
     "has(device) ? device.startsWith(\"a\") : size(ip) > -3", UINT64_C(0x22c5d9daa6abce31)},
    {"email.substring(1, 3) == 'x\\n\\u00e9' || email.indexOf('@') < email.lastIndexOf('.')",
     "email.substring(1, 3) == \"x\\x0aé\" || email.indexOf(\"@\") < email.lastIndexOf(\".\")",
     UINT64_C(0x847704ceccdbba42)},
    {"event_time - opened < duration('7d') && event_time.getHours() in [0, 1, 23]",
     "event_time - attributes.opened:timestamp < duration(\"7d\") && event_time.getHours() in [0, "
     "1, 23]",
     UINT64_C(0x17f89f8ddc33ed64)},
    {"network(ip, 24, 48) == '192.0.2.0/24' || domain == 'a.example'",
     "network(ip, 24, 48) == \"192.0.2.0/24\" || derived(emailDomain(email.lowerAscii())) == "
     "\"a.example\"",
     UINT64_C(0xdb6e1710851bbeed)},
    {"each * -2.5e3 < -(5.0) / 3.0 && -(items) <= -9223372036854775808",
     "derived(amount:EUR / double(attributes.items:int)):decimal(2) * -2500.0 < -5.0 / 3.0 && "
     "-attributes.items:int <= -9223372036854775808",
     UINT64_C(0x5bb90f4e979efeae)},
    {"string(items) + \"x\" in ['1x'] && int(amount) == 3 && double('1.5') != amount",
     "string(attributes.items:int) + \"x\" in [\"1x\"] && int(amount:EUR) == 3 && double(\"1.5\") "
     "!= amount:EUR",
     UINT64_C(0x7747d47f890381db)},
    {"1 in [] || (amount > 1.0 ? amount : 2.0) > (1.0 + 2.0) * 3.0",
     "1 in [] || (amount:EUR > 1.0 ? amount:EUR : 2.0) > (1.0 + 2.0) * 3.0",
     UINT64_C(0xf187d5c725c700bd)},
    {"timestamp('2026-01-31T00:00:00Z') < event_time && card.contains('41') && "
     "card.endsWith(\"1\")",
     "timestamp(\"2026-01-31T00:00:00Z\") < event_time && card.contains(\"41\") && "
     "card.endsWith(\"1\")",
     UINT64_C(0x7248cc688c0e447e)},
};
#define FEATURES (sizeof features / sizeof *features)

static struct snapshot *load(const char *condition) {
    char yaml[2000];
    snprintf(yaml, sizeof yaml,
             "entities: {card: {key: card}}\nfeatures:\n  card:\n    - name: count\n"
             "      aggregate: count\n      window: 1d\n      where: |\n        %s\n",
             condition);
    return policy_text_snapshot(schema_yaml, yaml, NULL);
}

static void test_definitions(void **state) {
    (void)state;
    for (size_t i = 0; i < FEATURES; i++) {
        struct snapshot *s = load(features[i].condition);
        const struct entity_plan *card = &s->plan.entities[0];
        if (!text_is(card->filters[0].source, features[i].canonical) ||
            card->features[0].definition != features[i].definition)
            fail_msg("%s is \"%.*s\" with the hash 0x%016" PRIx64, features[i].condition,
                     TEXT_ARGS(card->filters[0].source), card->features[0].definition);
        snapshot_unref(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
