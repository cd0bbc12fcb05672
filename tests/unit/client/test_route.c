/* The states of an address, as clients/README.md has them. */
#include "clients/c/delivery/route.h"
#include "tests/unit/unit.h"

#define SECOND_US 1000000

static void ejected_after_failures_in_a_row(void **state) {
    (void)state;
    struct route route = {.connected = true};
    assert_false(route_failed(&route, 3, 0, 0.5));
    assert_false(route_failed(&route, 3, 0, 0.5));
    route_succeeded(&route);
    assert_false(route_failed(&route, 3, 0, 0.5));
    assert_false(route_failed(&route, 3, 0, 0.5));
    assert_true(route_is_up(&route));
    assert_true(route_failed(&route, 3, 0, 0.5));
    assert_false(route_is_up(&route));
    /* What fails there from now on changes nothing. */
    for (int i = 0; i < 10; i++)
        assert_false(route_failed(&route, 3, 99 * SECOND_US, 0.5));
    assert_int_equal(route_probe_at(&route), SECOND_US);
}

static void longer_each_time(void **state) {
    (void)state;
    static const int64_t seconds[] = {1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30, 30};
    struct route route = {.connected = true};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        if (i == 0) {
            assert_true(route_failed(&route, 1, 0, 0.5));
        } else {
            route.probing = true;
            assert_true(route_probe_failed(&route, 0, 0.5));
        }
        assert_int_equal(route_probe_at(&route), seconds[i] * SECOND_US);
    }
    route_succeeded(&route);
    assert_true(route_is_up(&route));
    assert_true(route_failed(&route, 1, 0, 0.5));
    assert_int_equal(route_probe_at(&route), SECOND_US);
}

static void with_jitter(void **state) {
    (void)state;
    struct route early = {.connected = true}, late = {.connected = true};
    assert_true(route_failed(&early, 1, 0, 0.0));
    assert_true(route_failed(&late, 1, 0, 0.999999));
    assert_in_range(route_probe_at(&early), 799999, 800001);
    assert_in_range(route_probe_at(&late), 1199990, 1200001);
}

static void probed_only_when_it_is_time(void **state) {
    (void)state;
    struct route route = {.connected = true};
    assert_int_equal(route_probe_at(&route), INT64_MAX);
    assert_true(route_failed(&route, 1, 0, 0.5));
    route.connected = false;
    assert_int_equal(route_probe_at(&route), INT64_MAX); /* not connected: nothing to probe */
    route.connected = true;
    route.probing = true;
    assert_int_equal(route_probe_at(&route), INT64_MAX); /* one is under way */
    route_succeeded(&route);                             /* a call was answered meanwhile … */
    assert_false(route_probe_failed(&route, 0, 0.5));    /* … so this says nothing */
    assert_true(route_is_up(&route));
}

/* A mark is about who decides, not about who is well: neither changes the other. */
static void a_standby_is_up(void **state) {
    (void)state;
    struct route route = {.connected = true};
    assert_true(route_may_decide(&route));
    route.standby = true;
    assert_false(route_may_decide(&route));
    assert_true(route_is_up(&route));
    route_succeeded(&route);
    assert_true(route.standby);
    assert_true(route_failed(&route, 1, 0, 0.5));
    assert_true(route.standby);
    route.standby = false;
    assert_false(route_may_decide(&route)); /* ejected all the same */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ejected_after_failures_in_a_row),
        cmocka_unit_test(longer_each_time),
        cmocka_unit_test(with_jitter),
        cmocka_unit_test(probed_only_when_it_is_time),
        cmocka_unit_test(a_standby_is_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
