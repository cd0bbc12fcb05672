/* Which requests are taken: by the measured pace, bursts and queues that stand. The clock is the
 * test's. */
#include "server/front/sp/front_pace.h"
#include "tests/unit/unit.h"

#define COST 500

/* One turn after another, each with work left: count requests of COST in each millisecond. */
static int64_t serve(struct pace *pace, int64_t at_us, int turns, size_t count, bool is_empty) {
    for (int i = 0; i < turns; i++, at_us += 1000)
        pace_observe(pace, count * COST, at_us, at_us + 1000, !is_empty, is_empty, false);
    return at_us;
}

/* Is what n requests of COST before it mean for one with this deadline? */
static bool admits(const struct pace *pace, size_t n, uint64_t deadline_us) {
    return pace_admits(pace, (n + 1) * COST, deadline_us, false, pace->is_standing);
}

static void before_anything_is_known_all_are_taken(void **state) {
    (void)state;
    const struct pace pace = {.patience_percent = 10};
    assert_true(admits(&pace, 1000000, 1));
}

/* The first request after the start may be slow for reasons of its own. */
static void a_slow_first_request_says_nothing(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 10};
    pace_observe(&pace, COST, 1000, 21000, false, true, false);
    assert_true(admits(&pace, 100, 100000));
    pace_observe(&pace, 100 * COST, 30000, 31000, false, false, false); /* more is left */
    assert_true(admits(&pace, 990, 10000));
    assert_false(admits(&pace, 1010, 10000));
}

/* 100 a millisecond: 1,000 take 10 ms. */
static void a_burst_may_use_the_deadline(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 10};
    serve(&pace, 1000, 50, 100, false);
    assert_false(pace.is_standing);
    assert_true(admits(&pace, 990, 10000));
    assert_false(admits(&pace, 1010, 10000));
    assert_true(pace_admits(&pace, 1011 * COST, 10000, true, false)); /* an idle server tries */
    assert_true(admits(&pace, 1000000, 0)); /* no deadline, and no default */
    pace.default_deadline_us = 20000;
    assert_true(admits(&pace, 1990, 0));
    assert_false(admits(&pace, 2010, 0));
}

static void a_standing_queue_may_use_a_part(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 10};
    int64_t at_us = serve(&pace, 1000, 150, 100, false);
    assert_true(pace.is_standing);
    assert_true(admits(&pace, 98, 10000));
    assert_false(admits(&pace, 102, 10000));
    /* Empty once: it was a burst. */
    at_us = serve(&pace, at_us, 1, 100, true);
    assert_true(admits(&pace, 900, 10000));
    serve(&pace, at_us, 90, 100, false);
    assert_true(admits(&pace, 900, 10000));
    at_us = serve(&pace, at_us, 120, 100, false);
    assert_false(admits(&pace, 900, 10000));
    /* Kept short by refusals, it is empty now and then: that ends nothing until they end. */
    for (int i = 0; i < 500; i++, at_us += 1000)
        pace_observe(&pace, 50 * COST, at_us, at_us + 1000, true, true, i % 50 == 0);
    assert_true(pace.is_standing);
    serve(&pace, at_us, 102, 100, true);
    assert_false(pace.is_standing);
}

/* Within a few times 50 ms, in either direction. */
static void the_pace_follows_what_happens(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 100};
    int64_t at_us = serve(&pace, 1000, 500, 100, false);
    at_us = serve(&pace, at_us, 300, 10, false); /* ten times slower */
    assert_true(admits(&pace, 95, 10000));
    assert_false(admits(&pace, 115, 10000));
    at_us = serve(&pace, at_us, 300, 100, false);
    assert_false(admits(&pace, 1010, 10000));
    assert_true(admits(&pace, 940, 10000));
    /* Turns that serve nothing, since all slots are taken, count. */
    serve(&pace, at_us, 300, 0, false);
    assert_false(admits(&pace, 100, 10000));
}

/* Without a backlog a turn may be slow for lack of work, so it only raises the pace; an estimate
 * that is far too low does not last. */
static void turns_without_backlog_only_raise_it(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 100};
    int64_t at_us = serve(&pace, 1000, 500, 100, false);
    at_us = serve(&pace, at_us, 1000, 1, true);
    assert_true(admits(&pace, 950, 10000));
    at_us = serve(&pace, at_us, 500, 0, false);
    assert_false(admits(&pace, 10, 10000));
    serve(&pace, at_us, 20, 100, true);
    assert_true(admits(&pace, 900, 10000));
}

/* Answers that wait for the disk. */
static void late_answers_count(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 100};
    serve(&pace, 1000, 500, 100, false);
    for (int i = 0; i < 200; i++)
        pace_observe_answer(&pace, 4000);
    assert_true(admits(&pace, 590, 10000));
    assert_false(admits(&pace, 610, 10000));
}

/* A disk that has stood still once: what comes in bursts brings few answers while it is refused. */
static void late_answers_are_forgotten(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 100};
    int64_t at_us = serve(&pace, 1000, 500, 100, false);
    for (int i = 0; i < 200; i++)
        pace_observe_answer(&pace, 500000);
    at_us = serve(&pace, at_us, 100, 1, true);
    assert_false(admits(&pace, 10, 100000));
    for (int i = 0; i < 5; i++, at_us += 1000000) /* ticks */
        pace_observe(&pace, 0, at_us, at_us, false, true, false);
    assert_true(admits(&pace, 10, 100000));
}

static void late_is_beyond_the_deadline(void **state) {
    (void)state;
    struct pace pace = {.patience_percent = 10};
    assert_false(pace_is_late(&pace, 10000, 10000));
    assert_true(pace_is_late(&pace, 10001, 10000));
    assert_false(pace_is_late(&pace, INT64_MAX, 0));
    assert_false(pace_is_late(&pace, -1, 1)); /* it came after the turn had begun */
    pace.default_deadline_us = 5000;
    assert_true(pace_is_late(&pace, 5001, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_is_known_all_are_taken),
        cmocka_unit_test(a_slow_first_request_says_nothing),
        cmocka_unit_test(a_burst_may_use_the_deadline),
        cmocka_unit_test(a_standing_queue_may_use_a_part),
        cmocka_unit_test(the_pace_follows_what_happens),
        cmocka_unit_test(turns_without_backlog_only_raise_it),
        cmocka_unit_test(late_answers_count),
        cmocka_unit_test(late_answers_are_forgotten),
        cmocka_unit_test(late_is_beyond_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
