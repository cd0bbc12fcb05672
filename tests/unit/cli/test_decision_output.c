/* The rows of a replay; those of a server are tested with the run that writes them
 * (test_scoring.c). */
#include "clients/cli/decision_output.h"
#include "tests/unit/unit.h"

static const struct text columns[] = {TEXT_LITERAL("card.count_1h"), TEXT_LITERAL("card.name"),
                                      TEXT_LITERAL("late")};

static void add(struct decision_output *output, const struct decision *decision, enum label label) {
    struct error error;
    assert_int_equal(
        decision_output_add_replayed(output, decision, INT64_C(1522540831000000), label, &error),
        0);
}

/* Features find their columns by name: whatever their order, and where a policy lacks some. */
static void replayed_rows(void **state) {
    (void)state;
    static const struct reason reasons[] = {
        {.rule = TEXT_LITERAL("many"), .text = TEXT_LITERAL("3, \"hour\""), .score = 400},
        {.rule = TEXT_LITERAL("told"), .text = TEXT_LITERAL("much"), .shadow = true}};
    const struct named_value all[] = {{columns[0], value_int(3)},
                                      {columns[1], value_text(TEXT_LITERAL("a,b"))},
                                      {columns[2], value_double(0.1)}};
    const struct named_value some[] = {{columns[2], value_bool(true)},
                                       {columns[0], value_absent()}};
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    struct decision_output output;
    struct error error;
    decision_output_open_replayed(&output, file, "memory", columns, 3);
    add(&output,
        &(struct decision){.transaction_id = TEXT_LITERAL("t1"),
                           .verdict = VERDICT_REVIEW,
                           .score = 400,
                           .position = 7,
                           .reasons = reasons,
                           .reason_count = 2,
                           .features = all,
                           .feature_count = 3},
        LABEL_CHARGEBACK);
    add(&output,
        &(struct decision){.transaction_id = TEXT_LITERAL("t2"),
                           .verdict = VERDICT_APPROVE,
                           .position = 8,
                           .degraded = true,
                           .features = some,
                           .feature_count = 2},
        LABEL_NONE);
    assert_int_equal(decision_output_close(&output, &error), 0);
    assert_false(output.features_dropped);
    fclose(file);
    assert_string_equal(
        text, "transaction_id,verdict,score,position,degraded,rules,reasons,event_time,outcome,"
              "card.count_1h,card.name,late\n"
              "t1,review,400,7,false,many told:shadow,\"3, \"\"hour\"\"; much (shadow)\","
              "2018-04-01T00:00:31Z,chargeback,3,\"a,b\",0.1\n"
              "t2,approve,0,8,true,,,2018-04-01T00:00:31Z,,,,true\n");
    free(text);
}

static void a_replay_without_rows_has_a_header(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    struct decision_output output;
    struct error error;
    decision_output_open_replayed(&output, file, "memory", columns, 1);
    assert_int_equal(decision_output_close(&output, &error), 0);
    fclose(file);
    assert_string_equal(text, "transaction_id,verdict,score,position,degraded,rules,reasons,"
                              "event_time,outcome,card.count_1h\n");
    free(text);
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    FILE *file = fopen("/dev/full", "w");
    if (!file)
        skip();
    struct decision_output output;
    struct error error;
    decision_output_open_replayed(&output, file, "/dev/full", columns, 3);
    add(&output, &(struct decision){.transaction_id = TEXT_LITERAL("t1")}, LABEL_NONE);
    assert_int_equal(decision_output_close(&output, &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "cannot write /dev/full"));
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replayed_rows),
        cmocka_unit_test(a_replay_without_rows_has_a_header),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
