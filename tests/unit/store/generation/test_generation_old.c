/* Generations that an erasure removes: all of them, or it says that it could not. Linked with
 * -Wl,--wrap=readdir64. */
#include "core/store/generation/generation_old.h"

#include "../scratch.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned until_failure; /* calls; 0: none fails */

struct dirent *__real_readdir64(DIR *folder);
struct dirent *__wrap_readdir64(DIR *folder);

struct dirent *__wrap_readdir64(DIR *folder) {
    if (until_failure > 0 && --until_failure == 0) {
        errno = EIO;
        return NULL;
    }
    return __real_readdir64(folder);
}

static const char *const names[] = {"g-00000000000000000007-0123456789abcdef",
                                    "g-00000000000000000008-0123456789abcdef",
                                    "g-00000000000000000009-0123456789abcdef"};

static void make(const char *root) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *folder = scratch_path(root, names[i]);
        mkdir(folder, 0700);
        scratch_write(scratch_path(folder, "tables.mdb"), "x", 1);
    }
    unlink(scratch_path(root, "current"));
    assert_int_equal(symlink(names[2], scratch_path(root, "current")), 0);
}

static void what_cannot_be_listed_is_not_taken_for_removed(void **state) {
    char *root = scratch_make();
    struct error error;
    size_t removed;
    bool has_failed = true;
    unsigned fails = 1;
    (void)state;
    for (; has_failed; fails++) {
        make(root);
        until_failure = fails;
        int r = generation_remove_others(root, &removed, &error);
        has_failed = until_failure == 0;
        until_failure = 0;
        assert_int_equal(r, has_failed ? -ERROR_SYSTEM : 0);
        assert_true(scratch_exists(scratch_path(root, names[2])));
    }
    assert_true(fails > 5);
    assert_int_equal(removed, 2);
    for (size_t i = 0; i < 2; i++)
        assert_false(scratch_exists(scratch_path(root, names[i])));
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_listed_is_not_taken_for_removed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
