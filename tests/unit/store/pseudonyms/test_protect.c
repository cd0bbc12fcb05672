/* Transactions before and after their fields are protected: what is replaced, what is taken from
 * the clear values before, what is refused, and that a refused transaction has no clear value left.
 */
#include "core/store/pseudonyms/protect.h"

#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#define SECRET_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET_B "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define CARD     "4111111111111111"
#define CARD_K1  "p1.k1.jtf2noxhbpijpjo5qxfv4dmsmi" /* tests/cases/pseudonyms.json */
#define SECOND   INT64_C(1000000)

static const char schema_yaml[] =
    "fields:\n"
    "  card: {protect: hmac}\n"
    "  ip: {protect: hmac}\n"
    "attributes:\n"
    "  bin: {type: string, from_clear: \"card.substring(0, 6)\"}\n"
    "  digits: {type: int, from_clear: card.size()}\n"
    "  network: {type: string, from_clear: \"network(ip, 24, 48)\"}\n"
    "  mail: {type: string, protect: hmac}\n"
    "  mail_key: {type: string, protect: hmac, from_clear: mail.lowerAscii()}\n"
    "  payee: {type: string, protect: hmac, protect_as: card}\n"
    "  note: {type: string}\n";

struct bench {
    struct snapshot *snapshot;
    struct pseudonym_keys *keys;
    struct arena arena;
    struct transaction transaction;
    struct attribute attributes[TRANSACTION_ATTRIBUTES_MAX];
    struct text field;
    struct error error;
};

static void bench_init(struct bench *it, const char *more) {
    static const char keys[] = "k1 " SECRET_A " until 1970-01-01T00:03:20Z\n"
                               "k2 " SECRET_B " from 1970-01-01T00:01:40Z\n";
    char schema[sizeof schema_yaml + 100];
    memset(it, 0, sizeof *it);
    snprintf(schema, sizeof schema, "%s%s", more, schema_yaml);
    it->snapshot = policy_text_snapshot(schema, NULL, NULL);
    assert_int_equal(pseudonym_keys_parse(text_of(keys), "keys", &it->keys, &it->error), 0);
    arena_init(&it->arena, 1 << 20);
    it->transaction = (struct transaction){.id = TEXT_LITERAL("t1"), .event_time_us = SECOND};
    it->transaction.attributes = it->attributes;
}

static void bench_deinit(struct bench *it) {
    arena_deinit(&it->arena);
    pseudonym_keys_free(it->keys);
    snapshot_unref(it->snapshot);
}

static void add_text(struct bench *it, const char *name, const char *value) {
    it->attributes[it->transaction.attribute_count++] =
        (struct attribute){.name = text_of(name), .type = ATTRIBUTE_TEXT, .text = text_of(value)};
}

static int protect(struct bench *it) {
    it->field = (struct text){0};
    return protect_transaction(&it->snapshot->schema, it->keys, &it->transaction, &it->arena,
                               &it->field, &it->error);
}

static void assert_protected(struct bench *it) {
    if (protect(it) < 0)
        fail_msg("%s", it->error.text);
}

static void assert_refused(struct bench *it, const char *field, const char *message) {
    assert_int_equal(protect(it), -ERROR_INVALID);
    assert_string_equal(it->error.text, message);
    assert_true(text_is(it->field, field));
}

static const struct attribute *attribute(const struct bench *it, const char *name) {
    for (size_t i = 0; i < it->transaction.attribute_count; i++)
        if (text_is(it->transaction.attributes[i].name, name))
            return &it->transaction.attributes[i];
    return NULL;
}

static void assert_text(const struct bench *it, const char *name, const char *value) {
    const struct attribute *found = attribute(it, name);
    if (!found || found->type != ATTRIBUTE_TEXT || !text_is(found->text, value))
        fail_msg("%s is \"%.*s\", expected \"%s\"", name, found ? (int)found->text.length : 4,
                 found ? found->text.data : "none", value);
}

static void values_are_replaced(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    it.transaction.fields[FIELD_CARD] = TEXT_LITERAL(CARD);
    it.transaction.fields[FIELD_IP] = TEXT_LITERAL("192.0.2.77");
    it.transaction.fields[FIELD_EMAIL] = TEXT_LITERAL("anna@example.com");
    add_text(&it, "mail", "Anna@Example.com");
    add_text(&it, "payee", CARD);
    add_text(&it, "note", "kept");
    assert_protected(&it);
    assert_true(text_is(it.transaction.fields[FIELD_CARD], CARD_K1));
    assert_true(pseudonym_has_form(it.transaction.fields[FIELD_IP]));
    assert_true(text_is(it.transaction.fields[FIELD_EMAIL], "anna@example.com"));
    assert_text(&it, "payee", CARD_K1); /* protect_as: card */
    assert_text(&it, "note", "kept");
    assert_text(&it, "bin", "411111");
    assert_text(&it, "network", "192.0.2.0/24");
    assert_int_equal(attribute(&it, "digits")->type, ATTRIBUTE_INTEGER);
    assert_int_equal(attribute(&it, "digits")->integer, 16);
    assert_true(pseudonym_has_form(attribute(&it, "mail")->text));
    assert_true(pseudonym_has_form(attribute(&it, "mail_key")->text));
    assert_false(text_equal(attribute(&it, "mail")->text, attribute(&it, "mail_key")->text));
    assert_int_equal(transaction_check(&it.transaction, &it.field, &it.error), 0);
    bench_deinit(&it);
}

/* It is refused behind this, and its row in the file of refused transactions has both. */
static void an_attribute_given_twice_is_replaced_twice(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    add_text(&it, "payee", CARD);
    add_text(&it, "note", "kept");
    add_text(&it, "payee", CARD);
    assert_protected(&it);
    assert_int_equal(it.transaction.attribute_count, 3);
    for (size_t i = 0; i < 3; i += 2)
        assert_true(text_is(it.transaction.attributes[i].text, CARD_K1));
    assert_int_equal(transaction_check(&it.transaction, &it.field, &it.error), -ERROR_INVALID);
    bench_deinit(&it);
}

static void what_is_absent_stays_absent(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    assert_protected(&it);
    assert_int_equal(it.transaction.attribute_count, 0);
    assert_int_equal(it.transaction.fields[FIELD_CARD].length, 0);
    bench_deinit(&it);
}

/* Made twice, a transaction is the same: a retry after the key has changed, too. */
static void the_event_time_chooses_the_key(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    static const struct {
        int64_t time_us;
        const char *begin;
    } cases[] = {{SECOND, "p1.k1."}, {100 * SECOND - 1, "p1.k1."}, {100 * SECOND, "p1.k2."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        it.transaction.event_time_us = cases[i].time_us;
        it.transaction.fields[FIELD_CARD] = TEXT_LITERAL(CARD);
        it.transaction.attribute_count = 0;
        assert_protected(&it);
        assert_memory_equal(it.transaction.fields[FIELD_CARD].data, cases[i].begin, 6);
    }
    bench_deinit(&it);
}

static void assert_nothing_is_clear(const struct bench *it) {
    for (size_t i = 0; i < FIELD_COUNT; i++)
        assert_true(i != FIELD_CARD && i != FIELD_IP ? true
                                                     : it->transaction.fields[i].length == 0);
    assert_null(attribute(it, "mail"));
    assert_null(attribute(it, "payee"));
}

static void pseudonyms_are_refused_unless_accepted(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    it.transaction.fields[FIELD_IP] = TEXT_LITERAL("192.0.2.77");
    it.transaction.fields[FIELD_CARD] = TEXT_LITERAL(CARD_K1);
    add_text(&it, "payee", CARD);
    add_text(&it, "note", "kept");
    assert_refused(&it, "card",
                   "card has the form of a pseudonym; expected the clear value, or "
                   "accept_pseudonyms: true in the policy's schema.yaml");
    assert_nothing_is_clear(&it);
    assert_text(&it, "note", "kept");
    bench_deinit(&it);
}

static void accepted_pseudonyms_are_of_known_keys_in_force(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "accept_pseudonyms: true\n");
    it.transaction.fields[FIELD_CARD] = TEXT_LITERAL(CARD_K1);
    add_text(&it, "bin", "411111"); /* which the client takes, too */
    assert_protected(&it);
    assert_true(text_is(it.transaction.fields[FIELD_CARD], CARD_K1));
    assert_text(&it, "bin", "411111");
    assert_null(attribute(&it, "digits"));       /* never computed from a pseudonym */
    it.transaction.event_time_us = 150 * SECOND; /* both keys are in force */
    assert_protected(&it);
    it.transaction.event_time_us = 200 * SECOND;
    assert_refused(&it, "card",
                   "card has a pseudonym of the key k1, which is not in force at the event time");
    it.transaction.fields[FIELD_CARD] = TEXT_LITERAL("p1.k9.jtf2noxhbpijpjo5qxfv4dmsmi");
    assert_refused(&it, "card",
                   "card has a pseudonym of the key k9, which is not among the server's");
    bench_deinit(&it);
}

static void what_is_taken_cannot_be_sent(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "accept_pseudonyms: true\n");
    it.transaction.fields[FIELD_CARD] = TEXT_LITERAL(CARD);
    add_text(&it, "bin", "500000");
    assert_refused(&it, "bin",
                   "bin is taken from the clear value of another field (from_clear); leave it out");
    assert_nothing_is_clear(&it);
    bench_deinit(&it);
}

static void invalid_values_are_named_and_not_quoted(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    it.transaction.fields[FIELD_IP] = TEXT_LITERAL("192.0.2.777");
    assert_refused(&it, "ip",
                   "ip is not an IPv4 or IPv6 address; expected for example \"192.0.2.1\" or "
                   "\"2001:db8::1\"");
    assert_nothing_is_clear(&it);
    char longer[TRANSACTION_FIELD_MAX + 2] = "";
    memset(longer, 'x', TRANSACTION_FIELD_MAX + 1);
    it.transaction.fields[FIELD_CARD] = text_of(longer);
    assert_refused(&it, "card", "card has 129 bytes; expected at most 128");
    it.transaction.fields[FIELD_CARD] = TEXT_LITERAL("a\xff");
    assert_refused(&it, "card", "card is not valid UTF-8 at byte 1 (0xff)");
    it.transaction.fields[FIELD_CARD] = (struct text){0};
    it.attributes[0] = (struct attribute){
        .name = TEXT_LITERAL("payee"), .type = ATTRIBUTE_INTEGER, .integer = 4111111111111111};
    it.transaction.attributes = it.attributes;
    it.transaction.attribute_count = 1;
    assert_refused(&it, "payee", "payee is not a text; expected a text (string)");
    assert_nothing_is_clear(&it);
    bench_deinit(&it);
}

static void an_address_that_is_kept_is_no_pseudonym(void **state) {
    (void)state;
    struct snapshot *snapshot =
        policy_text_snapshot("fields: {card: {required: true}}\n", NULL, NULL);
    struct transaction transaction = {.id = TEXT_LITERAL("t1"), .event_time_us = SECOND};
    struct arena arena;
    struct text field;
    struct error error;
    arena_init(&arena, 1 << 20);
    transaction.fields[FIELD_IP] = TEXT_LITERAL(CARD_K1);
    assert_int_equal(
        protect_transaction(&snapshot->schema, NULL, &transaction, &arena, &field, &error),
        -ERROR_INVALID);
    assert_true(text_is(field, "ip"));
    transaction.fields[FIELD_IP] = TEXT_LITERAL("192.0.2.1");
    assert_int_equal(
        protect_transaction(&snapshot->schema, NULL, &transaction, &arena, &field, &error), 0);
    arena_deinit(&arena);
    snapshot_unref(snapshot);
}

static void questions_are_by_value_or_by_pseudonym(void **state) {
    (void)state;
    struct bench it;
    bench_init(&it, "");
    struct text value = TEXT_LITERAL(CARD),
                domain = protect_domain(&it.snapshot->schema, FIELD_CARD);
    assert_true(text_is(domain, "card"));
    assert_int_equal(protect_domain(&it.snapshot->schema, FIELD_EMAIL).length, 0);
    assert_int_equal(protect_value(domain, it.keys, SECOND, &it.arena, &value, &it.error), 0);
    assert_true(text_is(value, CARD_K1));
    assert_int_equal(protect_value(domain, it.keys, 300 * SECOND, &it.arena, &value, &it.error), 0);
    assert_true(text_is(value, CARD_K1));
    value = TEXT_LITERAL("anna@example.com");
    assert_int_equal(protect_value((struct text){0}, it.keys, SECOND, &it.arena, &value, &it.error),
                     0);
    assert_true(text_is(value, "anna@example.com"));
    bench_deinit(&it);
}

/* Whatever memory there is, a transaction is protected, or refused without clear values. */
static void a_full_arena_leaves_nothing_clear(void **state) {
    (void)state;
    size_t refused = 0;
    for (size_t limit = 0; limit < 6000; limit += 16) {
        struct bench it;
        bench_init(&it, "");
        arena_deinit(&it.arena);
        arena_init(&it.arena, limit);
        it.transaction.fields[FIELD_CARD] = TEXT_LITERAL(CARD);
        it.transaction.fields[FIELD_IP] = TEXT_LITERAL("192.0.2.77");
        add_text(&it, "payee", CARD);
        int r = protect(&it);
        if (r < 0) {
            assert_int_equal(r, -ERROR_TOO_LARGE);
            assert_nothing_is_clear(&it);
            refused++;
        } else {
            assert_true(text_is(it.transaction.fields[FIELD_CARD], CARD_K1));
            assert_text(&it, "payee", CARD_K1);
        }
        bench_deinit(&it);
    }
    assert_true(refused > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_replaced),
        cmocka_unit_test(an_attribute_given_twice_is_replaced_twice),
        cmocka_unit_test(what_is_absent_stays_absent),
        cmocka_unit_test(the_event_time_chooses_the_key),
        cmocka_unit_test(pseudonyms_are_refused_unless_accepted),
        cmocka_unit_test(accepted_pseudonyms_are_of_known_keys_in_force),
        cmocka_unit_test(what_is_taken_cannot_be_sent),
        cmocka_unit_test(invalid_values_are_named_and_not_quoted),
        cmocka_unit_test(an_address_that_is_kept_is_no_pseudonym),
        cmocka_unit_test(questions_are_by_value_or_by_pseudonym),
        cmocka_unit_test(a_full_arena_leaves_nothing_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
