/* The watch over folders, by itself: what counts as a change and what does not. The edits that
 * people and programs make are tried on a server in tests/system/test_reload.py. */
#include "server/lifecycle/watch.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    struct watch *watch;
};

/* A path in the fixture's folder; good for a few calls. */
static const char *at(const struct fixture *fixture, const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", fixture->folder, name);
    return path;
}

static void make_folder(const struct fixture *fixture, const char *name) {
    assert_int_equal(mkdir(at(fixture, name), 0700), 0);
}

static void write_file(const struct fixture *fixture, const char *name) {
    int file = open(at(fixture, name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, "x", 1), 1);
    close(file);
}

/* inotify tells what a process did before the call returns. */
static bool is_reported(const struct fixture *fixture) {
    return watch_read(fixture->watch);
}

static void watch_one(struct fixture *fixture, const char *name) {
    const char *folders[] = {at(fixture, name)};
    struct error error;
    if (watch_set(fixture->watch, folders, 1, &error) < 0)
        fail_msg("%s", error.text);
    assert_false(is_reported(fixture));
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error;
    strcpy(fixture->folder, "/tmp/harrier-watch-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    make_folder(fixture, "policy");
    make_folder(fixture, "policy/rules");
    write_file(fixture, "policy/policy.yaml");
    write_file(fixture, "policy/rules/a.yaml");
    assert_int_equal(watch_open(&fixture->watch, &error), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    char command[96];
    watch_close(fixture->watch);
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static void files_count_when_they_are_closed(void **state) {
    struct fixture *fixture = *state;
    watch_one(fixture, "policy");
    int file = open(at(fixture, "policy/rules/b.yaml"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "x", 1), 1);
    assert_false(is_reported(fixture));
    close(file);
    assert_true(is_reported(fixture));
    assert_false(is_reported(fixture));
    file = open(at(fixture, "policy/rules/b.yaml"), O_RDONLY | O_CLOEXEC);
    close(file);
    assert_false(is_reported(fixture)); /* only read */
    assert_int_equal(unlink(at(fixture, "policy/rules/b.yaml")), 0);
    assert_true(is_reported(fixture));
    assert_int_equal(rename(at(fixture, "policy/rules/a.yaml"), at(fixture, "a.yaml")), 0);
    assert_true(is_reported(fixture));
    assert_int_equal(link(at(fixture, "a.yaml"), at(fixture, "policy/rules/c.yaml")), 0);
    assert_true(is_reported(fixture)); /* whole from the beginning */
}

static void hidden_names_are_none_of_it(void **state) {
    struct fixture *fixture = *state;
    watch_one(fixture, "policy");
    write_file(fixture, "policy/.policy.yaml.swp");
    make_folder(fixture, "policy/.git");
    write_file(fixture, "policy/.git/index");
    write_file(fixture, "other.yaml"); /* beside the folder */
    assert_false(is_reported(fixture));
    assert_int_equal(symlink("rules", at(fixture, "policy/..data")), 0);
    assert_true(is_reported(fixture));
}

static void new_folders_are_watched(void **state) {
    struct fixture *fixture = *state;
    watch_one(fixture, "policy");
    make_folder(fixture, "policy/cases");
    make_folder(fixture, "policy/cases/more");
    assert_true(is_reported(fixture));
    write_file(fixture, "policy/cases/more/a.yaml");
    assert_true(is_reported(fixture));
    assert_int_equal(rename(at(fixture, "policy/cases"), at(fixture, "cases")), 0);
    assert_true(is_reported(fixture));
    write_file(fixture, "cases/more/a.yaml"); /* no part of it any more */
    assert_false(is_reported(fixture));
}

static void links_are_followed(void **state) {
    struct fixture *fixture = *state;
    make_folder(fixture, "shared");
    write_file(fixture, "shared/list.txt");
    make_folder(fixture, "releases");
    assert_int_equal(symlink("policy", at(fixture, "first")), 0);
    assert_int_equal(symlink("../first", at(fixture, "releases/current")), 0);
    assert_int_equal(symlink("../shared/list.txt", at(fixture, "policy/list.txt")), 0);
    watch_one(fixture, "releases/current");
    write_file(fixture, "policy/policy.yaml");
    assert_true(is_reported(fixture));
    write_file(fixture, "shared/list.txt"); /* behind a link */
    assert_true(is_reported(fixture));
    /* Either link on the way may be switched. */
    make_folder(fixture, "second");
    assert_int_equal(symlink("second", at(fixture, "new")), 0);
    assert_false(is_reported(fixture));
    assert_int_equal(rename(at(fixture, "new"), at(fixture, "first")), 0);
    assert_true(is_reported(fixture));
    write_file(fixture, "policy/policy.yaml");
    assert_false(is_reported(fixture));
    write_file(fixture, "second/policy.yaml");
    assert_true(is_reported(fixture));
}

static void a_folder_comes_back(void **state) {
    struct fixture *fixture = *state;
    watch_one(fixture, "policy");
    assert_int_equal(rename(at(fixture, "policy"), at(fixture, "old")), 0);
    assert_true(is_reported(fixture));
    write_file(fixture, "old/policy.yaml");
    assert_false(is_reported(fixture));
    make_folder(fixture, "policy");
    assert_true(is_reported(fixture));
    write_file(fixture, "policy/policy.yaml");
    assert_true(is_reported(fixture));
}

static void a_folder_that_is_not_there_yet(void **state) {
    struct fixture *fixture = *state;
    watch_one(fixture, "later/policy");
    make_folder(fixture, "later");
    assert_true(is_reported(fixture));
    make_folder(fixture, "later/policy");
    assert_true(is_reported(fixture));
    write_file(fixture, "later/policy/policy.yaml");
    assert_true(is_reported(fixture));
}

/* A folder above it goes: in one step with it, or before it is there again. */
static void what_is_above_comes_back(void **state) {
    struct fixture *fixture = *state;
    make_folder(fixture, "a");
    make_folder(fixture, "a/b");
    make_folder(fixture, "a/b/policy");
    watch_one(fixture, "a/b/policy");
    assert_int_equal(rename(at(fixture, "a"), at(fixture, "old")), 0);
    assert_true(is_reported(fixture));
    make_folder(fixture, "a");
    is_reported(fixture);
    make_folder(fixture, "a/b");
    is_reported(fixture);
    make_folder(fixture, "a/b/policy");
    assert_true(is_reported(fixture));
    write_file(fixture, "old/b/policy/policy.yaml");
    assert_false(is_reported(fixture));
    assert_int_equal(rmdir(at(fixture, "a/b/policy")), 0);
    assert_true(is_reported(fixture));
    assert_int_equal(rmdir(at(fixture, "a/b")), 0);
    assert_true(is_reported(fixture));
    make_folder(fixture, "a/b");
    make_folder(fixture, "a/b/policy");
    assert_true(is_reported(fixture));
    write_file(fixture, "a/b/policy/policy.yaml");
    assert_true(is_reported(fixture));
}

/* What a link in the folder names may itself be behind a link, or not there yet. */
static void links_on_the_way_to_a_file(void **state) {
    struct fixture *fixture = *state;
    make_folder(fixture, "first");
    make_folder(fixture, "second");
    write_file(fixture, "first/list.txt");
    write_file(fixture, "second/list.txt");
    assert_int_equal(symlink("first", at(fixture, "current")), 0);
    assert_int_equal(symlink("../current/list.txt", at(fixture, "policy/list.txt")), 0);
    assert_int_equal(symlink("../later.txt", at(fixture, "policy/later.txt")), 0);
    watch_one(fixture, "policy");
    assert_int_equal(symlink("second", at(fixture, "new")), 0);
    assert_int_equal(rename(at(fixture, "new"), at(fixture, "current")), 0);
    assert_true(is_reported(fixture));
    write_file(fixture, "second/list.txt");
    assert_true(is_reported(fixture));
    write_file(fixture, "later.txt");
    assert_true(is_reported(fixture));
}

static void links_in_a_circle_end(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(symlink("b", at(fixture, "a")), 0);
    assert_int_equal(symlink("a", at(fixture, "b")), 0);
    assert_int_equal(symlink("..", at(fixture, "policy/rules/up")), 0);
    watch_one(fixture, "policy");
    watch_one(fixture, "a/policy");
}

/* Each of them holds all of them: more paths than anybody can go through. */
static void many_links_to_the_folder_end(void **state) {
    struct fixture *fixture = *state;
    for (char name[] = "policy/a"; name[7] < 'a' + 16; name[7]++)
        assert_int_equal(symlink(".", at(fixture, name)), 0);
    alarm(120);
    watch_one(fixture, "policy");
    alarm(0);
    write_file(fixture, "policy/rules/a.yaml");
    assert_true(is_reported(fixture));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_count_when_they_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(hidden_names_are_none_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(new_folders_are_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_above_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(links_on_the_way_to_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(links_in_a_circle_end, setup, teardown),
        cmocka_unit_test_setup_teardown(many_links_to_the_folder_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
