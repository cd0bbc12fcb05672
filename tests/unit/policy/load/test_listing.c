/* A policy whose folders cannot be listed to their ends is refused: it might lack a rule. Linked
 * with -Wl,--wrap=readdir64. */
#include "core/policy/load/snapshot.h"

#include "core/base/buffer.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>

static const char *policy;
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

static int load(unsigned fails, bool *ret_has_failed, struct error *ret_error) {
    struct snapshot *snapshot;
    struct buffer messages;
    buffer_init(&messages);
    until_failure = fails;
    int r = snapshot_load_folder(policy, &snapshot, &messages, ret_error);
    *ret_has_failed = until_failure == 0;
    until_failure = 0;
    if (r == 0)
        snapshot_unref(snapshot);
    buffer_deinit(&messages);
    return r;
}

static void a_failing_listing_refuses_the_policy(void **state) {
    struct error error;
    bool has_failed = true;
    unsigned fails = 1;
    (void)state;
    for (; has_failed; fails++) {
        int r = load(fails, &has_failed, &error);
        assert_int_equal(r, has_failed ? -ERROR_SYSTEM : 0);
    }
    assert_true(fails > 10);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_failing_listing_refuses_the_policy)};
    assert_int_equal(argc, 2);
    policy = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
