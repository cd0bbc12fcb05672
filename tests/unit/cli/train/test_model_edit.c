/* Keys of one model are replaced, added and removed; every other byte of models.yaml stays. */
#include "clients/cli/train/model_edit.h"
#include "core/base/buffer.h"
#include "tests/unit/unit.h"

#define FILE_KEY(value) {"file", TEXT_LITERAL(value), false}
#define CALIBRATION     {"calibration", TEXT_LITERAL("{platt: {a: 1, b: 2}}"), false}

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 16u << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void assert_edited(const char *before, const struct model_key_edit *edits, size_t count,
                          const char *after) {
    struct error error;
    struct text edited;
    if (model_edit_apply(text_of(before), TEXT_LITERAL("fraud"), edits, count, &arena, &edited,
                         &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(edited.data, after);
}

static void assert_refused(const char *before, const struct model_key_edit *edits, size_t count,
                           const char *message) {
    struct error error;
    struct text edited;
    assert_int_equal(model_edit_apply(text_of(before), TEXT_LITERAL("fraud"), edits, count, &arena,
                                      &edited, &error),
                     -ERROR_INVALID);
    assert_non_null(strstr(error.text, message));
}

static void keys_are_replaced_where_they_stand(void **state) {
    (void)state;
    const struct model_key_edit edits[] = {
        FILE_KEY("models/fraud.ubj"), CALIBRATION, {"format", TEXT_LITERAL("xgboost-ubj"), true}};
    assert_edited("# head\n"
                  "models:\n"
                  "  - name: other\n"
                  "    file: models/other.json\n"
                  "  # the one\n"
                  "  - about: ä\n"
                  "    file: models/fraud.json # old\n"
                  "    calibration:\n"
                  "      isotonic:\n"
                  "        - [0, 0]\n"
                  "        - [1,\n"
                  "           1]\n"
                  "    # of the name\n"
                  "    name: fraud\n"
                  "    format: xgboost-json\n"
                  "\n"
                  "  - {name: last, file: models/last.txt}\n",
                  edits, 3,
                  "# head\n"
                  "models:\n"
                  "  - name: other\n"
                  "    file: models/other.json\n"
                  "  # the one\n"
                  "  - about: ä\n"
                  "    file: models/fraud.ubj\n"
                  "    calibration: {platt: {a: 1, b: 2}}\n"
                  "    # of the name\n"
                  "    name: fraud\n"
                  "    format: xgboost-ubj\n"
                  "\n"
                  "  - {name: last, file: models/last.txt}\n");
}

static void missing_keys_go_behind_the_name(void **state) {
    (void)state;
    const struct model_key_edit edits[] = {
        FILE_KEY("models/fraud.ubj"), CALIBRATION, {"format", TEXT_LITERAL("xgboost-ubj"), true}};
    assert_edited("models:\n- name: fraud # the one\n  inputs: {a: amount}\n", edits, 3,
                  "models:\n- name: fraud # the one\n  file: models/fraud.ubj\n"
                  "  calibration: {platt: {a: 1, b: 2}}\n  inputs: {a: amount}\n");
    /* The last line has no end. */
    assert_edited("models:\n  - inputs: {a: amount}\n    name: fraud", edits, 2,
                  "models:\n  - inputs: {a: amount}\n    name: fraud\n    file: models/fraud.ubj\n"
                  "    calibration: {platt: {a: 1, b: 2}}\n");
    assert_edited("models:\n  - name: fraud\n    file: models/a.ubj", edits, 2,
                  "models:\n  - name: fraud\n    calibration: {platt: {a: 1, b: 2}}\n"
                  "    file: models/fraud.ubj\n");
    /* What follows the name is replaced, too. */
    assert_edited("models:\n  - name: fraud\n    calibration: {platt: {a: 3,\n      b: 4}}\n",
                  edits, 2,
                  "models:\n  - name: fraud\n    file: models/fraud.ubj\n"
                  "    calibration: {platt: {a: 1, b: 2}}\n");
    /* The model's first key is the one that changes. */
    assert_edited("models:\n  - file: models/a.json\n    name: fraud\n", edits, 1,
                  "models:\n  - file: models/fraud.ubj\n    name: fraud\n");
}

static void a_key_without_a_value_goes(void **state) {
    (void)state;
    const struct model_key_edit edits[] = {{"calibration", {0}, false}};
    assert_edited("models:\n  - name: fraud\n    calibration:\n      platt: {a: 1, b: 2}\n"
                  "    output: margin\n",
                  edits, 1, "models:\n  - name: fraud\n    output: margin\n");
    assert_edited("models:\n  - name: fraud\n", edits, 1, "models:\n  - name: fraud\n");
    assert_refused("models:\n  - calibration: {platt: {a: 1, b: 2}}\n    name: fraud\n", edits, 1,
                   "models.yaml:2: move this key");
}

static void what_is_not_line_by_line_is_refused(void **state) {
    (void)state;
    const struct model_key_edit edits[] = {FILE_KEY("models/fraud.ubj")};
    assert_refused("models:\n  - {name: fraud, file: models/a.json}\n", edits, 1,
                   "models.yaml:2: write the model without { }");
    assert_refused("models:\n  - name: fraud\n    file: >\n      models/a.json\n", edits, 1,
                   "models.yaml:3: write the key's value on its line");
    assert_refused("models:\n  - name: other\n", edits, 1, "no model \"fraud\"");
    assert_refused("models: [\n", edits, 1, "no model \"fraud\"");
    assert_refused("models: 5\n", edits, 1, "no model \"fraud\"");
}

static void a_file_of_another_model_is_not_free(void **state) {
    (void)state;
    const struct text yaml = TEXT_LITERAL("models:\n"
                                          "  - {name: fraud, file: models/fraud.ubj}\n"
                                          "  - name: other\n"
                                          "    file: models/a.ubj\n"
                                          "    reference: models/b.json\n");
    struct error error;
    const char *const taken[] = {"models/a.ubj", "models/b.json"}, *const open[] = {
                                                                       "models/fraud.ubj",
                                                                       "models/a", "models/c.ubj"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            model_edit_check_free(yaml, TEXT_LITERAL("fraud"), text_of(taken[i]), &arena, &error),
            -ERROR_INVALID);
        assert_non_null(strstr(error.text, "is a file of model \"other\""));
    }
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            model_edit_check_free(yaml, TEXT_LITERAL("fraud"), text_of(open[i]), &arena, &error),
            0);
}

static void a_file_of_two_models_is_known(void **state) {
    (void)state;
    const struct text yaml = TEXT_LITERAL("models:\n"
                                          "  - {name: other, file: models/a.json}\n"
                                          "  - {name: fraud, file: models/a.json, reference: r}\n");
    bool is_shared;
    struct text found = model_edit_find(yaml, TEXT_LITERAL("fraud"), "file", &arena, &is_shared);
    assert_true(text_is(found, "models/a.json") && is_shared);
    found = model_edit_find(yaml, TEXT_LITERAL("fraud"), "reference", &arena, &is_shared);
    assert_true(text_is(found, "r") && !is_shared);
    found = model_edit_find(yaml, TEXT_LITERAL("fraud"), "about", &arena, &is_shared);
    assert_true(found.length == 0 && !is_shared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_replaced_where_they_stand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_keys_go_behind_the_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_without_a_value_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_line_by_line_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_another_model_is_not_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_two_models_is_known, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
