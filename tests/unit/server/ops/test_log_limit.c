/* The limit on log lines that clients can cause. */
#include "server/ops/log_limit.h"
#include "tests/unit/unit.h"

#define SECOND_US INT64_C(1000000)

static void lines_beyond_the_limit_are_counted(void **state) {
    (void)state;
    struct log_limit limit;
    uint64_t dropped = 99;
    log_limit_init(&limit);
    for (int i = 0; i < LOG_LIMIT_LINES; i++) {
        assert_true(log_limit_admit(&limit, 5 * SECOND_US + i, &dropped));
        assert_int_equal(dropped, 0);
    }
    for (int i = 0; i < 3; i++)
        assert_false(log_limit_admit(&limit, 6 * SECOND_US - 1, &dropped));
    /* The next second's first line reports them, and only that one. */
    assert_true(log_limit_admit(&limit, 6 * SECOND_US, &dropped));
    assert_int_equal(dropped, 3);
    assert_true(log_limit_admit(&limit, 6 * SECOND_US, &dropped));
    assert_int_equal(dropped, 0);
    log_limit_deinit(&limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_beyond_the_limit_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
