/* The mode of a rule, changed in its text: what else is there stays, byte by byte. */
#include "console/policy/rule_mode.h"
#include "core/base/buffer.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static int change(const char *text, const char *rule, const char *mode, const char *expected) {
    struct file_set files = {0};
    struct mode_edit edit = {0};
    struct buffer out;
    struct error error;
    file_set_put(&files, TEXT_LITERAL("policy.yaml"), TEXT_LITERAL("policy: {name: x}\n"));
    file_set_put(&files, TEXT_LITERAL("rules/a.yaml"), text_of(text));
    int r = rule_mode_edit(&files, rule, mode, &edit, &error);
    if (r == 0) {
        assert_string_equal(edit.path, "rules/a.yaml");
        buffer_init(&out);
        buffer_append(&out, text, edit.at);
        buffer_append_string(&out, edit.insert);
        buffer_append_string(&out, text + edit.at + edit.remove);
        buffer_append_u8(&out, '\0');
        assert_string_equal((const char *)out.bytes, expected);
        buffer_deinit(&out);
    }
    free(edit.insert);
    file_set_deinit(&files);
    return r;
}

static void a_mode_is_added_or_replaced(void **state) {
    (void)state;
    assert_int_equal(
        change("rules:\n  - name: a # first\n    when: x\n  - name: b\n    when: y\n", "a",
               "shadow",
               "rules:\n  - name: a # first\n    mode: shadow\n    when: x\n  - name: b\n"
               "    when: y\n"),
        0);
    assert_int_equal(
        change("# \xc3\xa4\nrules:\n- when: x\n  mode: live # \xe2\x82\xac\n  name: b\n", "b",
               "off", "# \xc3\xa4\nrules:\n- when: x\n  mode: off # \xe2\x82\xac\n  name: b\n"),
        0);
    assert_int_equal(change("rules: [{name: \"\xc3\xa4\", mode: live}, {name: c, mode: shadow}]\n",
                            "c", "live",
                            "rules: [{name: \"\xc3\xa4\", mode: live}, {name: c, mode: live}]\n"),
                     0);
    assert_int_equal(change("rules:\n  - {name: a, when: x}\n", "a", "off",
                            "rules:\n  - {mode: off, name: a, when: x}\n"),
                     0);
    assert_int_equal(change("rules: [{name: \"\xc3\xa4\"}, {name: c}]\n", "c", "shadow",
                            "rules: [{name: \"\xc3\xa4\"}, {mode: shadow, name: c}]\n"),
                     0);
}

static void what_it_cannot_change_is_refused(void **state) {
    (void)state;
    assert_int_equal(change("rules:\n  - name: a\n", "b", "off", ""), -ERROR_NOT_FOUND);
    assert_int_equal(change("rules:\n  - name: a\n    mode: \"live\"\n", "a", "off", ""),
                     -ERROR_INVALID);
    assert_int_equal(change("rules:\n  - name: >\n      a\n", "a", "off", ""), -ERROR_NOT_FOUND);
    assert_int_equal(change("rules:\n  - name: a", "a", "off", ""), -ERROR_INVALID);
    assert_int_equal(change("rules: {name: a}\n", "a", "off", ""), -ERROR_NOT_FOUND);
    assert_int_equal(change("[[[[[", "a", "off", ""), -ERROR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mode_is_added_or_replaced),
        cmocka_unit_test(what_it_cannot_change_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
