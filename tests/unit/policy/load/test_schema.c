/* Transactions into frames: strict and lenient, and money against plain arithmetic. */
#include "tests/unit/policy/policy_text.h"

#include "core/policy/lang/calendar.h"
#include "tests/unit/unit.h"

#define SECOND INT64_C(1000000)

static const char schema_yaml[] = "fields:\n"
                                  "  card: {required: true}\n"
                                  "  merchant: {card_numbers: refuse}\n"
                                  "  device: {card_numbers: allow}\n"
                                  "attributes:\n"
                                  "  zeta: {type: bool}\n"
                                  "  items: {type: int}\n"
                                  "  basket: {type: decimal(3)}\n"
                                  "  weight: {type: double}\n"
                                  "  note: {type: string}\n"
                                  "  token: {type: string, card_numbers: allow}\n"
                                  "  opened: {type: timestamp}\n"
                                  "  segment: {type: string, required: true}\n";

/* A snapshot with room to bind into. */
struct bench {
    struct snapshot *snapshot;
    struct bound bound;
    struct text field;
    struct error error;
};

static void bench_init(struct bench *bench, struct snapshot *snapshot) {
    memset(bench, 0, sizeof *bench);
    bench->snapshot = snapshot;
    bench->bound.frame = calloc(snapshot->slot_count, sizeof *bench->bound.frame);
    bench->bound.integers = calloc(snapshot->slot_count, sizeof *bench->bound.integers);
    bench->bound.texts = calloc(1, sizeof *bench->bound.texts);
    arena_init(bench->bound.texts, SCHEMA_TEXTS_MAX);
}

static void bench_deinit(struct bench *bench) {
    free(bench->bound.frame);
    free(bench->bound.integers);
    arena_deinit(bench->bound.texts);
    free(bench->bound.texts);
    snapshot_unref(bench->snapshot);
}

static int bind(struct bench *bench, const struct transaction *transaction, enum bind_mode mode) {
    bench->error.text[0] = '\0';
    return schema_bind(&bench->snapshot->schema, transaction, mode, &bench->bound, &bench->field,
                       &bench->error);
}

static size_t slot_of(const struct bench *bench, const char *name) {
    for (size_t i = 0; i < bench->snapshot->schema.field_count; i++)
        if (text_is(bench->snapshot->schema.fields[i].name, name))
            return i;
    fail_msg("no field %s", name);
    return 0;
}

static void assert_field(const struct bench *bench, const char *name, struct value expected,
                         int64_t integer) {
    size_t slot = slot_of(bench, name);
    if (!value_equal(bench->bound.frame[slot], expected)) {
        char found[200], wanted[200];
        value_format(bench->bound.frame[slot], found, sizeof found);
        value_format(expected, wanted, sizeof wanted);
        fail_msg("%s is %s \"%s\", expected %s \"%s\"", name,
                 value_type_name(bench->bound.frame[slot].type), found,
                 value_type_name(expected.type), wanted);
    }
    if (expected.type != VALUE_TEXT)
        assert_int_equal(bench->bound.integers[slot], integer);
}

static void assert_refused(struct bench *bench, const struct transaction *transaction,
                           const char *field, const char *text) {
    assert_int_equal(bind(bench, transaction, BIND_STRICT), -ERROR_INVALID);
    assert_string_equal(bench->error.text, text);
    assert_true(text_is(bench->field, field));
}

static struct attribute text_attribute(const char *name, const char *text) {
    return (struct attribute){.name = text_of(name), .type = ATTRIBUTE_TEXT, .text = text_of(text)};
}

static struct attribute integer_attribute(const char *name, int64_t integer) {
    return (struct attribute){.name = text_of(name), .type = ATTRIBUTE_INTEGER, .integer = integer};
}

static struct transaction plain_transaction(const struct attribute *attributes, size_t count) {
    struct transaction t = {
        .id = TEXT_LITERAL("t-1"),
        .event_time_us = 1700000000 * SECOND,
        .amount_minor = 1234,
        .currency = TEXT_LITERAL("EUR"),
        .attributes = attributes,
        .attribute_count = count,
    };
    t.fields[FIELD_CARD] = TEXT_LITERAL("c-1");
    return t;
}

static void test_fields(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, policy_text_snapshot(schema_yaml, NULL, NULL));
    const struct attribute attributes[] = {
        text_attribute("segment", "gold"),
        integer_attribute("items", -3),
        integer_attribute("basket", 12345),
        {.name = TEXT_LITERAL("weight"), .type = ATTRIBUTE_NUMBER, .number = 2.5},
        {.name = TEXT_LITERAL("zeta"), .type = ATTRIBUTE_FLAG, .flag = true},
        integer_attribute("opened", 5 * SECOND),
        text_attribute("note", ""),
    };
    struct transaction t = plain_transaction(attributes, 7);
    t.has_location = true;
    t.latitude_e7 = -123456789;
    t.longitude_e7 = 1800000000;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "id", value_text(TEXT_LITERAL("t-1")), 0);
    assert_field(&bench, "event_time", value_timestamp(1700000000 * SECOND), 1700000000 * SECOND);
    assert_field(&bench, "amount", value_double(12.34), 1234);
    assert_field(&bench, "amount_minor", value_int(1234), 1234);
    assert_field(&bench, "currency", value_text(TEXT_LITERAL("EUR")), 0);
    assert_field(&bench, "card", value_text(TEXT_LITERAL("c-1")), 0);
    assert_field(&bench, "merchant", value_absent(), 0);
    assert_field(&bench, "latitude", value_double(-12.3456789), -123456789);
    assert_field(&bench, "longitude", value_double(180.0), 1800000000);
    assert_field(&bench, "items", value_int(-3), -3);
    assert_field(&bench, "basket", value_double(12.345), 12345);
    assert_field(&bench, "weight", value_double(2.5), 0);
    assert_field(&bench, "zeta", value_bool(true), 1);
    assert_field(&bench, "opened", value_timestamp(5 * SECOND), 5 * SECOND);
    assert_field(&bench, "note", value_absent(), 0);
    assert_field(&bench, "segment", value_text(TEXT_LITERAL("gold")), 0);

    /* What the last transaction left is gone. */
    t = plain_transaction(attributes, 1);
    t.amount_minor = 0;
    t.currency = (struct text){0};
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    static const char *const absent[] = {"amount", "amount_minor", "currency", "latitude",
                                         "items",  "basket",       "weight",   "zeta"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_field(&bench, absent[i], value_absent(), 0);
    bench_deinit(&bench);
}

static void test_refused(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, policy_text_snapshot(schema_yaml, NULL, NULL));
    struct attribute attributes[2] = {text_attribute("segment", "gold"),
                                      integer_attribute("itmes", 3)};
    struct transaction t = plain_transaction(attributes, 2);
    assert_refused(&bench, &t, "itmes",
                   "attribute \"itmes\" is not declared by policy test; did you mean \"items\"?");
    attributes[1] = text_attribute("items", "3");
    assert_refused(&bench, &t, "items", "items is a text; expected an integer (int)");
    attributes[1] =
        (struct attribute){.name = TEXT_LITERAL("basket"), .type = ATTRIBUTE_NUMBER, .number = 1.5};
    assert_refused(
        &bench, &t, "basket",
        "basket is a floating-point number; expected an integer (decimal, in units of its "
        "last digit)");
    attributes[1] = integer_attribute("opened", INT64_MAX);
    assert_refused(&bench, &t, "opened",
                   "opened 9223372036854775807 is not a timestamp of the years 1 to 9999; expected "
                   "microseconds since 1970-01-01");
    t = plain_transaction(attributes, 0);
    assert_refused(&bench, &t, "segment",
                   "attribute \"segment\" is missing; policy test requires it");
    t = plain_transaction(attributes, 1);
    t.fields[FIELD_CARD] = (struct text){0};
    assert_refused(&bench, &t, "card", "card is missing; policy test requires it");
    bench_deinit(&bench);
}

static void test_card_numbers(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, policy_text_snapshot(schema_yaml, NULL, NULL));
    const struct text number = TEXT_LITERAL("4111 1111 1111 1111");
    static const struct {
        enum transaction_field field;
        bool refused;
    } fields[] = {
        {FIELD_CARD, true},      {FIELD_CUSTOMER, true},
        {FIELD_ACCOUNT, true},   {FIELD_MERCHANT, true} /* by the schema */,
        {FIELD_TERMINAL, false}, {FIELD_DEVICE, false} /* by the schema */,
        {FIELD_EMAIL, true},     {FIELD_PHONE, true},
        {FIELD_CHANNEL, false},
    };
    struct attribute attributes[2] = {text_attribute("segment", "gold")};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct transaction t = plain_transaction(attributes, 1);
        t.fields[fields[i].field] = number;
        int r = bind(&bench, &t, BIND_STRICT);
        if ((r < 0) != fields[i].refused)
            fail_msg("%s", transaction_field_name(fields[i].field));
        if (r < 0) {
            assert_non_null(strstr(bench.error.text, "looks like a card number"));
            assert_null(strstr(bench.error.text, "1111"));
        }
    }
    struct transaction t = plain_transaction(attributes, 2);
    attributes[1] = text_attribute("note", "4111111111111111");
    assert_refused(&bench, &t, "note",
                   "note looks like a card number (13 to 19 digits with a valid check digit); "
                   "expected a token");
    attributes[1] = text_attribute("token", "4111111111111111");
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    t.id = number;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    bench_deinit(&bench);
}

/* An archived record under another schema: what does not fit is absent, nothing fails. */
static void test_lenient(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, policy_text_snapshot(schema_yaml, NULL, NULL));
    const struct attribute attributes[] = {
        text_attribute("unknown", "x"), text_attribute("items", "3"),
        integer_attribute("basket", 5), text_attribute("note", "4111111111111111")};
    struct transaction t = plain_transaction(attributes, 4);
    t.fields[FIELD_CARD] = (struct text){0};
    t.fields[FIELD_CUSTOMER] = TEXT_LITERAL("4111111111111111");
    t.currency = TEXT_LITERAL("USD");
    assert_int_equal(bind(&bench, &t, BIND_LENIENT), 0);
    static const char *const absent[] = {"items", "note", "card", "customer", "segment", "amount"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_field(&bench, absent[i], value_absent(), 0);
    assert_field(&bench, "basket", value_double(0.005), 5);
    assert_field(&bench, "amount_minor", value_int(1234), 1234);
    bench_deinit(&bench);
}

static void test_required_money_and_place(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, policy_text_snapshot("fields: {amount: {required: true}, latitude: "
                                            "{required: true}}\n",
                                            NULL, NULL));
    struct transaction t = plain_transaction(NULL, 0);
    assert_refused(&bench, &t, "location", "location is missing; policy test requires it");
    t.has_location = true;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    t.amount_minor = 0;
    t.currency = (struct text){0};
    assert_refused(&bench, &t, "currency",
                   "amount is missing; policy test requires amount_minor with a currency");
    bench_deinit(&bench);
}

/* ------------------------------------------------------------------------------------------------
 * Derived fields */

static const char derived_yaml[] =
    "attributes:\n"
    "  items: {type: int}\n"
    "  basket: {type: decimal(3)}\n"
    "  zone: {type: string}\n"
    "derived:\n"
    "  ip_network: {type: string, value: \"network(ip, 24, 48)\"}\n"
    "  email_domain: {value: emailDomain(email)}\n"
    "  bin: {value: \"card.substring(0, 8)\"}\n"
    "  issuer: {value: \"bin.substring(0, 6)\"}\n"
    "  pair: {value: \"issuer + '/' + email_domain\"}\n"
    "  twice: {type: int, value: items * 2}\n"
    "  large: {type: bool, value: amount > 100.0}\n"
    "  tomorrow: {type: timestamp, value: \"event_time + duration('24h')\"}\n"
    "  half: {type: decimal(2), value: amount / 2.0}\n"
    "  each: {type: double, value: amount / double(items)}\n"
    "  known: {value: \"has(device) ? 'yes' : 'no'\"}\n"
    "  zone_start: {value: \"zone.substring(0, 0)\"}\n";

static struct bench derived_bench(struct transaction *ret_transaction) {
    struct bench bench;
    bench_init(&bench, policy_text_snapshot(derived_yaml, NULL, NULL));
    *ret_transaction = plain_transaction(NULL, 0);
    ret_transaction->fields[FIELD_CARD] = TEXT_LITERAL("tok_4111ab");
    ret_transaction->fields[FIELD_IP] = TEXT_LITERAL("2001:DB8:1::7");
    ret_transaction->fields[FIELD_EMAIL] = TEXT_LITERAL("Ann@Example.COM");
    return bench;
}

static struct value literal(const char *text) {
    return value_text(text_of(text));
}

static void test_derived(void **state) {
    (void)state;
    struct transaction t;
    struct bench bench = derived_bench(&t);
    const struct attribute attributes[] = {integer_attribute("items", 4),
                                           text_attribute("zone", "north")};
    t.attributes = attributes;
    t.attribute_count = 2;
    static const enum bind_mode modes[] = {BIND_STRICT, BIND_LENIENT};
    for (size_t i = 0; i < 2; i++) {
        memset(bench.bound.frame, 0xee, bench.snapshot->slot_count * sizeof *bench.bound.frame);
        assert_int_equal(bind(&bench, &t, modes[i]), 0);
        assert_field(&bench, "ip_network", literal("2001:db8:1::/48"), 0);
        assert_field(&bench, "email_domain", literal("example.com"), 0);
        assert_field(&bench, "bin", literal("tok_4111"), 0);
        assert_field(&bench, "issuer", literal("tok_41"), 0);
        assert_field(&bench, "pair", literal("tok_41/example.com"), 0);
        assert_field(&bench, "twice", value_int(8), 8);
        assert_field(&bench, "large", value_bool(false), 0);
        assert_field(&bench, "tomorrow", value_timestamp((1700000000 + 86400) * SECOND),
                     (1700000000 + 86400) * SECOND);
        assert_field(&bench, "half", value_double(6.17), 617);
        assert_field(&bench, "each", value_double(3.085), 0);
        assert_field(&bench, "known", literal("no"), 0);
        assert_field(&bench, "zone_start", value_absent(), 0); /* a field is never empty */
    }
    bench_deinit(&bench);
}

/* What is missing or cannot be computed is absent, with all that is made from it. */
static void test_derived_absent(void **state) {
    (void)state;
    struct transaction t;
    struct bench bench = derived_bench(&t);
    t.fields[FIELD_CARD] = TEXT_LITERAL("tok_4"); /* shorter than the BIN */
    t.fields[FIELD_IP] = (struct text){0};
    struct attribute attribute = integer_attribute("items", INT64_MAX);
    t.attributes = &attribute;
    t.attribute_count = 1;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    static const char *const absent[] = {"ip_network", "bin", "issuer", "pair", "twice"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_field(&bench, absent[i], value_absent(), 0);
    assert_field(&bench, "email_domain", literal("example.com"), 0);
    attribute.integer = 0;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "each", value_absent(), 0); /* infinite */
    t.currency = (struct text){0};
    t.amount_minor = 0;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "half", value_absent(), 0);
    assert_field(&bench, "large", value_absent(), 0);
    /* An attribute of another type, in the archive under another schema. */
    attribute = text_attribute("items", "4");
    assert_int_equal(bind(&bench, &t, BIND_LENIENT), 0);
    assert_field(&bench, "twice", value_absent(), 0);
    bench_deinit(&bench);
}

static void test_derived_rounding(void **state) {
    (void)state;
    struct transaction t;
    struct bench bench = derived_bench(&t);
    /* Ties go to the even cent. */
    static const int64_t cents[][2] = {{1, 0}, {2, 1},   {3, 2},    {5, 2},
                                       {6, 3}, {99, 50}, {101, 50}, {9999999999999, 5000000000000}};
    for (size_t i = 0; i < sizeof cents / sizeof *cents; i++) {
        t.amount_minor = cents[i][0];
        assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
        assert_field(&bench, "half", value_double((double)cents[i][1] / 100), cents[i][1]);
    }
    bench_deinit(&bench);
    static const char wide[] = "derived:\n  big: {type: decimal(9), value: amount * 1000.0}\n"
                               "  below: {type: decimal(1), value: -amount / 20.0}\n";
    bench_init(&bench, policy_text_snapshot(wide, NULL, NULL));
    t.amount_minor = 900000; /* 9,000,000 × 10⁹ is below 2⁵³ */
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "big", value_double(9000000), INT64_C(9000000000000000));
    assert_field(&bench, "below", value_double(-450), -4500);
    t.amount_minor = 910000; /* and 9,100,000 × 10⁹ is not */
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "big", value_absent(), 0);
    t.amount_minor = 100; /* −0.05 is half of the last digit */
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "below", value_double(0), 0);
    t.amount_minor = 300;
    assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
    assert_field(&bench, "below", value_double(-0.2), -2);
    bench_deinit(&bench);
}

static void test_derived_is_not_sent(void **state) {
    (void)state;
    struct transaction t;
    struct bench bench = derived_bench(&t);
    struct attribute attribute = text_attribute("bin", "12345678");
    t.attributes = &attribute;
    t.attribute_count = 1;
    assert_refused(&bench, &t, "bin",
                   "attribute \"bin\" cannot be sent: policy test derives it; leave it out");
    assert_int_equal(bind(&bench, &t, BIND_LENIENT), 0);
    assert_field(&bench, "bin", literal("tok_4111"), 0);
    attribute = text_attribute("bins", "12345678");
    assert_refused(&bench, &t, "bins", "attribute \"bins\" is not declared by policy test");
    /* A card number is refused before anything is derived from it. */
    t.attribute_count = 0;
    t.fields[FIELD_CARD] = TEXT_LITERAL("4111111111111111");
    assert_refused(&bench, &t, "card",
                   "card looks like a card number (13 to 19 digits with a valid check digit); "
                   "expected a token");
    assert_int_equal(bind(&bench, &t, BIND_LENIENT), 0);
    assert_field(&bench, "bin", value_absent(), 0);
    bench_deinit(&bench);
}

/* Each derived field has memory of its own to be computed in, whatever the others take: 64 that
 * need 18 KiB each while they are computed, and 4 KiB for good. */
static void test_derived_texts_are_independent(void **state) {
    (void)state;
    char yaml[16384] = "attributes: {note: {type: string}}\nderived:\n";
    for (int i = 0; i < 64; i++)
        snprintf(yaml + strlen(yaml), 200, "  d%d: {value: \"%s\"}\n", i,
                 i % 2 ? "note + note + note + note <= note + note + note + note"
                       : "note + note + note + note");
    struct bench bench;
    bench_init(&bench, policy_text_snapshot(yaml, NULL, NULL));
    char note[TRANSACTION_ATTRIBUTE_MAX];
    memset(note, 'n', sizeof note);
    struct attribute attribute = text_attribute("note", "");
    struct transaction t = plain_transaction(&attribute, 1);
    for (int round = 0; round < 3; round++) {
        attribute.text = (struct text){.data = note, .length = sizeof note};
        assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
        for (int i = 0; i < 64; i++) {
            char name[8];
            snprintf(name, sizeof name, "d%d", i);
            if (i % 2)
                assert_field(&bench, name, value_bool(true), 1);
            else
                assert_int_equal(bench.bound.frame[slot_of(&bench, name)].text.length,
                                 4 * sizeof note);
        }
        attribute.text.length = 1;
        assert_int_equal(bind(&bench, &t, BIND_STRICT), 0);
        assert_field(&bench, "d0", literal("nnnn"), 0);
        assert_field(&bench, "d63", value_bool(true), 1);
    }
    bench_deinit(&bench);
}

/* ------------------------------------------------------------------------------------------------
 * Money */

static const char money_yaml[] = "policy:\n"
                                 "  name: money\n"
                                 "  base_currency: EUR\n"
                                 "  currency_rates:\n"
                                 "    - {currency: USD, from: 2024-01-01, rate: \"0.5\"}\n"
                                 "    - {currency: JPY, from: 2020-01-01, rate: 0.0061}\n"
                                 "    - {currency: USD, from: 2020-01-01, rate: \"0.92\"}\n"
                                 "    - {currency: KWD, from: 2020-01-01, rate: \"3.1\"}\n"
                                 "    - {currency: GBP, from: 2020-01-01, rate: \"1.000000001\"}\n"
                                 "    - {currency: CHF, from: 2020-01-01, rate: \"1000000000\"}\n";

static struct bench money_bench(const char *policy) {
    struct policy_text text = {.count = 0};
    policy_text_add(&text, "policy.yaml", policy);
    struct bench bench;
    bench_init(&bench, policy_text_load(&text));
    return bench;
}

static void assert_amount(struct bench *bench, const char *currency, const char *day, int64_t minor,
                          int64_t base_minor) {
    struct transaction t = plain_transaction(NULL, 0);
    t.currency = text_of(currency);
    t.amount_minor = minor;
    assert_int_equal(calendar_parse_date(text_of(day), &t.event_time_us), 0);
    if (bind(bench, &t, BIND_STRICT) < 0)
        fail_msg("%s", bench->error.text);
    double power = 1;
    for (int i = 0; i < bench->snapshot->schema.base_digits; i++)
        power *= 10;
    assert_field(bench, "amount", value_double((double)base_minor / power), base_minor);
    assert_field(bench, "amount_minor", value_int(minor), minor);
}

static void test_conversion(void **state) {
    (void)state;
    struct bench bench = money_bench(money_yaml);
    assert_amount(&bench, "EUR", "2022-05-05", 9999999999999, 9999999999999);
    assert_amount(&bench, "USD", "2022-05-05", 10000, 9200);
    /* The newest rate whose day has come; before the first one the first. */
    assert_amount(&bench, "USD", "2023-12-31", 10000, 9200);
    assert_amount(&bench, "USD", "2024-01-01", 10000, 5000);
    assert_amount(&bench, "USD", "2010-01-01", 10000, 9200);
    /* Ties go to the even cent: 0.5, 1.5, 2.5 cents */
    assert_amount(&bench, "USD", "2024-01-01", 1, 0);
    assert_amount(&bench, "USD", "2024-01-01", 3, 2);
    assert_amount(&bench, "USD", "2024-01-01", 5, 2);
    assert_amount(&bench, "USD", "2022-01-01", 50, 46);
    /* Minor units of other sizes: 1,000 yen are 6.10 euro, 1.000 dinar is 3.10 */
    assert_amount(&bench, "JPY", "2022-01-01", 1000, 610);
    assert_amount(&bench, "JPY", "2022-01-01", 1, 1);
    assert_amount(&bench, "KWD", "2022-01-01", 1000, 310);
    assert_amount(&bench, "KWD", "2022-01-01", 5, 2); /* 1.55 cents */
    /* All nine decimals count: 9,999,999,999.99 × 10⁻⁹ is 10.00 */
    assert_amount(&bench, "GBP", "2022-01-01", 999999999999, 1000000000999);
    struct transaction t = plain_transaction(NULL, 0);
    t.currency = TEXT_LITERAL("SEK");
    assert_refused(&bench, &t, "currency",
                   "currency SEK has no rate to the base currency EUR of policy money; declare one "
                   "under currency_rates in policy.yaml");
    assert_int_equal(bind(&bench, &t, BIND_LENIENT), 0);
    assert_field(&bench, "amount", value_absent(), 0);
    t.currency = TEXT_LITERAL("CHF");
    t.amount_minor = 10000;
    assert_refused(
        &bench, &t, "amount_minor",
        "amount_minor 10000 CHF is too large in EUR; expected at most 9999999999999 minor "
        "units");
    bench_deinit(&bench);
}

/* Against long arithmetic on decimal digits, for random amounts and rates. */
static void test_conversion_random(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 300; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        int64_t rate_e9 = (int64_t)(seed >> 33) + 1; /* up to 2.1 */
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        int64_t minor = (int64_t)(seed >> 24) % 3000000000000;
        char yaml[300];
        snprintf(
            yaml, sizeof yaml,
            "policy:\n  name: money\n  base_currency: EUR\n  currency_rates:\n    - {currency: "
            "USD, from: 2020-01-01, rate: \"%d.%09d\"}\n",
            (int)(rate_e9 / 1000000000), (int)(rate_e9 % 1000000000));
        /* minor × rate_e9 by schoolbook in base 10^9: high × 10^9 + low */
        int64_t high = minor / 1000000000, low = minor % 1000000000;
        int64_t low_product = low * rate_e9; /* below 2.2 × 10^18 */
        int64_t whole = high * rate_e9 + low_product / 1000000000;
        int64_t rest = low_product % 1000000000;
        int64_t expected = whole + (rest > 500000000 || (rest == 500000000 && whole % 2));
        struct bench bench = money_bench(yaml);
        assert_amount(&bench, "USD", "2022-01-01", minor, expected);
        bench_deinit(&bench);
    }
}

static void test_other_base(void **state) {
    (void)state;
    struct bench bench = money_bench("policy:\n"
                                     "  name: yen\n"
                                     "  base_currency: JPY\n"
                                     "  currency_rates:\n"
                                     "    - {currency: EUR, from: 2020-01-01, rate: 163.5}\n");
    assert_amount(&bench, "JPY", "2022-01-01", 500, 500);
    assert_amount(&bench, "EUR", "2022-01-01", 1000, 1635);
    assert_amount(&bench, "EUR", "2022-01-01", 1, 2); /* 1.635 yen */
    bench_deinit(&bench);
}

/* ------------------------------------------------------------------------------------------------
 * Some fields */

static uint64_t random_state = 88172645463325252u;

static unsigned roll(unsigned sides) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % sides);
}

static struct text one_of(const char *const *texts, unsigned count) {
    return text_of(texts[roll(count)]);
}

static struct transaction random_transaction(struct attribute attributes[3]) {
    static const char *const currencies[] = {"EUR", "USD", "CHF", ""};
    static const char *const addresses[] = {"192.0.2.7", "::1", "x", ""};
    static const char *const merchants[] = {"m-1", "", "m-2", "4111111111111111"};
    static const char *const notes[] = {"", "n", "4111111111111111"};
    struct transaction t = plain_transaction(attributes, 1 + roll(3));
    t.currency = one_of(currencies, 4);
    t.amount_minor = roll(5000);
    t.fields[FIELD_CARD] = roll(8) ? TEXT_LITERAL("c-1") : TEXT_LITERAL("");
    t.fields[FIELD_IP] = one_of(addresses, 4);
    t.fields[FIELD_MERCHANT] = one_of(merchants, roll(4) ? 3 : 4);
    t.has_location = roll(2);
    t.latitude_e7 = (int32_t)roll(900000000);
    attributes[0] = text_attribute("segment", roll(8) ? "gold" : "");
    attributes[1] = text_attribute("note", notes[roll(roll(4) ? 2 : 3)]);
    attributes[2] = roll(8) ? integer_attribute("items", 7) : integer_attribute("itemz", 7);
    return t;
}

/* What a frame must have for a strict binding of some fields, and a few more at random. Derived
 * fields bring with them what they are made of: here, all those before them. */
static size_t random_slots(const struct schema *schema, bool strict, bool *has, size_t *ret_slots) {
    size_t count = 0;
    bool derived = false;
    for (size_t slot = schema->field_count; slot-- > 0;) {
        has[slot] = derived || roll(2) || (strict && schema_may_refuse(schema, slot));
        derived |= has[slot] && slot >= schema->first_derived;
    }
    for (size_t slot = 0; slot < schema->field_count; slot++)
        if (has[slot])
            ret_slots[count++] = slot;
    return count;
}

static void assert_same_fields(const struct bench *found, const struct bench *expected,
                               const bool *has) {
    for (size_t slot = 0; slot < found->snapshot->schema.field_count; slot++) {
        if (has && !has[slot])
            continue;
        assert_true(value_equal(found->bound.frame[slot], expected->bound.frame[slot]));
        if (expected->bound.frame[slot].type != VALUE_TEXT)
            assert_true(found->bound.integers[slot] == expected->bound.integers[slot]);
    }
}

/* Some fields, and then the others, are what binding all at once makes of them: refusals too. */
static void test_some_fields(void **state) {
    (void)state;
    static const char policy[] = "policy:\n"
                                 "  name: some\n"
                                 "  base_currency: EUR\n"
                                 "  currency_rates:\n"
                                 "    - {currency: USD, from: 2020-01-01, rate: 0.5}\n";
    static const char schema[] = "fields:\n"
                                 "  card: {required: true}\n"
                                 "attributes:\n"
                                 "  items: {type: int}\n"
                                 "  note: {type: string}\n"
                                 "  segment: {type: string, required: true}\n"
                                 "derived:\n"
                                 "  network: {value: \"network(ip, 24, 48)\"}\n"
                                 "  both: {value: \"network + note\"}\n"
                                 "  dear: {value: amount > 10.0}\n";
    struct bench all, some;
    struct policy_text text = {.count = 0};
    policy_text_add(&text, "policy.yaml", policy);
    policy_text_add(&text, "schema.yaml", schema);
    bench_init(&all, policy_text_load(&text));
    bench_init(&some, snapshot_ref(all.snapshot));
    const struct schema *fields = &all.snapshot->schema;
    bool has[64];
    size_t slots[64], rest[64];
    assert_true(fields->field_count <= 64);
    for (unsigned i = 0; i < 20000; i++) {
        struct attribute attributes[3];
        struct transaction t = random_transaction(attributes);
        enum bind_mode mode = roll(4) ? BIND_STRICT : BIND_LENIENT;
        size_t count = random_slots(fields, mode == BIND_STRICT, has, slots), rest_count = 0;
        int r = bind(&all, &t, mode);
        some.error.text[0] = '\0';
        assert_int_equal(
            schema_bind_some(fields, &t, mode, slots, count, &some.bound, &some.field, &some.error),
            r);
        assert_string_equal(some.error.text, all.error.text);
        if (r < 0) {
            assert_true(text_equal(some.field, all.field));
            continue;
        }
        assert_same_fields(&some, &all, has);
        if (mode == BIND_LENIENT)
            continue;
        for (size_t slot = 0; slot < fields->field_count; slot++)
            if (!has[slot])
                rest[rest_count++] = slot;
        schema_bind_rest(fields, &t, rest, rest_count, &some.bound);
        assert_same_fields(&some, &all, NULL);
    }
    bench_deinit(&all);
    bench_deinit(&some);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_card_numbers),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_required_money_and_place),
        cmocka_unit_test(test_derived),
        cmocka_unit_test(test_derived_absent),
        cmocka_unit_test(test_derived_rounding),
        cmocka_unit_test(test_derived_is_not_sent),
        cmocka_unit_test(test_derived_texts_are_independent),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_conversion_random),
        cmocka_unit_test(test_other_base),
        cmocka_unit_test(test_some_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
