/* Drafts of a policy: what an edit makes of a text, which names and sizes are refused, whose a
 * draft is, and that what is written is what was kept. */
#include "console/database/database.h"
#include "console/policy/drafts.h"
#include "console/policy/versions.h"
#include "core/base/check.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct bench {
    char *folder;
    char live[512], out[512];
    struct sql *sql;
    struct error error;
    int64_t draft, revision;
};

static const struct draft_author ann = {.person = "ann", .address = "127.0.0.1", .now_us = 1000000};
static const struct draft_author bob = {.person = "bob", .address = "127.0.0.1", .now_us = 2000000};

static int set_up(void **state) {
    struct bench *bench = check_calloc(1, sizeof *bench);
    struct file_set live = {0};
    bench->folder = scratch_make();
    snprintf(bench->live, sizeof bench->live, "%s/live", bench->folder);
    snprintf(bench->out, sizeof bench->out, "%s/out", bench->folder);
    assert_int_equal(mkdir(bench->live, 0700), 0);
    assert_int_equal(mkdir(bench->out, 0700), 0);
    file_set_put(&live, TEXT_LITERAL("policy.yaml"), TEXT_LITERAL("name: x\n"));
    file_set_put(&live, TEXT_LITERAL("rules/a.yaml"), TEXT_LITERAL("rules: []\n"));
    assert_int_equal(file_set_write(&live, bench->live, &bench->error), 0);
    file_set_deinit(&live);
    assert_int_equal(database_open(bench->folder, &bench->sql, &bench->error), 0);
    assert_int_equal(policy_place_set(bench->sql, bench->live, &bench->error), 0);
    assert_int_equal(draft_begin(bench->sql, &ann, &bench->draft, &bench->error), 0);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    sql_close(bench->sql);
    scratch_remove(bench->folder);
    free(bench);
    return 0;
}

static int edit(struct bench *bench, const struct draft_author *author, const char *path, size_t at,
                size_t remove, struct text insert) {
    const struct draft_edit edit = {.draft = bench->draft,
                                    .revision = bench->revision,
                                    .path = path,
                                    .at = at,
                                    .remove = remove,
                                    .insert = insert};
    return draft_edit(bench->sql, author, &edit, &bench->revision, &bench->error);
}

static void expect(struct bench *bench, int64_t draft, const char *path, const char *content) {
    struct file_set files;
    assert_int_equal(draft_files(bench->sql, draft, &files, &bench->error), 0);
    const struct policy_file *file = file_set_find(&files, text_of(path));
    assert_int_equal(file != NULL, content != NULL);
    if (file)
        assert_true(text_is(file->content, content));
    file_set_deinit(&files);
}

static void edits_change_one_place(void **state) {
    struct bench *bench = *state;
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 7, 2, TEXT_LITERAL("\n  - name: a")), 0);
    expect(bench, bench->draft, "rules/a.yaml", "rules: \n  - name: a\n");
    assert_int_equal(edit(bench, &ann, "cases/new.yaml", 0, 0, TEXT_LITERAL("cases: []\n")), 0);
    expect(bench, bench->draft, "cases/new.yaml", "cases: []\n");
    expect(bench, 0, "rules/a.yaml", "rules: []\n"); /* the live policy stays */
    assert_int_equal(bench->revision, 2);
    bench->revision = 1; /* as of another window */
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 0, 0, TEXT_LITERAL("#")), -ERROR_EXISTS);
    bench->revision = 2;
    const struct draft_edit gone = {.draft = bench->draft, .revision = 2, .path = "rules/a.yaml"};
    assert_int_equal(draft_remove(bench->sql, &ann, &gone, false, &bench->revision, &bench->error),
                     0);
    expect(bench, bench->draft, "rules/a.yaml", NULL);
    const struct draft_edit back = {.draft = bench->draft, .revision = 3, .path = "rules/a.yaml"};
    assert_int_equal(draft_remove(bench->sql, &ann, &back, true, &bench->revision, &bench->error),
                     0);
    expect(bench, bench->draft, "rules/a.yaml", "rules: []\n");
}

static void bad_edits_are_refused(void **state) {
    static const char *const names[] = {
        "",
        "/etc/passwd",
        "../policy.yaml",
        "rules/../x.yaml",
        ".git/config",
        "rules/.x.yaml",
        "rules//x.yaml",
        "rules/x.yml",
        "x.yaml",
        "rules/x y.yaml",
        "rules/x\n.yaml",
        "rules/\xe2\x80\xae.yaml",
        "rules/",
        "lists/",
        "README.md",
        "rules/a/b/c/d/e/f/g/h/i.yaml",
        "hooks/post-commit",
        "lists/../../x",
        "models/-/./x",
    };
    struct bench *bench = *state;
    char *large = check_calloc(1, DRAFT_FILE_MAX + 1), path[DRAFT_PATH_MAX + 8];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(edit(bench, &ann, names[i], 0, 0, TEXT_LITERAL("x")), -ERROR_INVALID);
    memset(path, 'a', sizeof path);
    snprintf(path + sizeof path - 6, 6, ".yaml");
    memcpy(path, "rules/", 6);
    assert_int_equal(edit(bench, &ann, path, 0, 0, TEXT_LITERAL("x")), -ERROR_INVALID);
    memset(large, 'x', DRAFT_FILE_MAX + 1);
    assert_int_equal(
        edit(bench, &ann, "lists/l.txt", 0, 0, (struct text){large, DRAFT_FILE_MAX + 1}),
        -ERROR_TOO_LARGE);
    assert_int_equal(edit(bench, &ann, "lists/l.txt", 0, 0, (struct text){large, DRAFT_FILE_MAX}),
                     0);
    free(large);
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 11, 0, TEXT_LITERAL("x")), -ERROR_INVALID);
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 1, SIZE_MAX, TEXT_LITERAL("x")),
                     -ERROR_INVALID);
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 0, 0, TEXT_LITERAL("\xc3")), -ERROR_INVALID);
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 0, 0, TEXT_LITERAL("\x1b[2J")),
                     -ERROR_INVALID);
    assert_int_equal(edit(bench, &ann, "rules/a.yaml", 0, 0, (struct text){"a\0b", 3}),
                     -ERROR_INVALID);
    expect(bench, bench->draft, "rules/a.yaml", "rules: []\n");
}

static void a_draft_is_bounded(void **state) {
    struct bench *bench = *state;
    char *text = check_malloc(DRAFT_FILE_MAX), path[64];
    int r = 0, files = 0;
    memset(text, 'x', DRAFT_FILE_MAX);
    for (; r == 0 && files < 20; files += r == 0) {
        snprintf(path, sizeof path, "lists/%d.txt", files);
        r = edit(bench, &ann, path, 0, 0, (struct text){text, DRAFT_FILE_MAX});
    }
    assert_int_equal(r, -ERROR_TOO_LARGE);
    assert_int_equal(files, DRAFT_TOTAL_MAX / DRAFT_FILE_MAX);
    expect(bench, bench->draft, path, NULL);
    free(text);
}

static void a_draft_is_one_persons(void **state) {
    struct bench *bench = *state;
    int64_t other, again;
    assert_int_equal(edit(bench, &bob, "rules/a.yaml", 0, 0, TEXT_LITERAL("#")), -ERROR_NOT_FOUND);
    assert_int_equal(draft_discard(bench->sql, &bob, bench->draft, &bench->error),
                     -ERROR_NOT_FOUND);
    assert_int_equal(draft_begin(bench->sql, &bob, &other, &bench->error), 0);
    assert_int_not_equal(other, bench->draft);
    assert_int_equal(draft_begin(bench->sql, &ann, &again, &bench->error), 0);
    assert_int_equal(again, bench->draft);
}

static void what_is_written_is_the_draft(void **state) {
    struct bench *bench = *state;
    struct file_set written, kept;
    char a[POLICY_HASH_SIZE], b[POLICY_HASH_SIZE];
    assert_int_equal(edit(bench, &ann, "rules/deep/er.yaml", 0, 0, TEXT_LITERAL("rules: []\n")), 0);
    assert_int_equal(draft_write(bench->sql, bench->draft, bench->out, &bench->error), 0);
    assert_int_equal(file_set_read(bench->out, &written, &bench->error), 0);
    assert_int_equal(draft_files(bench->sql, bench->draft, &kept, &bench->error), 0);
    file_set_hash(&written, a);
    file_set_hash(&kept, b);
    assert_string_equal(a, b);
    file_set_deinit(&written);
    file_set_deinit(&kept);
    assert_int_equal(draft_write(bench->sql, 999, bench->out, &bench->error), -ERROR_NOT_FOUND);
}

static int take_count(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

static void a_discarded_draft_leaves_nothing(void **state) {
    struct bench *bench = *state;
    int64_t left = -1;
    assert_int_equal(edit(bench, &ann, "rules/b.yaml", 0, 0, TEXT_LITERAL("x")), 0);
    assert_int_equal(draft_discard(bench->sql, &ann, bench->draft, &bench->error), 0);
    assert_int_equal(sql_each(bench->sql, &bench->error, take_count, &left,
                              "SELECT (SELECT count(*) FROM policy_texts) + "
                              "(SELECT count(*) FROM policy_versions) + "
                              "(SELECT count(*) FROM draft_files)",
                              ""),
                     1);
    assert_int_equal(left, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(edits_change_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_edits_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_draft_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_draft_is_one_persons, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_is_the_draft, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_discarded_draft_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
