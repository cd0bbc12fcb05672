/* Rows of a training set as CSV; Parquet is tested with the program that writes it
 * (tests/system/test_training_set.py). */
#include "clients/cli/replay/training_set.h"
#include "tests/unit/policy/policy_text.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <unistd.h>

#define EVENT_US INT64_C(1522540831000000)

static const char features[] = "entities:\n"
                               "  card: {key: card}\n"
                               "features:\n"
                               "  card:\n"
                               "    - {name: count_1h, aggregate: count, window: 1h}\n"
                               "    - {name: place, aggregate: last, of: country, window: 1h}\n"
                               "values:\n"
                               "  - {name: late, value: \"event_time.getHours() > 20\"}\n";
/* Another type of `late`, and one more. */
static const char other_features[] =
    "entities:\n"
    "  card: {key: card}\n"
    "features:\n"
    "  card:\n"
    "    - {name: mean_1h, aggregate: mean, of: amount, window: 1h}\n"
    "values:\n"
    "  - {name: late, value: \"event_time.getHours()\"}\n";

struct scene {
    char folder[64], path[96];
    const struct snapshot *policies[2];
    size_t policy_count;
    const struct export_attributes *attributes;
    struct transaction transaction;
    struct training_set *set;
};

static int setup(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    strcpy(scene->folder, "/tmp/harrier-training-XXXXXX");
    if (!mkdtemp(scene->folder))
        return -1;
    snprintf(scene->path, sizeof scene->path, "%s/set.csv", scene->folder);
    scene->policies[0] = policy_text_snapshot(NULL, features, NULL);
    scene->policies[1] = policy_text_snapshot(NULL, other_features, NULL);
    scene->policy_count = 1;
    *state = scene;
    return 0;
}

static int teardown(void **state) {
    struct scene *scene = *state;
    training_set_discard(scene->set);
    for (size_t i = 0; i < 2; i++)
        snapshot_unref((struct snapshot *)(uintptr_t)scene->policies[i]);
    unlink(scene->path);
    int r = rmdir(scene->folder); /* fails when a draft was left behind */
    free(scene);
    return r;
}

static void begin(struct scene *scene) {
    struct error error;
    assert_int_equal(training_set_begin(scene->path, scene->policies, scene->policy_count,
                                        scene->attributes, &scene->set, &error),
                     0);
}

static int add(struct scene *scene, const struct decision *decision, enum label outcome,
               struct error *ret_error) {
    struct buffer row;
    buffer_init(&row);
    scene->transaction.event_time_us = EVENT_US;
    training_set_format(scene->set, decision, &scene->transaction, outcome, &row);
    struct text text = {.data = (const char *)row.bytes, .length = row.length};
    int r = training_set_write(scene->set, text, ret_error);
    buffer_deinit(&row);
    return r;
}

static int publish(struct scene *scene, struct error *ret_error) {
    int r = training_set_publish(scene->set, ret_error);
    scene->set = NULL;
    return r;
}

static void expect_content(const struct scene *scene, const char *expected) {
    char content[2048] = "";
    FILE *file = fopen(scene->path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(content, expected);
}

/* Features find their columns by name: whatever their order, and where a policy lacks some. */
static void rows(void **state) {
    struct scene *scene = *state;
    struct error error;
    static const struct reason reasons[] = {
        {.rule = TEXT_LITERAL("many"), .text = TEXT_LITERAL("3, \"hour\""), .score = 400},
        {.rule = TEXT_LITERAL("told"), .text = TEXT_LITERAL("much"), .shadow = true},
        {.rule = TEXT_LITERAL("again"), .text = TEXT_LITERAL("more"), .suppressed = true}};
    const struct named_value all[] = {{TEXT_LITERAL("card.count_1h"), value_int(3)},
                                      {TEXT_LITERAL("card.place"), value_text(TEXT_LITERAL("a,b"))},
                                      {TEXT_LITERAL("late"), value_bool(true)}};
    const struct named_value some[] = {{TEXT_LITERAL("late"), value_bool(false)},
                                       {TEXT_LITERAL("card.count_1h"), value_absent()}};
    begin(scene);
    assert_int_equal(add(scene,
                         &(struct decision){.transaction_id = TEXT_LITERAL("t1"),
                                            .verdict = VERDICT_REVIEW,
                                            .score = 400,
                                            .position = 7,
                                            .reasons = reasons,
                                            .reason_count = 3,
                                            .features = all,
                                            .feature_count = 3},
                         LABEL_CHARGEBACK, &error),
                     0);
    assert_int_equal(add(scene,
                         &(struct decision){.transaction_id = TEXT_LITERAL("t2"),
                                            .verdict = VERDICT_APPROVE,
                                            .position = UINT64_C(9007199254740993),
                                            .degraded = true,
                                            .features = some,
                                            .feature_count = 2},
                         LABEL_NONE, &error),
                     0);
    assert_int_equal(access(scene->path, F_OK), -1); /* not before it is whole */
    assert_int_equal(publish(scene, &error), 0);
    expect_content(
        scene, "transaction_id,verdict,score,position,degraded,rules,reasons,event_time,outcome,"
               "card.count_1h,card.place,late\n"
               "t1,review,400,7,false,many told:shadow again:suppressed,"
               "\"3, \"\"hour\"\"; much (shadow); more (suppressed)\","
               "2018-04-01T00:00:31Z,chargeback,3,\"a,b\",true\n"
               "t2,approve,0,9007199254740993,true,,,2018-04-01T00:00:31Z,,,,false\n");
}

static void fields_of_the_transaction(void **state) {
    struct scene *scene = *state;
    const struct decision decision = {.transaction_id = TEXT_LITERAL("t1"),
                                      .verdict = VERDICT_APPROVE};
    struct error error;
    struct export_attribute known[] = {
        {.name = TEXT_LITERAL("items"), .types = 1u << ATTRIBUTE_INTEGER},
        {.name = TEXT_LITERAL("note"), .types = 1u << ATTRIBUTE_TEXT | 1u << ATTRIBUTE_FLAG}};
    const struct export_attributes set = {.attributes = known, .count = 2};
    const struct attribute attributes[] = {
        {.name = TEXT_LITERAL("note"), .type = ATTRIBUTE_FLAG, .flag = true},
        {.name = TEXT_LITERAL("items"), .type = ATTRIBUTE_INTEGER, .integer = -3}};
    scene->attributes = &set;
    begin(scene);
    scene->transaction = (struct transaction){
        .amount_minor = 1234,
        .currency = TEXT_LITERAL("KWD"),
        .fields = {[FIELD_CARD] = TEXT_LITERAL("a,b"), [FIELD_PHONE] = TEXT_LITERAL("+49")},
        .has_location = true,
        .latitude_e7 = -1,
        .longitude_e7 = 1234567890,
        .attributes = attributes,
        .attribute_count = 2};
    assert_int_equal(add(scene, &decision, LABEL_NONE, &error), 0);
    scene->transaction = (struct transaction){.amount_minor = 0};
    assert_int_equal(add(scene, &decision, LABEL_FRAUD, &error), 0);
    assert_int_equal(publish(scene, &error), 0);
    expect_content(
        scene, "transaction_id,verdict,score,position,degraded,rules,reasons,event_time,outcome,"
               "amount,amount_minor,currency,card,customer,account,merchant,terminal,device,ip,"
               "country,mcc,channel,email,phone,latitude,longitude,attributes.items:int,attributes."
               "note:string,"
               "card.count_1h,card.place,late\n"
               "t1,approve,0,0,false,,,2018-04-01T00:00:31Z,,1.234,1234,KWD,\"a,b\",,,,,,,,,,,+49,"
               "-0.0000001,123.4567890,-3,true,,,\n"
               "t1,approve,0,0,false,,,2018-04-01T00:00:31Z,fraud,,,,,,,,,,,,,,,,,,,,,,\n");
}

static void columns_of_two_policies(void **state) {
    struct scene *scene = *state;
    struct error error;
    scene->policy_count = 2;
    const struct named_value of_second[] = {{TEXT_LITERAL("card.mean_1h"), value_double(0.1)},
                                            {TEXT_LITERAL("late"), value_int(21)}};
    begin(scene);
    assert_int_equal(add(scene,
                         &(struct decision){.transaction_id = TEXT_LITERAL("t1"),
                                            .verdict = VERDICT_DECLINE,
                                            .features = of_second,
                                            .feature_count = 2},
                         LABEL_FRAUD, &error),
                     0);
    assert_int_equal(publish(scene, &error), 0);
    expect_content(
        scene, "transaction_id,verdict,score,position,degraded,rules,reasons,event_time,outcome,"
               "card.count_1h,card.place,late,card.mean_1h\n"
               "t1,decline,0,0,false,,,2018-04-01T00:00:31Z,fraud,,,21,0.1\n");
}

static void no_rows_but_a_header(void **state) {
    struct scene *scene = *state;
    struct error error;
    begin(scene);
    assert_int_equal(publish(scene, &error), 0);
    expect_content(scene, "transaction_id,verdict,score,position,degraded,rules,reasons,event_time,"
                          "outcome,card.count_1h,card.place,late\n");
}

static void discarded_it_leaves_nothing(void **state) {
    struct scene *scene = *state;
    struct error error;
    begin(scene);
    assert_int_equal(
        add(scene, &(struct decision){.transaction_id = TEXT_LITERAL("t1")}, LABEL_NONE, &error),
        0);
    training_set_discard(scene->set);
    scene->set = NULL;
    DIR *folder = opendir(scene->folder);
    size_t entries = 0;
    while (readdir(folder))
        entries++;
    closedir(folder);
    assert_int_equal(entries, 2); /* . and .. */
}

static void a_full_disk_is_reported(void **state) {
    struct scene *scene = *state;
    struct error error;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(training_set_begin("/dev/full", scene->policies, 1, NULL, &scene->set, &error),
                     0);
    assert_int_equal(
        add(scene, &(struct decision){.transaction_id = TEXT_LITERAL("t1")}, LABEL_NONE, &error),
        0);
    assert_int_equal(publish(scene, &error), -ERROR_SYSTEM);
    assert_string_equal(error.text, "cannot write /dev/full: No space left on device");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows, setup, teardown),
        cmocka_unit_test_setup_teardown(fields_of_the_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(columns_of_two_policies, setup, teardown),
        cmocka_unit_test_setup_teardown(no_rows_but_a_header, setup, teardown),
        cmocka_unit_test_setup_teardown(discarded_it_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_is_reported, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
