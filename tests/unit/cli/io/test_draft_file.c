/* A file that is whole or not there. */
#include "clients/cli/io/draft_file.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was done to files, in order: 's' synced, 'r' renamed; and the size of what was synced. */
static char calls[16];
static long synced_bytes;
static int fail_sync; /* errno of the next one; 0: it works */

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __wrap_fsync(int descriptor) {
    struct stat status;
    strcat(calls, "s");
    if (fstat(descriptor, &status) == 0)
        synced_bytes = status.st_size;
    errno = fail_sync;
    return fail_sync ? -1 : __real_fsync(descriptor);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
    strcat(calls, "r");
    return __real_rename(from, to);
}

struct folder {
    char path[64];
    char file[96], link[96];
};

static int setup(void **state) {
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/harrier-draft-XXXXXX");
    if (!mkdtemp(folder->path))
        return -1;
    snprintf(folder->file, sizeof folder->file, "%s/out.csv", folder->path);
    snprintf(folder->link, sizeof folder->link, "%s/link.csv", folder->path);
    *state = folder;
    return 0;
}

static int teardown(void **state) {
    struct folder *folder = *state;
    unlink(folder->file);
    unlink(folder->link);
    int r = rmdir(folder->path); /* fails when a draft was left behind */
    free(folder);
    return r;
}

static void expect_content(const char *path, const char *expected) {
    char content[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(content, expected);
}

static void write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void begin(struct draft_file *draft, const char *path) {
    struct error error;
    if (draft_file_open(draft, path, &error) < 0)
        fail_msg("%s", error.text);
    fputs("new", draft->file);
    fflush(draft->file);
}

/* All of it is on disk before it has the name: else a power failure could leave an empty file in
 * place of an old one. If that fails, the old one stays. */
static void it_is_synced_before_it_has_the_name(void **state) {
    struct folder *folder = *state;
    struct draft_file draft;
    struct error error;
    begin(&draft, folder->file);
    fputs(" and more", draft.file);
    calls[0] = '\0';
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    assert_string_equal(calls, "sr");
    assert_int_equal(synced_bytes, strlen("new and more"));
    begin(&draft, folder->file);
    fail_sync = EIO;
    calls[0] = '\0';
    int r = draft_file_publish(&draft, &error);
    fail_sync = 0;
    assert_int_equal(r, -ERROR_SYSTEM);
    assert_string_equal(calls, "s");
    expect_content(folder->file, "new and more");
}

static void it_appears_when_it_is_whole(void **state) {
    struct folder *folder = *state;
    struct draft_file draft;
    struct error error;
    begin(&draft, folder->file);
    assert_int_not_equal(access(folder->file, F_OK), 0);
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    expect_content(folder->file, "new");
    struct stat status;
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666 & ~mask);
}

static void what_was_there_stays_until_then(void **state) {
    struct folder *folder = *state;
    struct draft_file draft;
    struct error error;
    write_file(folder->file, "old");
    begin(&draft, folder->file);
    expect_content(folder->file, "old");
    draft_file_discard(&draft);
    expect_content(folder->file, "old");
    begin(&draft, folder->file);
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    expect_content(folder->file, "new");
}

static void links_are_followed(void **state) {
    struct folder *folder = *state;
    struct draft_file draft;
    struct error error;
    write_file(folder->file, "old");
    assert_int_equal(symlink(folder->file, folder->link), 0);
    begin(&draft, folder->link);
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    expect_content(folder->file, "new");
    struct stat status;
    assert_int_equal(lstat(folder->link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

/* As root a rename would replace the device for everybody. */
static void devices_are_written_in_place(void **state) {
    struct folder *folder = *state;
    struct draft_file draft;
    struct error error;
    assert_int_equal(symlink("/dev/null", folder->link), 0);
    begin(&draft, folder->link);
    assert_null(draft.draft);
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    struct stat status;
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
}

static void a_failure_names_the_file(void **state) {
    (void)state;
    struct draft_file draft;
    struct error error;
    assert_int_equal(draft_file_open(&draft, "/nonexistent/out.csv", &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "cannot write /nonexistent/out.csv: No such file"));
    assert_int_equal(draft_file_open(&draft, "/dev/full", &error), 0);
    fputs("new", draft.file);
    assert_int_equal(draft_file_publish(&draft, &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "cannot write /dev/full: No space"));
}

/* A process of the same number has left its own. */
static void a_draft_of_somebody_else_is_not_touched(void **state) {
    struct folder *folder = *state;
    struct draft_file left, draft;
    struct error error;
    char name[160];
    begin(&left, folder->file);
    snprintf(name, sizeof name, "%s", left.draft);
    draft_file_leave(&left);
    begin(&draft, folder->file);
    assert_string_not_equal(draft.draft, name);
    fputs("er", draft.file);
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    expect_content(folder->file, "newer");
    expect_content(name, "new");
    unlink(name);
}

/* Left by one process, taken up by the next one. */
static void what_is_left_can_be_gone_on_with(void **state) {
    struct folder *folder = *state;
    struct draft_file draft;
    struct error error;
    char name[64], content[8] = "", elsewhere[80];
    begin(&draft, folder->file);
    snprintf(name, sizeof name, "%s", draft_file_name(&draft));
    assert_null(strchr(name, '/'));
    draft_file_leave(&draft);
    assert_int_not_equal(access(folder->file, F_OK), 0);
    assert_int_equal(draft_file_reopen(&draft, folder->file, name, &error), 0);
    assert_int_equal(fread(content, 1, sizeof content, draft.file), 3);
    assert_string_equal(content, "new");
    fseek(draft.file, 0, SEEK_END);
    fputs("er", draft.file);
    assert_int_equal(draft_file_publish(&draft, &error), 0);
    expect_content(folder->file, "newer");
    /* It is gone now, and nothing outside the folder is one. */
    assert_int_equal(draft_file_reopen(&draft, folder->file, name, &error), -ERROR_NOT_FOUND);
    snprintf(elsewhere, sizeof elsewhere, "../%s/out.csv", strrchr(folder->path, '/') + 1);
    assert_int_equal(draft_file_reopen(&draft, folder->file, elsewhere, &error), -ERROR_NOT_FOUND);
    /* Nor is a link. */
    assert_int_equal(symlink(folder->file, folder->link), 0);
    assert_int_not_equal(draft_file_reopen(&draft, folder->file, "link.csv", &error), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_synced_before_it_has_the_name, setup, teardown),
        cmocka_unit_test_setup_teardown(it_appears_when_it_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_there_stays_until_then, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(devices_are_written_in_place, setup, teardown),
        cmocka_unit_test(a_failure_names_the_file),
        cmocka_unit_test_setup_teardown(a_draft_of_somebody_else_is_not_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_left_can_be_gone_on_with, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
