/* What `harrier inspect` prints of records, word for word, and what it counts. */
#include "clients/cli/output/archive_census.h"
#include "clients/cli/output/record_text.h"
#include "tests/unit/unit.h"

#define RECEIVED_US INT64_C(1522540831000000) /* 2018-04-01T00:00:31Z */

static const struct attribute attributes[] = {
    {.name = TEXT_LITERAL("items"), .type = ATTRIBUTE_INTEGER, .integer = 3},
    {.name = TEXT_LITERAL("note"), .type = ATTRIBUTE_TEXT, .text = TEXT_LITERAL("a \"b\"")},
    {.name = TEXT_LITERAL("gift"), .type = ATTRIBUTE_FLAG, .flag = true},
};
static const struct reason reasons[] = {
    {.rule = TEXT_LITERAL("large"),
     .text = TEXT_LITERAL("amount 57.16"),
     .score = 800,
     .verdict = VERDICT_DECLINE},
    {.rule = TEXT_LITERAL("odd"), .text = TEXT_LITERAL("odd hour"), .score = 5, .shadow = true},
};

static struct record transaction_record(void) {
    struct record record = {
        .type = RECORD_TRANSACTION,
        .position = 12,
        .receive_time_us = RECEIVED_US,
        .transaction = {.transaction = {.id = TEXT_LITERAL("t1"),
                                        .event_time_us = RECEIVED_US - 500000,
                                        .amount_minor = 5716,
                                        .currency = TEXT_LITERAL("EUR"),
                                        .has_location = true,
                                        .latitude_e7 = 488566000,
                                        .longitude_e7 = -23522000,
                                        .attributes = attributes,
                                        .attribute_count = 3},
                        .decision = {.verdict = VERDICT_DECLINE,
                                     .score = 800,
                                     .reasons = reasons,
                                     .reason_count = 2,
                                     .snapshot_id = 0xabc}},
    };
    record.transaction.transaction.fields[FIELD_CARD] = TEXT_LITERAL("c1");
    return record;
}

static void expect(const struct record *record, const struct archive_frame *frame, const char *text,
                   const char *json) {
    struct buffer line;
    buffer_init(&line);
    record_text(record, frame, &line);
    buffer_append_u8(&line, 0);
    assert_string_equal((char *)line.bytes, text);
    buffer_clear(&line);
    record_json(record, frame, &line);
    buffer_append_u8(&line, 0);
    assert_string_equal((char *)line.bytes, json);
    buffer_deinit(&line);
}

static void transactions(void **state) {
    (void)state;
    struct record record = transaction_record();
    expect(
        &record, NULL,
        "12 2018-04-01T00:00:31Z transaction t1 at 2018-04-01T00:00:30.500000Z 57.16 EUR card=c1 "
        "location=48.8566000,-2.3522000 items=3 note=a \"b\" gift=true → decline 800 (large, odd "
        "in shadow)",
        "{\"position\":12,\"receive_time\":\"2018-04-01T00:00:31Z\",\"type\":\"transaction\","
        "\"id\":\"t1\",\"event_time\":\"2018-04-01T00:00:30.500000Z\",\"amount_minor\":5716,"
        "\"currency\":\"EUR\",\"card\":\"c1\",\"latitude\":48.8566,\"longitude\":-2.3522,"
        "\"attributes\":{\"items\":3,\"note\":\"a \\\"b\\\"\",\"gift\":true},\"decision\":{"
        "\"verdict\":\"decline\",\"score\":800,\"reasons\":[{\"rule\":\"large\",\"text\":"
        "\"amount 57.16\",\"score\":800,\"verdict\":\"decline\",\"shadow\":false},{\"rule\":"
        "\"odd\",\"text\":\"odd hour\",\"score\":5,\"shadow\":true}],\"snapshot_id\":"
        "\"0000000000000abc\",\"generation_id\":\"0000000000000000\",\"feature_hash\":"
        "\"0000000000000000\",\"rule_errors\":0}}");
}

static void assert_told(const struct record *record, const char *text, const char *json) {
    struct buffer line;
    buffer_init(&line);
    record_text(record, NULL, &line);
    buffer_append_u8(&line, 0);
    assert_non_null(strstr((char *)line.bytes, text));
    buffer_clear(&line);
    record_json(record, NULL, &line);
    buffer_append_u8(&line, 0);
    assert_non_null(strstr((char *)line.bytes, json));
    buffer_deinit(&line);
}

/* By name, as far as the record has them. */
static void rules_that_failed(void **state) {
    (void)state;
    static const struct text names[] = {TEXT_LITERAL("ratio"), TEXT_LITERAL("speed")};
    struct record record = transaction_record();
    struct decision *decision = &record.transaction.decision;
    decision->failed_rules = names;
    decision->failed_rule_count = 2;
    decision->rule_errors = 2;
    assert_told(&record, "(large, odd in shadow) rules failed: ratio, speed",
                "\"rule_errors\":2,\"failed_rules\":[\"ratio\",\"speed\"]}}");
    decision->rule_errors = 20;
    decision->degraded = true;
    decision->degraded_reason = TEXT_LITERAL("late");
    assert_told(&record, " rules failed: ratio, speed and 18 more degraded: late",
                "\"rule_errors\":20,\"failed_rules\":[\"ratio\",\"speed\"],\"degraded\":\"late\"");
    decision->failed_rule_count = 0; /* an older record */
    assert_told(&record, " rules failed: 20 degraded: late",
                "\"rule_errors\":20,\"degraded\":\"late\"");
}

/* Each reads back as the type that it has. */
static void numbers(void **state) {
    (void)state;
    static const struct attribute of[] = {
        {.name = TEXT_LITERAL("a"), .type = ATTRIBUTE_NUMBER, .number = 3},
        {.name = TEXT_LITERAL("b"), .type = ATTRIBUTE_INTEGER, .integer = 3},
        {.name = TEXT_LITERAL("c"), .type = ATTRIBUTE_NUMBER, .number = 2.5},
        {.name = TEXT_LITERAL("d"), .type = ATTRIBUTE_NUMBER, .number = 1e300},
        {.name = TEXT_LITERAL("e"), .type = ATTRIBUTE_NUMBER, .number = -0.0},
    };
    struct record record = transaction_record();
    struct buffer line;
    buffer_init(&line);
    record.transaction.transaction.attributes = of;
    record.transaction.transaction.attribute_count = 5;
    record_json(&record, NULL, &line);
    buffer_append_u8(&line, 0);
    assert_non_null(strstr((char *)line.bytes,
                           "\"attributes\":{\"a\":3.0,\"b\":3,\"c\":2.5,\"d\":1e+300,\"e\":-0.0}"));
    buffer_deinit(&line);
}

/* Rules that say more, and policies on trial. */
static void transactions_with_shadows(void **state) {
    (void)state;
    static const struct text tags[] = {TEXT_LITERAL("a"), TEXT_LITERAL("b-c")};
    static const struct reason more[] = {
        {.rule = TEXT_LITERAL("many"),
         .text = TEXT_LITERAL("3"),
         .score = 400,
         .group = TEXT_LITERAL("fast"),
         .capped = 50,
         .tags = tags,
         .tag_count = 2},
        {.rule = TEXT_LITERAL("again"), .text = TEXT_LITERAL("again"), .suppressed = true},
        {.rule = TEXT_LITERAL("odd"),
         .text = TEXT_LITERAL("odd"),
         .shadow = true,
         .verdict_if_live = VERDICT_REVIEW},
    };
    static const uint32_t rules[] = {0, 7};
    static const struct shadow_decision shadows[] = {
        {.snapshot_id = 0xdef,
         .verdict = VERDICT_REVIEW,
         .score = 7,
         .rules = rules,
         .rule_count = 2,
         .rule_errors = 1,
         .degraded = true},
        {.snapshot_id = 0x123},
    };
    struct record record = {
        .type = RECORD_TRANSACTION,
        .position = 12,
        .receive_time_us = RECEIVED_US,
        .transaction = {.transaction = {.id = TEXT_LITERAL("t1"), .event_time_us = RECEIVED_US},
                        .decision = {.verdict = VERDICT_APPROVE,
                                     .score = 350,
                                     .reasons = more,
                                     .reason_count = 3,
                                     .shadows = shadows,
                                     .shadow_count = 2}},
    };
    expect(
        &record, NULL,
        "12 2018-04-01T00:00:31Z transaction t1 at 2018-04-01T00:00:31Z → approve 350 (many, "
        "again suppressed, odd in shadow); shadow 0000000000000def: review 7; shadow "
        "0000000000000123: refused",
        "{\"position\":12,\"receive_time\":\"2018-04-01T00:00:31Z\",\"type\":\"transaction\","
        "\"id\":\"t1\",\"event_time\":\"2018-04-01T00:00:31Z\",\"decision\":{"
        "\"verdict\":\"approve\",\"score\":350,\"reasons\":[{\"rule\":\"many\",\"text\":\"3\","
        "\"score\":400,\"shadow\":false,\"group\":\"fast\",\"capped\":50,\"tags\":[\"a\",\"b-c\"]},"
        "{\"rule\":\"again\",\"text\":\"again\",\"score\":0,\"shadow\":false,\"suppressed\":true},"
        "{\"rule\":\"odd\",\"text\":\"odd\",\"score\":0,\"shadow\":true,\"verdict_if_live\":"
        "\"review\"}],\"snapshot_id\":\"0000000000000000\",\"generation_id\":"
        "\"0000000000000000\",\"feature_hash\":\"0000000000000000\",\"rule_errors\":0,"
        "\"shadows\":[{\"snapshot_id\":\"0000000000000def\",\"verdict\":\"review\",\"score\":7,"
        "\"rules\":[0,7],\"rule_errors\":1,\"degraded\":true},{\"snapshot_id\":"
        "\"0000000000000123\",\"score\":0,\"rules\":[],\"rule_errors\":0,\"degraded\":false}]}}");
}

static void other_records(void **state) {
    (void)state;
    const struct archive_frame frame = {
        .file = "2018-04-01/1.seg", .offset = 64, .length = 80, .crc = 0xbeef, .chain = 0x1};
    struct record record = {
        .type = RECORD_OUTCOME,
        .position = 13,
        .receive_time_us = RECEIVED_US,
        .outcome = {.previous = LABEL_NONE,
                    .label = LABEL_FRAUD,
                    .source = TEXT_LITERAL("analyst:7"),
                    .transaction_position = 12,
                    .transaction = {.id = TEXT_LITERAL("t1")}},
    };
    expect(&record, &frame,
           "13 2018-04-01T00:00:31Z outcome t1 (position 12): none → fraud, source analyst:7 "
           "[2018-04-01/1.seg offset 64 length 80 crc 0000beef]",
           "{\"position\":13,\"receive_time\":\"2018-04-01T00:00:31Z\",\"type\":\"outcome\","
           "\"transaction_id\":\"t1\",\"transaction_position\":12,\"previous\":\"none\",\"label\":"
           "\"fraud\",\"source\":\"analyst:7\",\"frame\":{\"file\":\"2018-04-01/1.seg\",\"offset\":"
           "64,\"length\":80,\"crc\":\"0000beef\",\"chain\":\"0000000000000001\"}}");
    record = (struct record){.type = RECORD_ENGINE,
                             .position = 1,
                             .receive_time_us = RECEIVED_US,
                             .engine = {TEXT_LITERAL("0.1.0")}};
    expect(&record, NULL, "1 2018-04-01T00:00:31Z engine version 0.1.0, engine definition 1",
           "{\"position\":1,\"receive_time\":\"2018-04-01T00:00:31Z\",\"type\":\"engine\","
           "\"version\":\"0.1.0\",\"definition\":1}");
    const struct policy_file files[] = {{.path = TEXT_LITERAL("policy.yaml")}};
    record = (struct record){
        .type = RECORD_SNAPSHOT,
        .position = 2,
        .receive_time_us = RECEIVED_US,
        .snapshot = {
            .snapshot_id = 0x12, .name = TEXT_LITERAL("small"), .files = files, .file_count = 1}};
    expect(&record, NULL, "2 2018-04-01T00:00:31Z snapshot 0000000000000012 small, 1 files",
           "{\"position\":2,\"receive_time\":\"2018-04-01T00:00:31Z\",\"type\":\"snapshot\","
           "\"snapshot_id\":\"0000000000000012\",\"name\":\"small\",\"files\":[\"policy.yaml\"]}");
    record = (struct record){
        .type = RECORD_GENERATION,
        .position = 3,
        .receive_time_us = RECEIVED_US,
        .generation = {
            .generation_id = 1, .position = 2, .chain = 3, .plan_id = 4, .snapshot_id = 5}};
    expect(&record, NULL, "3 2018-04-01T00:00:31Z generation 0000000000000001 at position 2",
           "{\"position\":3,\"receive_time\":\"2018-04-01T00:00:31Z\",\"type\":\"generation\","
           "\"generation_id\":\"0000000000000001\",\"generation_position\":2,\"chain\":"
           "\"0000000000000003\",\"plan_id\":\"0000000000000004\",\"snapshot_id\":"
           "\"0000000000000005\"}");
    struct buffer line;
    buffer_init(&line);
    record.generation.files = files;
    record.generation.file_count = 1;
    record_text(&record, NULL, &line);
    record.generation.generation_id = 0;
    record_text(&record, NULL, &line);
    buffer_append_u8(&line, '\0');
    assert_string_equal((const char *)line.bytes,
                        "3 2018-04-01T00:00:31Z generation 0000000000000001 at position 2, built "
                        "with policy 0000000000000005, 1 files"
                        "3 2018-04-01T00:00:31Z generation none any more");
    buffer_deinit(&line);
}

static void add(struct archive_census *census, struct record record, const char *file) {
    struct error error;
    if (archive_census_add(census, &record, file, &error) < 0)
        fail_msg("%s", error.text);
}

static struct record outcome_of(uint64_t of, uint64_t position, enum label label) {
    return (struct record){
        .type = RECORD_OUTCOME,
        .position = position,
        /* what the record says was before is not believed */
        .outcome = {.previous = LABEL_LEGIT, .label = label, .transaction_position = of}};
}

static void census(void **state) {
    (void)state;
    struct archive_census census;
    struct record transaction = transaction_record();
    struct error error;
    archive_census_init(&census, 0);
    add(&census, (struct record){.type = RECORD_ENGINE, .position = 1}, "a.seg");
    for (uint64_t position = 2; position <= 6; position++) {
        char id[8];
        snprintf(id, sizeof id, "t%d", position == 6 ? 2 : (int)position); /* t2 twice */
        transaction.position = position;
        transaction.transaction.transaction.id = text_of(id);
        add(&census, transaction, position < 4 ? "a.seg" : "b.seg");
    }
    add(&census, outcome_of(3, 7, LABEL_FRAUD), "b.seg");
    add(&census, outcome_of(4, 8, LABEL_FRAUD), "c.seg");
    add(&census, outcome_of(4, 9, LABEL_CHARGEBACK), "c.seg");
    add(&census, outcome_of(5, 10, LABEL_FRAUD), "c.seg");
    add(&census, outcome_of(5, 11, LABEL_NONE), "c.seg");
    assert_int_equal(census.by_type[RECORD_TRANSACTION], 5);
    assert_int_equal(census.by_type[RECORD_OUTCOME], 5);
    assert_int_equal(archive_census_ids(&census), 4);
    assert_int_equal(archive_census_labelled(&census, LABEL_FRAUD), 1);
    assert_int_equal(archive_census_labelled(&census, LABEL_CHARGEBACK), 1);
    assert_int_equal(archive_census_labelled(&census, LABEL_NONE), 3);
    assert_int_equal(archive_census_labelled(&census, LABEL_LEGIT), 0);
    assert_int_equal(census.segments, 3);
    struct record wrong = outcome_of(1, 12, LABEL_FRAUD);
    assert_int_equal(archive_census_add(&census, &wrong, "c.seg", &error), -ERROR_DAMAGED);
    assert_string_equal(
        error.text, "the outcome at position 12 refers to position 1, which holds no transaction");
    wrong = outcome_of(99, 12, LABEL_FRAUD);
    assert_int_equal(archive_census_add(&census, &wrong, "c.seg", &error), -ERROR_DAMAGED);
    archive_census_deinit(&census);
}

/* Positions as high as in an archive of years: what came before takes no memory. */
static void census_of_a_late_beginning(void **state) {
    (void)state;
    const uint64_t before = UINT64_C(1) << 50;
    struct archive_census census;
    struct record transaction = transaction_record();
    struct error error;
    archive_census_init(&census, before);
    transaction.position = before + 1;
    add(&census, transaction, "a.seg");
    add(&census, outcome_of(before - 7, before + 2, LABEL_FRAUD), "a.seg");
    add(&census, outcome_of(before, before + 3, LABEL_FRAUD), "a.seg");
    add(&census, outcome_of(before + 1, before + 4, LABEL_CHARGEBACK), "a.seg");
    assert_int_equal(census.records, 4);
    assert_int_equal(census.by_type[RECORD_OUTCOME], 3);
    assert_int_equal(archive_census_labelled(&census, LABEL_FRAUD), 0);
    assert_int_equal(archive_census_labelled(&census, LABEL_CHARGEBACK), 1);
    assert_int_equal(archive_census_labelled(&census, LABEL_NONE), 0);
    struct record wrong = outcome_of(before + 2, before + 5, LABEL_FRAUD);
    assert_int_equal(archive_census_add(&census, &wrong, "a.seg", &error), -ERROR_DAMAGED);
    wrong = outcome_of(0, before + 5, LABEL_FRAUD);
    assert_int_equal(archive_census_add(&census, &wrong, "a.seg", &error), -ERROR_DAMAGED);
    archive_census_deinit(&census);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions),
        cmocka_unit_test(rules_that_failed),
        cmocka_unit_test(transactions_with_shadows),
        cmocka_unit_test(numbers),
        cmocka_unit_test(other_records),
        cmocka_unit_test(census),
        cmocka_unit_test(census_of_a_late_beginning),
    };
    return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
