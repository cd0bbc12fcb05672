/* A folder that is whole or not there. */
#include "clients/cli/policy/folder_draft.h"
#include "tests/unit/store/scratch.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state) {
    *state = scratch_make();
    return 0;
}

static int tear_down(void **state) {
    scratch_remove(*state);
    return 0;
}

static void expect_content(const char *folder, const char *path, const char *expected) {
    struct text content = scratch_read(scratch_path(folder, path));
    assert_true(text_is(content, expected));
    free((char *)(uintptr_t)content.data);
}

static size_t entries_of(const char *folder) {
    size_t count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    while (readdir(listing))
        count++;
    closedir(listing);
    return count - 2;
}

static void add(struct folder_draft *draft, const char *path, const char *content) {
    struct error error;
    if (folder_draft_add(draft, text_of(path), text_of(content), &error) < 0)
        fail_msg("%s", error.text);
}

static void open_draft(struct folder_draft *draft, const char *path) {
    struct error error;
    if (folder_draft_open(draft, path, NULL, &error) < 0)
        fail_msg("%s", error.text);
}

static void it_appears_when_it_is_whole(void **state) {
    const char *folder = *state;
    struct folder_draft draft;
    struct error error;
    struct stat status;
    mode_t mask = umask(022);
    open_draft(&draft, scratch_path(folder, "out//"));
    assert_int_equal(fstat(draft.folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    add(&draft, "policy.yaml", "1");
    add(&draft, "rules/b/c/d.yaml", "2");
    add(&draft, "rules//b/e.yaml", "3"); /* as the kernel reads it */
    add(&draft, "empty", "");
    assert_false(scratch_exists(scratch_path(folder, "out")));
    assert_int_equal(folder_draft_publish(&draft, &error), 0);
    folder_draft_close(&draft);
    expect_content(folder, "out/policy.yaml", "1");
    expect_content(folder, "out/rules/b/c/d.yaml", "2");
    expect_content(folder, "out/rules/b/e.yaml", "3");
    expect_content(folder, "out/empty", "");
    assert_int_equal(entries_of(folder), 1);
    assert_int_equal(stat(scratch_path(folder, "out"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0755);
    umask(mask);
}

static void discarded_nothing_is_left(void **state) {
    const char *folder = *state;
    struct folder_draft draft;
    open_draft(&draft, scratch_path(folder, "out"));
    add(&draft, "a/b/c", "1");
    add(&draft, "a/d", "2");
    /* Links are removed, not followed. */
    scratch_write(scratch_path(folder, "mine"), "mine", 4);
    assert_int_equal(symlinkat("../../mine", draft.folder, "link"), 0);
    assert_int_equal(symlinkat("../..", draft.folder, "above"), 0);
    folder_draft_discard(&draft);
    assert_int_equal(entries_of(folder), 1);
    expect_content(folder, "mine", "mine");
}

static void what_is_there_stays(void **state) {
    const char *folder = *state;
    struct folder_draft draft;
    struct error error;
    mkdir(scratch_path(folder, "folder"), 0755); /* rename() would replace an empty one */
    scratch_write(scratch_path(folder, "file"), "mine", 4);
    assert_int_equal(symlink("nowhere", scratch_path(folder, "link")), 0);
    static const char *const names[] = {"folder", "file", "link"};
    for (size_t i = 0; i < 3; i++) {
        open_draft(&draft, scratch_path(folder, names[i]));
        add(&draft, "policy.yaml", "1");
        assert_int_equal(folder_draft_publish(&draft, &error), -ERROR_SYSTEM);
        assert_non_null(strstr(error.text, "File exists"));
        folder_draft_discard(&draft);
    }
    assert_int_equal(entries_of(folder), 3);
    assert_int_equal(entries_of(scratch_path(folder, "folder")), 0);
    expect_content(folder, "file", "mine");
}

/* Names that a folder cannot have together. */
static void files_in_each_others_way(void **state) {
    struct folder_draft draft;
    struct error error;
    open_draft(&draft, scratch_path(*state, "out"));
    add(&draft, "a", "1");
    add(&draft, "b/c", "1");
    static const char *const paths[] = {"a", "a/b", "b", "b//c", "b/c/d", "b/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(folder_draft_add(&draft, text_of(paths[i]), TEXT_LITERAL("2"), &error),
                         -ERROR_SYSTEM);
        assert_non_null(strstr(error.text, paths[i]));
    }
    /* A link in the draft is not followed. */
    assert_int_equal(symlinkat("../..", draft.folder, "link"), 0);
    assert_int_equal(folder_draft_add(&draft, TEXT_LITERAL("link/x"), TEXT_LITERAL("2"), &error),
                     -ERROR_SYSTEM);
    folder_draft_discard(&draft);
    assert_int_equal(entries_of(*state), 0);
}

static void names_beside_it(void **state) {
    const char *folder = *state;
    struct folder_draft draft;
    struct error error;
    char *path;
    static const char *const expected[] = {"out.x", "out.x-2", "out.x-3"};
    for (size_t i = 0; i < 3; i++) {
        open_draft(&draft, scratch_path(folder, "out"));
        assert_int_equal(folder_draft_publish_beside(&draft, "x", &path, &error), 0);
        assert_string_equal(path, scratch_path(folder, expected[i]));
        assert_true(scratch_exists(path));
        free(path);
        folder_draft_close(&draft);
    }
}

/* What a killed process of the same number has left is not touched. */
static void drafts_of_others(void **state) {
    const char *folder = *state;
    struct folder_draft first, second;
    open_draft(&first, scratch_path(folder, "out"));
    open_draft(&second, scratch_path(folder, "out"));
    assert_string_not_equal(first.draft, second.draft);
    folder_draft_discard(&second);
    assert_int_equal(entries_of(folder), 1);
    folder_draft_discard(&first);
}

static void exchanged(void **state) {
    const char *folder = *state;
    struct folder_draft draft;
    struct error error;
    char *path;
    mkdir(scratch_path(folder, "out"), 0755);
    scratch_write(scratch_path(folder, "out/old"), "old", 3);
    open_draft(&draft, scratch_path(folder, "out"));
    add(&draft, "new", "new");
    assert_int_equal(folder_draft_exchange(&draft, &error), 0);
    expect_content(folder, "out/new", "new");
    assert_false(scratch_exists(scratch_path(folder, "out/old")));
    assert_int_equal(folder_draft_publish_beside(&draft, "old", &path, &error), 0);
    expect_content(folder, "out.old/old", "old");
    free(path);
    folder_draft_close(&draft);
    assert_int_equal(entries_of(folder), 2);

    open_draft(&draft, scratch_path(folder, "none"));
    assert_int_equal(folder_draft_exchange(&draft, &error), -ERROR_SYSTEM);
    folder_draft_discard(&draft);
    assert_int_equal(entries_of(folder), 2);
}

static void paths_that_end_in_no_name(void **state) {
    (void)state;
    struct folder_draft draft;
    struct error error;
    static const char *const paths[] = {"/", "///", ".", "..", "a/..", "./", ""};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(folder_draft_open(&draft, paths[i], NULL, &error), -ERROR_INVALID);
    assert_int_equal(folder_draft_open(&draft, "/nonexistent/a", NULL, &error), -ERROR_SYSTEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_appears_when_it_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(discarded_nothing_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_there_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_in_each_others_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_beside_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drafts_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exchanged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_that_end_in_no_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
