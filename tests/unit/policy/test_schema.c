/* Transactions into frames: strict and lenient, and money against plain arithmetic. */
#include "policy_text.h"

#include "core/policy/calendar.h"
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
}

static void bench_deinit(struct bench *bench) {
    free(bench->bound.frame);
    free(bench->bound.integers);
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
                   "opened 9223372036854775807 is no timestamp of the years 1 to 9999; expected "
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_card_numbers),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_required_money_and_place),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_conversion_random),
        cmocka_unit_test(test_other_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
