/* The queue of background jobs, by itself. */
#include "server/base/jobs.h"
#include "tests/unit/unit.h"

static void asking_twice_is_asking_once(void **state) {
    (void)state;
    struct jobs jobs;
    jobs_init(&jobs);
    jobs_ask(&jobs, JOB_RELOAD);
    jobs_ask(&jobs, JOB_SPARE);
    jobs_ask(&jobs, JOB_RELOAD);
    assert_int_equal(jobs_take(&jobs), JOB_RELOAD | JOB_SPARE);
    jobs_ask(&jobs, JOB_START);
    assert_int_equal(jobs_take(&jobs), JOB_START);
    jobs_deinit(&jobs);
}

static void *take(void *user) {
    return (void *)(uintptr_t)jobs_take(user);
}

static void closing_wakes_the_thread(void **state) {
    (void)state;
    struct jobs jobs;
    pthread_t thread;
    void *taken = &jobs;
    jobs_init(&jobs);
    assert_int_equal(pthread_create(&thread, NULL, take, &jobs), 0);
    jobs_close(&jobs);
    assert_int_equal(pthread_join(thread, &taken), 0);
    assert_null(taken);
    jobs_ask(&jobs, JOB_RECOVER); /* too late: it is not run any more */
    assert_int_equal(jobs_take(&jobs), 0);
    jobs_deinit(&jobs);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(asking_twice_is_asking_once),
                                       cmocka_unit_test(closing_wakes_the_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
