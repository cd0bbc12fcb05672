/* The burst score on histories of which it is known. */
#include "core/feature/read/burst.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

#define HOUR (3600 * SECOND)
#define DAY  (24 * HOUR)

struct history {
    const char *name;
    int64_t in_tick, in_window;
    double age_hours; /* of the first */
    double expected;
};

/* A tick of an hour, a window of 30 days. */
static const struct history histories[] = {
    {"nothing", 0, 0, 0, 0},
    {"the first one", 1, 1, 0, 0},
    {"ten at once, nothing before", 10, 10, 0, 0},
    {"two, half an hour apart", 2, 2, 0.5, 1},               /* (2·1.5 − 2)² / (2·0.5) */
    {"two, two hours apart", 1, 2, 2, 0.25},                 /* (3 − 2)² / (2·2) */
    {"one nine hours ago, nine now", 9, 10, 9, 6400.0 / 90}, /* (90 − 10)² / (10·9) */
    {"one an hour for ten hours", 1, 10, 9, 0},
    {"quieter than usual", 1, 1000, 100, 0},
    {"nearly 30 days ago, and now", 1, 2, 719.5, 718.0 * 718 / 1438}, /* (720 − 2)² / (2·719) */
    {"older than the window, in a tile at its edge", 1, 2, 725, 718.0 * 718 / 1438},
};

static void histories_have_the_score_that_is_known(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
        const struct history *h = &histories[i];
        double got = burst_surprise(h->in_tick, h->in_window,
                                    (uint64_t)(h->age_hours * (double)HOUR), HOUR, 30 * DAY);
        if (fabs(got - h->expected) > 1e-12 * h->expected)
            fail_msg("%s: %.17g, expected %.17g", h->name, got, h->expected);
    }
}

/* MIDAS's own formula, where whole ticks have passed: (a − s/t)² · t² / (s · (t − 1)). */
static void whole_ticks_give_the_score_of_midas(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    for (int64_t left = chance_steps(100000); left > 0; left--) {
        int64_t t = 2 + chance_below(&chance, 10000), a = 1 + chance_below(&chance, 1000);
        int64_t s = a + chance_below(&chance, a * (t - 1) + 1);
        double mean = (double)s / (double)t, off = (double)a - mean;
        double midas = off * off * (double)t * (double)t / ((double)s * (double)(t - 1));
        double got = burst_surprise(a, s, (uint64_t)((t - 1) * SECOND), SECOND, t * SECOND);
        assert_true(fabs(got - midas) <= 1e-9 * midas + 1e-9);
    }
}

/* The square has more than 128 bits. */
static void the_greatest_counts_neither_overflow_nor_lose_digits(void **unused) {
    (void)unused;
    int64_t a = INT64_C(1) << 32, window_us = PLAN_WINDOW_US_MAX;
    double got = burst_surprise(a, a, (uint64_t)window_us, SECOND, window_us);
    /* a = s: a · (t − 1) */
    assert_true(got == (double)a * ((double)window_us / (double)SECOND - 1));
    assert_true(burst_surprise(INT64_MAX, INT64_MAX, 1, 1, window_us) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_have_the_score_that_is_known),
        cmocka_unit_test(whole_ticks_give_the_score_of_midas),
        cmocka_unit_test(the_greatest_counts_neither_overflow_nor_lose_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
