#include "clients/cli/io/mapping_yaml.h"
#include "clients/cli/io/row_transaction.h"
#include "clients/cli/rows/rows.h"
#include "tests/unit/cli/memory_source.h"
#include "tests/unit/unit.h"

/* A mapping and a file of rows, read to the end: per row the transaction and label, or the fault.
 */
struct fixture {
    struct mapping *mapping;
    struct memory_source memory;
    struct rows *rows;
    struct arena arena;
    struct row row;
    struct transaction transaction;
    enum label label;
    struct error error;
};

static void open_file(struct fixture *fixture, const char *yaml, const char *content) {
    fixture->memory = memory_source_of(content, 4096);
    arena_init(&fixture->arena, 1 << 20);
    int r = rows_open(&fixture->memory.source, ROW_FORMAT_GUESS, &fixture->rows, &fixture->error);
    if (r == 0)
        r = yaml ? mapping_yaml_parse(text_of(yaml), "m.yaml", &fixture->mapping, &fixture->error)
                 : mapping_of_rows(fixture->rows, &fixture->mapping, &fixture->error);
    if (r == 0)
        r = rows_want(fixture->rows, fixture->mapping->columns, fixture->mapping->column_count,
                      &fixture->error);
    if (r < 0)
        fail_msg("%s", fixture->error.text);
    if (fixture->mapping->json_attributes)
        rows_want_members(fixture->rows, TEXT_LITERAL("attributes"));
}

static void close_file(struct fixture *fixture) {
    rows_close(fixture->rows);
    mapping_free(fixture->mapping);
    arena_deinit(&fixture->arena);
}

/* 0, or what the row's conversion gave */
static int next(struct fixture *fixture) {
    assert_int_equal(rows_next(fixture->rows, &fixture->row, &fixture->error), ROWS_ROW);
    int r = row_transaction(fixture->mapping, &fixture->row, &fixture->arena, &fixture->transaction,
                            NULL, &fixture->error);
    if (r == 0)
        r = row_label(fixture->mapping, &fixture->row, &fixture->label, NULL, &fixture->error);
    return r;
}

static void expect_transaction(struct fixture *fixture) {
    if (next(fixture) < 0)
        fail_msg("%s", fixture->error.text);
}

static void expect_diagnostic(struct fixture *fixture, const char *text) {
    int r = next(fixture);
    assert_true(r < 0);
    if (!strstr(fixture->error.text, text))
        fail_msg("expected \"%s\" in \"%s\"", text, fixture->error.text);
}

static const char handbook[] = "id: TRANSACTION_ID\n"
                               "event_time: {column: TX_DATETIME, format: \"%Y-%m-%d %H:%M:%S\"}\n"
                               "amount: {column: TX_AMOUNT, currency: EUR}\n"
                               "customer: CUSTOMER_ID\n"
                               "terminal: TERMINAL_ID\n"
                               "outcome: {column: TX_FRAUD, values: {\"1\": fraud}}\n";

static void handbook_rows(void **state) {
    (void)state;
    struct fixture f = {0};
    open_file(&f, handbook,
              "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,"
              "TX_FRAUD_SCENARIO\n"
              "0,2018-04-01 00:00:31,596,3156,57.16,0,0\n"
              "7,2018-04-01 00:02:10,4961,3412,81.5,1,2\n"
              "8,2018-04-01 00:02:10,4961,3412,12.345,0,0\n"
              "9,2018-04-31 00:02:10,4961,3412,12.34,0,0\n"
              "10,2018-04-01 00:02:10,4961,3412,-1,0,0\n"
              ",2018-04-01 00:02:10,4961,3412,1,0,0\n");
    expect_transaction(&f);
    assert_true(text_is(f.transaction.id, "0"));
    assert_int_equal(f.transaction.event_time_us, INT64_C(1522540831000000));
    assert_int_equal(f.transaction.amount_minor, 5716);
    assert_true(text_is(f.transaction.currency, "EUR"));
    assert_true(text_is(f.transaction.fields[FIELD_CUSTOMER], "596"));
    assert_true(text_is(f.transaction.fields[FIELD_TERMINAL], "3156"));
    assert_int_equal(f.transaction.fields[FIELD_CARD].length, 0);
    assert_int_equal(f.label, LABEL_NONE);
    expect_transaction(&f);
    assert_int_equal(f.transaction.amount_minor, 8150);
    assert_int_equal(f.label, LABEL_FRAUD);
    expect_diagnostic(
        &f,
        "amount (column TX_AMOUNT): EUR: \"12.345\" has too many decimals (expected at most 2)");
    expect_diagnostic(&f, "event_time (column TX_DATETIME): \"2018-04-31 00:02:10\" is not a time");
    expect_diagnostic(
        &f, "amount (column TX_AMOUNT): \"-1\" is negative (expected 0 to 9,999,999,999,999 "
            "minor units)");
    expect_diagnostic(&f, "column TRANSACTION_ID: id");
    char *unused = rows_unused(f.rows);
    assert_string_equal(unused, "TX_FRAUD_SCENARIO");
    free(unused);
    close_file(&f);
}

/* What only history has: a time of its own for receipt and outcome, each in its own format. */
static void times_of_history(void **state) {
    (void)state;
    struct fixture f = {0};
    struct row row;
    int64_t us = 0;
    open_file(&f,
              "id: id\nevent_time: at\nreceived_time: {column: got, format: unix}\n"
              "outcome: outcome\noutcome_time: known\n",
              "id,at,got,outcome,known\n"
              "1,2018-04-01T00:00:31Z,1522540832,fraud,2018-04-02T00:00:00Z\n"
              "2,2018-04-01T00:00:31Z,,,\n"
              "3,2018-04-01T00:00:31Z,later,fraud,x\n");
    assert_int_equal(rows_next(f.rows, &row, &f.error), ROWS_ROW);
    assert_int_equal(row_received_time(f.mapping, &row, &us, NULL, &f.error), 1);
    assert_int_equal(us, INT64_C(1522540832000000));
    assert_int_equal(row_outcome_time(f.mapping, &row, &us, NULL, &f.error), 1);
    assert_int_equal(us, INT64_C(1522627200000000));
    assert_int_equal(rows_next(f.rows, &row, &f.error), ROWS_ROW);
    assert_int_equal(row_received_time(f.mapping, &row, &us, NULL, &f.error), 0);
    assert_int_equal(row_outcome_time(f.mapping, &row, &us, NULL, &f.error), 0);
    assert_int_equal(rows_next(f.rows, &row, &f.error), ROWS_ROW);
    assert_int_equal(row_received_time(f.mapping, &row, &us, NULL, &f.error), -ERROR_INVALID);
    assert_non_null(strstr(f.error.text, "received_time (column got): "));
    assert_int_equal(row_outcome_time(f.mapping, &row, &us, NULL, &f.error), -ERROR_INVALID);
    assert_non_null(strstr(f.error.text, "outcome_time (column known): "));
    close_file(&f);
}

static void the_shipped_mapping_is_this_one(void **state) {
    (void)state;
    struct mapping *shipped;
    struct error error;
    const char *root = getenv("HARRIER_SOURCE_ROOT");
    char path[4096];
    if (!root)
        skip();
    snprintf(path, sizeof path, "%s/clients/cli/mappings/handbook.yaml", root);
    if (mapping_yaml_load(path, &shipped, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(shipped->column_count, 6);
    assert_true(text_is(shipped->columns[shipped->outcome.column], "TX_FRAUD"));
    assert_int_equal(shipped->label_count, 1);
    mapping_free(shipped);
}

static void columns_named_like_fields(void **state) {
    (void)state;
    struct fixture f = {0};
    open_file(&f, NULL,
              "id,event_time,amount,currency,card,latitude,longitude,outcome,attributes.items:int,"
              "attributes.note,attributes.weight:decimal(3),attributes.ratio:double,"
              "attributes.gift:bool,attributes.opened:timestamp,ignored\n"
              "a,2018-04-01T00:00:31Z,500,JPY,c1,48.8566,-2.3522,chargeback,3,hello,1.25,0.1,1,"
              "2018-04-01T00:00:31Z,x\n"
              "b,2018-04-01T00:00:31Z,,,,,,,,,,,,,\n"
              "c,2018-04-01T00:00:31Z,5,,,,,,,,,,,,\n"
              "d,2018-04-01T00:00:31Z,5,EURO,,,,,,,,,,,\n"
              "e,2018-04-01T00:00:31Z,,,,48.1,,,,,,,,,\n"
              "f,2018-04-01T00:00:31Z,,,,91,0,,,,,,,,\n"
              "g,2018-04-01T00:00:31Z,,,,,,,3.5,,,,,,\n"
              "h,2018-04-01T00:00:31Z,,,,,,,,,,0x10,,,\n"
              "i,2018-04-01T00:00:31Z,,,,,,,,,,,maybe,,\n"
              "j,2018-04-01T00:00:31Z,,,,,,stolen,,,,,,,\n");
    expect_transaction(&f);
    const struct transaction *t = &f.transaction;
    assert_int_equal(t->amount_minor, 500);
    assert_true(t->has_location);
    assert_int_equal(t->latitude_e7, 488566000);
    assert_int_equal(t->longitude_e7, -23522000);
    assert_int_equal(f.label, LABEL_CHARGEBACK);
    assert_int_equal(t->attribute_count, 6);
    assert_int_equal(t->attributes[0].type, ATTRIBUTE_INTEGER);
    assert_int_equal(t->attributes[0].integer, 3);
    assert_true(text_is(t->attributes[1].text, "hello"));
    assert_int_equal(t->attributes[2].type, ATTRIBUTE_INTEGER);
    assert_int_equal(t->attributes[2].integer, 1250);
    assert_int_equal(t->attributes[3].type, ATTRIBUTE_NUMBER);
    assert_true(t->attributes[3].number == 0.1);
    assert_int_equal(t->attributes[4].type, ATTRIBUTE_FLAG);
    assert_true(t->attributes[4].flag);
    assert_int_equal(t->attributes[5].integer, INT64_C(1522540831000000));
    expect_transaction(&f);
    assert_int_equal(f.transaction.amount_minor, 0);
    assert_int_equal(f.transaction.currency.length, 0);
    assert_int_equal(f.transaction.attribute_count, 0);
    assert_false(f.transaction.has_location);
    assert_int_equal(f.label, LABEL_NONE);
    expect_diagnostic(&f, "currency: missing, but the row has an amount");
    expect_diagnostic(&f, "currency: \"EURO\" is not a currency");
    expect_diagnostic(&f, "longitude: missing, but the row has a latitude");
    expect_diagnostic(&f, "latitude: expected degrees from -90 to 90");
    expect_diagnostic(&f, "attributes.items (column attributes.items:int): \"3.5\" has decimals");
    expect_diagnostic(&f, "\"0x10\" is not a number");
    expect_diagnostic(&f, "\"maybe\" is not a bool");
    expect_diagnostic(&f, "outcome: \"stolen\" is not a label");
    char *unused = rows_unused(f.rows);
    assert_string_equal(unused, "ignored");
    free(unused);
    close_file(&f);
}

static void sources(void **state) {
    (void)state;
    struct fixture f = {0};
    open_file(&f, NULL,
              "id,event_time,source,sequence\n"
              "a,2018-04-01T00:00:31Z,till 7,9223372036854775807\n"
              "b,2018-04-01T00:00:31Z,till 7,\n"
              "c,2018-04-01T00:00:31Z,,7\n"
              "d,2018-04-01T00:00:31Z,till 7,-1\n"
              "e,2018-04-01T00:00:31Z,till 7,1.5\n");
    expect_transaction(&f);
    assert_true(text_is(f.transaction.source, "till 7"));
    assert_true(f.transaction.sequence == INT64_MAX);
    expect_transaction(&f);
    assert_true(f.transaction.sequence == 0);
    expect_diagnostic(&f, "sequence 7 has no source");
    expect_diagnostic(&f, "sequence: negative; expected 1, rising by one");
    expect_diagnostic(&f, "sequence: \"1.5\" has decimals");
    close_file(&f);
}

static void json_lines(void **state) {
    (void)state;
    struct fixture f = {0};
    open_file(&f, NULL,
              "{\"id\": \"a\", \"event_time\": \"2018-04-01T00:00:31Z\", \"amount\": 57.16, "
              "\"currency\": \"EUR\", \"card\": 12, \"attributes\": {\"items\": 3, \"note\": "
              "\"hello\", \"ratio\": 0.1, \"gift\": true, \"none\": null}}\n"
              "{\"id\": \"b\", \"event_time\": \"2018-04-01T00:00:31Z\", \"amount_minor\": 5, "
              "\"currency\": \"EUR\"}\n"
              "{\"id\": \"c\", \"event_time\": \"2018-04-01T00:00:31Z\", \"amount_minor\": 5, "
              "\"amount\": 1, \"currency\": \"EUR\"}\n"
              "{\"id\": \"c2\", \"event_time\": \"2018-04-01T00:00:31Z\", \"amount_minor\": 120, "
              "\"amount\": 1.2, \"currency\": \"EUR\"}\n"
              "{\"id\": \"d\", \"event_time\": \"2018-04-01T00:00:31Z\", \"attributes\": {\"x\": "
              "[1]}}\n"
              "{\"id\": \"e\"}\n");
    expect_transaction(&f);
    assert_int_equal(f.transaction.amount_minor, 5716);
    assert_true(text_is(f.transaction.fields[FIELD_CARD], "12"));
    assert_int_equal(f.transaction.attribute_count, 4);
    expect_transaction(&f);
    assert_int_equal(f.transaction.amount_minor, 5);
    expect_diagnostic(&f, "amount: amount_minor is given as well and is \"5\", not 100");
    expect_transaction(&f);
    assert_int_equal(f.transaction.amount_minor, 120);
    expect_diagnostic(&f, "attributes.x: expected a value");
    expect_diagnostic(&f, "event_time: missing");
    close_file(&f);
}

static void constants_and_column_currency(void **state) {
    (void)state;
    struct fixture f = {0};
    open_file(&f,
              "id: I\nevent_time: {column: T, format: unix}\n"
              "amount: {column: A, currency_column: C}\nchannel: {value: ecom}\n"
              "card: {column: K}\nattributes: {n: N, src: {value: feed7}, w: {column: W, type: "
              "timestamp, format: unix_ms}}\n",
              "I,T,A,C,K,N,W\n1,1522540831,1.234,KWD,k,v,1522540831001\n");
    expect_transaction(&f);
    assert_int_equal(f.transaction.amount_minor, 1234);
    assert_true(text_is(f.transaction.fields[FIELD_CHANNEL], "ecom"));
    assert_true(text_is(f.transaction.fields[FIELD_CARD], "k"));
    assert_int_equal(f.transaction.attribute_count, 3);
    assert_true(text_is(f.transaction.attributes[1].text, "feed7"));
    assert_int_equal(f.transaction.attributes[2].integer, INT64_C(1522540831001000));
    close_file(&f);
}

static void diagnostics_name_the_place(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *message;
    } diagnostics[] = {
        {"", "m.yaml: the mapping is empty"},
        {"id: [\n", "m.yaml:2:1: not valid YAML: did not find expected node content"},
        {"- a\n", "m.yaml:1:1: expected FIELD: COLUMN lines"},
        {"id: A\nid: B\n", "m.yaml:2:1: \"id\" is given twice"},
        {"id: A\ncustmer: B\n",
         "m.yaml:2:1: a transaction has no \"custmer\" (did you mean customer?)"},
        {"id: A\nzzzzzz: B\n", "m.yaml:2:1: a transaction has no \"zzzzzz\""},
        {"card: A\n", "m.yaml:1:1: id: missing; every file needs transaction ids"},
        {"id: A\nevent_time: {column: T, format: iso}\n",
         "m.yaml:2:33: \"iso\" is not a time format"},
        {"id: A\nevent_time: {format: unix}\n", "m.yaml:2:13: expected either column: NAME"},
        {"id: A\nevent_time: {column: T, fromat: unix}\n",
         "m.yaml:2:25: event_time has no \"fromat\" (expected column or format)"},
        {"id: A\nreceived_time: {column: T, format: iso}\n",
         "m.yaml:2:36: \"iso\" is not a time format"},
        {"id: A\noutcome_time: {value: soon}\n",
         "m.yaml:2:16: outcome_time has no \"value\" (expected column or format)"},
        {"id: A\namount: {column: X, currency: euro}\n", "m.yaml:2:31: \"euro\" is not a currency"},
        {"id: A\namount: {column: X, currency: EUR, currency_column: C}\n",
         "give either currency or currency_column"},
        {"id: A\ncurrency: C\namount: {column: X, currency: EUR}\n",
         "m.yaml:3:9: the currency is given twice"},
        {"id: A\namount: X\namount_minor: Y\n", "give either amount or amount_minor"},
        {"id: A\noutcome: {column: X, values: {1: stolen}}\n",
         "m.yaml:2:34: \"stolen\" is not a label"},
        {"id: A\noutcome: {column: X, values: {1: fraud, \"1\": legit}}\n",
         "the value \"1\" is given twice"},
        {"id: A\nattributes: {n: {column: X, type: float}}\n",
         "m.yaml:2:35: \"float\" is not a type"},
        {"id: A\nattributes: {n: {column: X, format: unix}}\n", "only a timestamp has a format"},
        {"id: A\nattributes: {n: X, n: Y}\n", "m.yaml:2:20: the attribute \"n\" is given twice"},
        {"id: A\ncard:\n", "m.yaml:2:1: card: expected a column's name"},
        {"id: A\ncard: [x]\n", "m.yaml:2:7: expected a column's name or {column: …}"},
        {"id: {column: A\n", "m.yaml:2:1: not valid YAML: did not find expected"},
        {"? [a]\n: b\n", "m.yaml:1:3: expected a field's name"},
    };
    for (size_t i = 0; i < sizeof diagnostics / sizeof *diagnostics; i++) {
        struct mapping *mapping;
        struct error error;
        if (mapping_yaml_parse(text_of(diagnostics[i].yaml), "m.yaml", &mapping, &error) == 0)
            fail_msg("taken as a mapping: %s", diagnostics[i].yaml);
        if (!strstr(error.text, diagnostics[i].message))
            fail_msg("expected \"%s\" in \"%s\"", diagnostics[i].message, error.text);
    }
}

static void headers_with_bad_attributes(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } diagnostics[] = {
        {"id,attributes.x:float\n", "1: column \"attributes.x:float\": \"float\" is not a type"},
        {"id,attributes.x,attributes.x:int\n", "the attribute \"x\" is given twice"},
        {"id,attributes.\n", "an attribute needs a name"},
    };
    for (size_t i = 0; i < sizeof diagnostics / sizeof *diagnostics; i++) {
        struct memory_source memory = memory_source_of(diagnostics[i].header, 100);
        struct rows *rows;
        struct mapping *mapping;
        struct error error;
        assert_int_equal(rows_open(&memory.source, ROW_FORMAT_CSV, &rows, &error), 0);
        assert_true(mapping_of_rows(rows, &mapping, &error) < 0);
        if (!strstr(error.text, diagnostics[i].message))
            fail_msg("expected \"%s\" in \"%s\"", diagnostics[i].message, error.text);
        rows_close(rows);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handbook_rows),
        cmocka_unit_test(times_of_history),
        cmocka_unit_test(the_shipped_mapping_is_this_one),
        cmocka_unit_test(columns_named_like_fields),
        cmocka_unit_test(sources),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(constants_and_column_currency),
        cmocka_unit_test(diagnostics_name_the_place),
        cmocka_unit_test(headers_with_bad_attributes),
    };
    return cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
}
