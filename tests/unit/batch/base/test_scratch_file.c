/* Property: a scratch file in a folder needs no O_TMPFILE, and leaves no name behind. */
#include "batch/base/scratch_file.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_refused; /* as a file system does that knows no files without a name */
static unsigned asked;

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

int __wrap_open64(const char *path, int flags, ...) {
    bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    asked += is_unnamed;
    if (is_unnamed && is_refused) {
        errno = EOPNOTSUPP;
        return -1;
    }
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return __real_open64(path, flags, mode);
}

static unsigned names_in(const char *folder) {
    DIR *names = opendir(folder);
    unsigned count = 0;
    assert_non_null(names);
    for (struct dirent *name; (name = readdir(names));)
        count += strcmp(name->d_name, ".") != 0 && strcmp(name->d_name, "..") != 0;
    closedir(names);
    return count;
}

static void a_file_without_a_name(void **state) {
    (void)state;
    char *folder = scratch_make();
    for (int i = 0; i < 2; i++) {
        struct error error;
        struct stat status;
        is_refused = i == 1;
        asked = 0;
        int file = scratch_file_in(folder, &error);
        if (file < 0)
            fail_msg("%s", error.text);
        assert_int_equal(asked, 1);
        assert_int_equal(names_in(folder), 0);
        assert_int_equal(write(file, "harrier", 7), 7);
        assert_int_equal(fstat(file, &status), 0);
        assert_int_equal(status.st_size, 7);
        assert_int_equal(status.st_mode & 0777, 0600);
        assert_true(fcntl(file, F_GETFD) & FD_CLOEXEC);
        close(file);
    }
    scratch_remove(folder);
}

static void the_error_names_the_folder(void **state) {
    (void)state;
    struct error error;
    assert_int_equal(scratch_file_in("/no/such/folder", &error), -ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "/no/such/folder: cannot create a temporary file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_a_name),
        cmocka_unit_test(the_error_names_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
