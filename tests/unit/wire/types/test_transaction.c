/* transaction_check: each rule alone, just inside and just outside its limit, with the field and
 * the words it must name; what messages never show; equality. */
#include "core/wire/types/transaction.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <math.h>

#define NOON INT64_C(1767268800000000)

static struct transaction good(void) {
    return (struct transaction){.id = TEXT_LITERAL("t-1"), .event_time_us = NOON};
}

static void allow(const struct transaction *transaction) {
    struct text field = TEXT_LITERAL("untouched");
    struct error error = {0};
    if (transaction_check(transaction, &field, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(text_is(field, "untouched"));
}

/* Refused, naming `field`, in a sentence that holds `words`. */
static void refuse(const struct transaction *transaction, const char *field, const char *words) {
    struct text at_fault = {0};
    struct error error = {0};
    if (transaction_check(transaction, &at_fault, &error) == 0)
        fail_msg("accepted; expected: %s %s", field, words);
    assert_int_equal(error.code, ERROR_INVALID);
    if (!text_is(at_fault, field) || !strstr(error.text, words))
        fail_msg("%" TEXT_FORMAT ": %s", TEXT_ARGS(at_fault), error.text);
    assert_true(text_is_clean(text_of(error.text), NULL));
}

static struct text repeat(char c, size_t count) {
    static char bytes[4096];
    memset(bytes, c, count);
    return (struct text){.data = bytes, .length = count};
}

static void ids(void **state) {
    (void)state;
    struct transaction t = good();
    allow(&t);
    t.id = repeat('i', TRANSACTION_ID_MAX);
    allow(&t);
    t.id = repeat('i', TRANSACTION_ID_MAX + 1);
    refuse(&t, "id", "id has 129 bytes; expected at most 128");
    t.id = (struct text){0};
    refuse(&t, "id", "id is missing; expected 1 to 128 bytes");
    t.id = (struct text){.data = "ab\0c", .length = 4};
    refuse(&t, "id", "control character (0x00) at byte 2");
    t.id = TEXT_LITERAL("ab\xc3");
    refuse(&t, "id", "not valid UTF-8 at byte 2 (0xc3)");
    t.id = TEXT_LITERAL("a\x7f");
    refuse(&t, "id", "control character (0x7f) at byte 1");
}

static void times(void **state) {
    (void)state;
    struct transaction t = good();
    t.event_time_us = 1;
    allow(&t);
    t.event_time_us = INT64_C(253402300799999999);
    allow(&t);
    t.event_time_us = 0;
    refuse(&t, "event_time_us", "missing");
    t.event_time_us = -1;
    refuse(&t, "event_time_us", "-1 is before 1970-01-01");
    t.event_time_us = INT64_C(253402300800000000);
    refuse(&t, "event_time_us", "after 9999-12-31");
    t.event_time_us = INT64_MIN;
    refuse(&t, "event_time_us", "before 1970-01-01");
}

static void amounts(void **state) {
    (void)state;
    struct transaction t = good();
    t.currency = TEXT_LITERAL("EUR");
    allow(&t); /* 0 EUR: a card verification */
    t.amount_minor = TRANSACTION_AMOUNT_MINOR_MAX;
    allow(&t);
    t.amount_minor = TRANSACTION_AMOUNT_MINOR_MAX + 1;
    refuse(&t, "amount_minor", "10000000000000 is too large; expected at most 9999999999999");
    t.amount_minor = INT64_MAX;
    refuse(&t, "amount_minor", "too large");
    t.amount_minor = -1;
    refuse(&t, "amount_minor", "-1 is negative");
    t.amount_minor = INT64_MIN;
    refuse(&t, "amount_minor", "negative");
    t.amount_minor = 1;
    t.currency = (struct text){0};
    refuse(&t, "currency", "currency is missing; it is required when amount_minor is not 0");
    t.currency = TEXT_LITERAL("XQQ");
    refuse(&t, "currency", "currency \"XQQ\" is not an ISO 4217 code in use");
    t.currency = TEXT_LITERAL("eur");
    refuse(&t, "currency", "three capital letters");
    t.amount_minor = 0; /* wrong even when there is no amount */
    refuse(&t, "currency", "currency \"eur\"");
}

static void text_fields(void **state) {
    (void)state;
    for (enum transaction_field field = 0; field < FIELD_COUNT; field++) {
        const char *name = transaction_field_name(field);
        assert_int_equal(transaction_field_parse(text_of(name)), field);
        struct transaction t = good();
        t.fields[field] = repeat('f', TRANSACTION_FIELD_MAX + 1);
        refuse(&t, name, "has 129 bytes; expected at most 128");
        t.fields[field] = TEXT_LITERAL("12\n4");
        refuse(&t, name, "control character (0x0a) at byte 2");
        t.fields[field] = TEXT_LITERAL("\xed\xa0\x80");
        refuse(&t, name, "not valid UTF-8 at byte 0");
        bool has_syntax = field == FIELD_IP || field == FIELD_COUNTRY || field == FIELD_MCC;
        t.fields[field] = repeat('f', TRANSACTION_FIELD_MAX);
        if (!has_syntax)
            allow(&t);
    }
    assert_int_equal(transaction_field_parse(text_of("cards")), FIELD_COUNT);
    assert_int_equal(transaction_field_parse(text_of("")), FIELD_COUNT);
    assert_string_equal(transaction_field_name(FIELD_COUNT), "");
}

static void try_values(enum transaction_field field, const char *const *values, bool accepted,
                       const char *words) {
    for (; *values; values++) {
        struct transaction t = good();
        t.fields[field] = text_of(*values);
        if (accepted)
            allow(&t);
        else
            refuse(&t, transaction_field_name(field), words);
    }
}

static void syntax_of_fields(void **state) {
    (void)state;
    try_values(FIELD_IP,
               (const char *const[]){"192.0.2.1", "0.0.0.0", "::", "2001:db8::1",
                                     "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255", NULL},
               true, NULL);
    try_values(FIELD_IP,
               (const char *const[]){"192.0.2", "192.0.2.256", "192.0.2.1:443", "2001:db8::1::2",
                                     "localhost", " 192.0.2.1", "fe80::1%eth0", "192.0.02.001",
                                     "[::1]", NULL},
               false, "is not an IPv4 or IPv6 address");
    struct transaction t = good();
    t.fields[FIELD_IP] = repeat('1', 100);
    refuse(&t, "ip", "(100 bytes, not shown) is not an IPv4 or IPv6 address");
    try_values(FIELD_COUNTRY, (const char *const[]){"DE", "ZZ", NULL}, true, NULL);
    try_values(FIELD_COUNTRY, (const char *const[]){"de", "D", "DEU", "D1", "Ü", NULL}, false,
               "two capital letters");
    try_values(FIELD_MCC, (const char *const[]){"0000", "5411", NULL}, true, NULL);
    try_values(FIELD_MCC, (const char *const[]){"541", "54111", "54a1", "-541", NULL}, false,
               "four digits");
}

static void locations(void **state) {
    (void)state;
    struct transaction t = good();
    t.latitude_e7 = INT32_MAX; /* ignored without has_location */
    allow(&t);
    t.has_location = true;
    t.latitude_e7 = -900000000;
    t.longitude_e7 = 1800000000;
    allow(&t);
    t.latitude_e7 = 900000000;
    t.longitude_e7 = -1800000000;
    allow(&t);
    t.latitude_e7 = 900000001;
    refuse(&t, "location.latitude_e7", "900000001 is beyond a pole");
    t.latitude_e7 = INT32_MIN;
    refuse(&t, "location.latitude_e7", "-900000000 to 900000000");
    t.latitude_e7 = 0;
    t.longitude_e7 = 1800000001;
    refuse(&t, "location.longitude_e7", "1800000001");
    t.longitude_e7 = -1800000001;
    refuse(&t, "location.longitude_e7", "-1800000001");
}

static void sources(void **state) {
    (void)state;
    struct transaction t = good();
    t.source = TEXT_LITERAL("checkout-3 \xc3\xbc");
    allow(&t);
    t.sequence = INT64_MAX;
    allow(&t);
    t.sequence = (uint64_t)INT64_MAX + 1;
    refuse(&t, "sequence", "sequence 9223372036854775808 is too large; expected at most");
    t.sequence = 7;
    t.source = repeat('s', TRANSACTION_SOURCE_MAX);
    allow(&t);
    t.source = repeat('s', TRANSACTION_SOURCE_MAX + 1);
    refuse(&t, "source", "source has 65 bytes; expected at most 64");
    t.source = TEXT_LITERAL("a\nb");
    refuse(&t, "source", "control character (0x0a) at byte 1");
    t.source = TEXT_LITERAL("4111 1111 1111 1111");
    refuse(&t, "source", "looks like a card number");
    t.source = (struct text){0};
    refuse(&t, "sequence", "sequence 7 has no source");
}

static void refuse_attribute(struct attribute attribute, const char *field, const char *words) {
    struct transaction t = good();
    t.attributes = &attribute;
    t.attribute_count = 1;
    refuse(&t, field, words);
}

static void attribute_names(void **state) {
    (void)state;
    static const char *const good_names[] = {"a", "z9", "three_ds", "a__"};
    static const char *const bad_names[] = {"",    "A",  "9a",    "_a", "a-b",
                                            "a b", "aÉ", "a\x01", "a.b"};
    struct attribute attribute = {.type = ATTRIBUTE_FLAG};
    struct transaction t = good();
    t.attributes = &attribute;
    t.attribute_count = 1;
    for (size_t i = 0; i < sizeof good_names / sizeof *good_names; i++) {
        attribute.name = text_of(good_names[i]);
        allow(&t);
    }
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        attribute.name = text_of(bad_names[i]);
        refuse(&t, "attributes", "attributes[0] has the name");
    }
    attribute.name = repeat('n', 64);
    allow(&t);
    attribute.name = repeat('n', 65);
    refuse(&t, "attributes", "at most 64 bytes");
}

static void attribute_values(void **state) {
    (void)state;
    const struct text name = TEXT_LITERAL("ratio");
    struct attribute text = {.name = name, .type = ATTRIBUTE_TEXT, .text = repeat('x', 1024)};
    struct transaction t = good();
    t.attributes = &text;
    t.attribute_count = 1;
    allow(&t);
    text.text.length = 1025;
    refuse(&t, "ratio", "ratio has 1025 bytes; expected at most 1024");
    text.text = TEXT_LITERAL("\xff");
    refuse(&t, "ratio", "not valid UTF-8 at byte 0");
    refuse_attribute((struct attribute){.name = name}, "ratio", "ratio has no value");
    struct attribute number = {.name = name, .type = ATTRIBUTE_NUMBER, .number = (double)NAN};
    refuse_attribute(number, "ratio", "ratio is not a number (NaN); expected a finite number");
    number.number = -(double)INFINITY;
    refuse_attribute(number, "ratio", "ratio is infinite");
    struct attribute integer = {.name = name, .type = ATTRIBUTE_INTEGER, .integer = INT64_MIN};
    t.attributes = &integer;
    allow(&t);
}

static void attribute_lists(void **state) {
    (void)state;
    static char names[TRANSACTION_ATTRIBUTES_MAX + 1][8];
    static struct attribute attributes[TRANSACTION_ATTRIBUTES_MAX + 1];
    for (size_t i = 0; i <= TRANSACTION_ATTRIBUTES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "a%zu", i);
        attributes[i] = (struct attribute){.name = text_of(names[i]), .type = ATTRIBUTE_FLAG};
    }
    struct transaction t = good();
    t.attributes = attributes;
    t.attribute_count = TRANSACTION_ATTRIBUTES_MAX;
    allow(&t);
    t.attribute_count++;
    refuse(&t, "attributes", "attributes: 65; expected at most 64");
    t.attribute_count = 3;
    attributes[2].name = TEXT_LITERAL("a0");
    refuse(&t, "a0", "a0 is given twice");
}

/* The first field in the order of harrier.proto is the one that is named. */
static void order(void **state) {
    (void)state;
    struct transaction t = {.amount_minor = -1, .fields[FIELD_COUNTRY] = TEXT_LITERAL("x")};
    refuse(&t, "id", "");
    t.id = TEXT_LITERAL("t");
    refuse(&t, "event_time_us", "");
    t.event_time_us = 1;
    refuse(&t, "amount_minor", "");
    t.amount_minor = 0;
    refuse(&t, "country", "");
}

static void messages_show_little(void **state) {
    (void)state;
    struct text field;
    struct error error;
    struct transaction t = good();
    /* a card number in the wrong field */
    t.fields[FIELD_COUNTRY] = TEXT_LITERAL("4111 1111 1111 1111");
    assert_true(transaction_check(&t, &field, &error) < 0);
    assert_null(strstr(error.text, "1111"));
    assert_non_null(strstr(error.text, "not shown"));
    struct attribute attribute = {.name = TEXT_LITERAL("pan4111111111111111!")};
    t = good();
    t.attributes = &attribute;
    t.attribute_count = 1;
    assert_true(transaction_check(&t, &field, &error) < 0);
    assert_null(strstr(error.text, "1111"));
    /* a long value: 40 bytes of it, cut between two characters */
    t = good();
    t.fields[FIELD_COUNTRY] = TEXT_LITERAL("aéééééééééééééééééééééééééééééééééé");
    assert_true(transaction_check(&t, &field, &error) < 0);
    assert_non_null(strstr(error.text, "\"aééééééééééééééééééé…\""));
    assert_true(text_is_clean(text_of(error.text), NULL));
}

static void equality(void **state) {
    (void)state;
    struct attribute ab[] = {
        {.name = TEXT_LITERAL("a"), .type = ATTRIBUTE_INTEGER, .integer = 1},
        {.name = TEXT_LITERAL("b"), .type = ATTRIBUTE_NUMBER, .number = 1},
        {.name = TEXT_LITERAL("c"), .type = ATTRIBUTE_TEXT, .text = TEXT_LITERAL("x")},
        {.name = TEXT_LITERAL("d"), .type = ATTRIBUTE_FLAG, .flag = true},
    };
    struct attribute ba[] = {ab[3], ab[1], ab[2], ab[0]};
    struct transaction a = good(), b = good();
    a.attributes = ab;
    b.attributes = ba;
    a.attribute_count = b.attribute_count = 4;
    a.longitude_e7 = 1; /* means nothing without has_location */
    assert_true(transaction_equal(&a, &b));
    assert_true(transaction_equal(&b, &a));
    b.source = TEXT_LITERAL("another way"); /* no content */
    b.sequence = 8;
    assert_true(transaction_equal(&a, &b));
#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        struct transaction other = b;                                                              \
        struct attribute attributes[4];                                                            \
        memcpy(attributes, ba, sizeof ba);                                                         \
        other.attributes = attributes;                                                             \
        change;                                                                                    \
        assert_false(transaction_equal(&a, &other));                                               \
        assert_false(transaction_equal(&other, &a));                                               \
    } while (0)
    DIFFERS(other.id = TEXT_LITERAL("t-2"));
    DIFFERS(other.event_time_us++);
    DIFFERS(other.amount_minor++);
    DIFFERS(other.currency = TEXT_LITERAL("EUR"));
    for (size_t field = 0; field < FIELD_COUNT; field++)
        DIFFERS(other.fields[field] = TEXT_LITERAL("x"));
    DIFFERS(other.has_location = true);
    DIFFERS(other.attribute_count--);
    DIFFERS(attributes[0].flag = false);
    DIFFERS(attributes[1].number = 2);
    DIFFERS(attributes[2].text = TEXT_LITERAL("y"));
    DIFFERS(attributes[3].integer = 2);
    DIFFERS(attributes[3].name = TEXT_LITERAL("e"));
    DIFFERS(attributes[3].type = ATTRIBUTE_FLAG);
#undef DIFFERS
    a.has_location = b.has_location = true;
    assert_false(transaction_equal(&a, &b));
    b.longitude_e7 = 1;
    assert_true(transaction_equal(&a, &b));
    b.latitude_e7 = 1;
    assert_false(transaction_equal(&a, &b));
}

/* What is an address is for inet_pton() to say. */
static void addresses(void **state) {
    (void)state;
    static const char *const pieces[] = {"0", "1", "9",   "00", "01", "10",  "99", "100", "199",
                                         "2", "5", "255", "6",  ".",  "256", "..", "a",   " "};
    uint64_t chance = 1;
    size_t accepted = 0;
    for (size_t i = 0; i < 200000; i++) {
        char string[64] = "";
        bool is_near = i % 2; /* as an address has them */
        for (size_t part = 0; part < 4 + i % 4 * !is_near; part++) {
            chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            strcat(string, pieces[(chance >> 33) % (is_near ? 13 : 18)]);
            if (is_near && part < 3)
                strcat(string, ".");
        }
        unsigned char address[16];
        bool expected = inet_pton(AF_INET, string, address) == 1 ||
                        inet_pton(AF_INET6, string, address) == 1 || string[0] == '\0';
        struct transaction t = good();
        struct text field;
        struct error error;
        t.fields[FIELD_IP] = text_of(string);
        if ((transaction_check(&t, &field, &error) == 0) != expected)
            fail_msg("%s", string);
        accepted += expected;
    }
    assert_in_range(accepted, 1000, 190000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(times),
        cmocka_unit_test(amounts),
        cmocka_unit_test(text_fields),
        cmocka_unit_test(syntax_of_fields),
        cmocka_unit_test(locations),
        cmocka_unit_test(sources),
        cmocka_unit_test(attribute_names),
        cmocka_unit_test(attribute_values),
        cmocka_unit_test(attribute_lists),
        cmocka_unit_test(order),
        cmocka_unit_test(messages_show_little),
        cmocka_unit_test(equality),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
