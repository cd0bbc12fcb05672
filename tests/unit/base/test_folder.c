/* Entries of a folder: an error is not the end. Linked with -Wl,--wrap=readdir64. */
#include "core/base/error.h"
#include "core/base/folder/folder_next.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
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

static int count(const char *path, unsigned fails, unsigned *ret_count, struct error *ret_error) {
    DIR *folder = opendir(path);
    int r = 0;
    assert_non_null(folder);
    until_failure = fails;
    *ret_count = 0;
    errno = ENOENT; /* an earlier call's: of no interest */
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, path, &entry, ret_error)) > 0;) {
        assert_non_null(entry->d_name);
        (*ret_count)++;
        errno = EACCES; /* the body's */
    }
    closedir(folder);
    return r;
}

static void an_error_is_not_the_end(void **state) {
    char path[] = "/tmp/harrier-folder-XXXXXX", name[64];
    unsigned found;
    struct error error;
    (void)state;
    assert_non_null(mkdtemp(path));
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s/%d", path, i);
        close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    assert_int_equal(count(path, 0, &found, &error), 0);
    assert_int_equal(found, 5); /* with . and .. */
    for (unsigned fails = 1; fails <= 6; fails++) {
        char expected[128];
        assert_int_equal(count(path, fails, &found, &error), -ERROR_SYSTEM);
        assert_int_equal(found, fails - 1);
        snprintf(expected, sizeof expected, "%s: cannot list: %s", path, strerror(EIO));
        assert_string_equal(error.text, expected);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s/%d", path, i);
        unlink(name);
    }
    rmdir(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_error_is_not_the_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
