/* Policies that must not load, with their exact messages: each folder of tests/cases/broken
 * (argument) against its expected.txt. --update after the folder writes expected.txt anew; read
 * the difference as a new user would. */
#include "core/policy/load/snapshot.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <sys/stat.h>

static const char *cases_folder;
static bool is_update;

static char *read_expected(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        return strdup("(no expected.txt)");
    char *text = calloc(1, 1 << 20);
    size_t length = fread(text, 1, (1 << 20) - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

static void rewrite(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* What loading says, and behind it the error in one line. */
static char *load(const char *path) {
    struct snapshot *snapshot = NULL;
    struct buffer messages;
    struct error error = {0};
    buffer_init(&messages);
    int r = snapshot_load_folder(path, &snapshot, &messages, &error);
    if (r == 0)
        fail_msg("%s: loads", path);
    assert_int_equal(r, -ERROR_INVALID);
    assert_null(snapshot);
    static const char rule[] = "----\n";
    buffer_append(&messages, rule, sizeof rule - 1);
    buffer_append(&messages, error.text, strlen(error.text));
    buffer_append(&messages, "\n", 2);
    return (char *)messages.bytes;
}

static size_t run_case(const char *name) {
    char folder[4096], expected_path[4200];
    snprintf(folder, sizeof folder, "%s/%s", cases_folder, name);
    snprintf(expected_path, sizeof expected_path, "%s/expected.txt", folder);
    char *found = load(folder);
    if (is_update)
        rewrite(expected_path, found);
    char *expected = read_expected(expected_path);
    size_t failed = strcmp(found, expected) != 0;
    if (failed)
        fprintf(stderr, "%s\n=== expected\n%s=== found\n%s", name, expected, found);
    free(found);
    free(expected);
    return failed;
}

static void test_broken(void **state) {
    (void)state;
    DIR *directory = opendir(cases_folder);
    assert_non_null(directory);
    size_t cases = 0, failures = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || strchr(entry->d_name, '.'))
            continue;
        failures += run_case(entry->d_name);
        cases++;
    }
    closedir(directory);
    assert_true(cases >= 50);
    assert_int_equal(failures, 0);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    cases_folder = argv[1];
    is_update = argc > 2 && strcmp(argv[2], "--update") == 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
