/* The text of a difference, to the letter. The hunks are what `diff -u` (GNU diffutils 3.8) prints
 * for the same files. tests/system/test_policy.py applies such texts. */
#include "clients/cli/policy/files_diff.h"
#include "tests/unit/unit.h"

struct expected {
    const char *a, *b; /* contents of a file f; NULL: it is not there */
    const char *text;
};

static size_t write_diff(const char *path, struct text a, struct text b, bool in_full,
                         struct buffer *out) {
    struct policy_file before = {.path = text_of(path), .content = a};
    struct policy_file after = {.path = text_of(path), .content = b};
    return files_diff_write(&(struct diff_side){"a", &before, a.data != NULL},
                            &(struct diff_side){"b", &after, b.data != NULL}, in_full, out);
}

static void expect_text(const char *path, const char *a, const char *b, const char *expected) {
    struct buffer out;
    buffer_init(&out);
    size_t differ = write_diff(path, text_of(a), text_of(b), false, &out);
    assert_int_equal(differ, *expected != '\0');
    buffer_append_u8(&out, '\0');
    assert_string_equal((const char *)out.bytes, expected);
    buffer_deinit(&out);
}

static void hunks(void **state) {
    (void)state;
    static const struct expected cases[] = {
        {"1\n2\n", "1\n2\n", ""},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
         "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
        {"1\n2\n3\n", "0\n1\n2\n3\n4\n", "--- a/f\n+++ b/f\n@@ -1,3 +1,5 @@\n+0\n 1\n 2\n 3\n+4\n"},
        /* six unchanged lines between two changes: one hunk; seven: two */
        {"a\n1\n2\n3\n4\n5\n6\nb\n", "1\n2\n3\n4\n5\n6\n",
         "--- a/f\n+++ b/f\n@@ -1,8 +1,6 @@\n-a\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n"},
        {"a\n1\n2\n3\n4\n5\n6\n7\nb\n", "1\n2\n3\n4\n5\n6\n7\n",
         "--- a/f\n+++ b/f\n@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,3 @@\n 5\n 6\n 7\n-b\n"},
        {"1\n", "2\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-1\n+2\n"},
        {"1\n", "1", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-1\n+1\n\\ No newline at end of file\n"},
        {"1\n2", "0\n2",
         "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-1\n+0\n 2\n\\ No newline at end of file\n"},
        {NULL, "1\n2\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+1\n+2\n"},
        {"1\n", NULL, "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n"},
        {"", "1\n", "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+1\n"},
        {NULL, "", "--- /dev/null\n+++ b/f\n"}, /* there is no line to show */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_text("f", cases[i].a, cases[i].b, cases[i].text);
}

static void names(void **state) {
    (void)state;
    expect_text("lists/a b", "1\n", "2\n",
                "--- a/lists/a b\t\n+++ b/lists/a b\t\n@@ -1 +1 @@\n-1\n+2\n");
    expect_text("\"a\\\n+++ x\x7f", "1\n", NULL,
                "--- \"a/\\\"a\\\\\\012+++ x\\177\"\t\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n");
    expect_text("h\xc3\xa4ufig", NULL, "1\n",
                "--- /dev/null\n+++ b/h\xc3\xa4ufig\n@@ -0,0 +1 @@\n+1\n");
}

/* Files of both sides are merged by path. */
static void several_files(void **state) {
    (void)state;
    const struct policy_file a[] = {{TEXT_LITERAL("b"), TEXT_LITERAL("1\n")},
                                    {TEXT_LITERAL("c"), TEXT_LITERAL("same")},
                                    {TEXT_LITERAL("d/e"), TEXT_LITERAL("1\n")}};
    const struct policy_file b[] = {{TEXT_LITERAL("a"), TEXT_LITERAL("1\n")},
                                    {TEXT_LITERAL("b"), TEXT_LITERAL("2\n")},
                                    {TEXT_LITERAL("c"), TEXT_LITERAL("same")}};
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(files_diff_write(&(struct diff_side){"x", a, 3},
                                      &(struct diff_side){"y", b, 3}, false, &out),
                     3);
    buffer_append_u8(&out, '\0');
    assert_string_equal((const char *)out.bytes, "--- /dev/null\n+++ y/a\n@@ -0,0 +1 @@\n+1\n"
                                                 "--- x/b\n+++ y/b\n@@ -1 +1 @@\n-1\n+2\n"
                                                 "--- x/d/e\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n");
    buffer_deinit(&out);
}

static void what_is_not_shown(void **state) {
    (void)state;
    struct buffer out, many;
    buffer_init(&out);
    buffer_init(&many);
    assert_int_equal(write_diff("f", TEXT_LITERAL("a\0\n"), TEXT_LITERAL("b"), true, &out), 1);
    assert_true(text_is(buffer_text(&out), "Binary files a/f and b/f differ\n"));
    for (unsigned i = 0; i < FILES_DIFF_LINES_MAX; i++)
        buffer_printf(&many, "%u\n", i);
    struct text most = buffer_text(&many);
    buffer_clear(&out);
    assert_int_equal(write_diff("f", (struct text){0}, most, false, &out), 1);
    assert_true(out.length > most.length); /* just as many as are shown */
    buffer_clear(&out);
    assert_int_equal(write_diff("f", TEXT_LITERAL("x\n"), most, false, &out), 1);
    assert_true(
        text_is(buffer_text(&out), "Files a/f and b/f differ: 1 lines removed, 10000 added\n"));
    buffer_clear(&out);
    assert_int_equal(write_diff("f", TEXT_LITERAL("x\n"), most, true, &out), 1);
    assert_true(out.length > most.length);
    buffer_deinit(&out);
    buffer_deinit(&many);

    char *lines = malloc(4000001);
    memset(lines, '\n', 4000001);
    buffer_init(&out);
    assert_int_equal(
        write_diff("f", TEXT_LITERAL("x\n"), (struct text){lines, 4000001}, true, &out), 1);
    assert_true(
        text_is(buffer_text(&out), "Files a/f and b/f differ: too many lines to compare\n"));
    buffer_deinit(&out);
    free(lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hunks),
        cmocka_unit_test(names),
        cmocka_unit_test(several_files),
        cmocka_unit_test(what_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
