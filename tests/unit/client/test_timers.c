/* The heap of timers, against an array that is searched. */
#include "clients/c/base/timers.h"
#include "tests/unit/unit.h"

#include <stdbool.h>

enum { COUNT = 200, STEPS = 20000 };

static uint32_t next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static int64_t earliest(const struct timer timers[COUNT], const bool set[COUNT]) {
    int64_t at_us = INT64_MAX;
    for (size_t i = 0; i < COUNT; i++)
        if (set[i] && timers[i].at_us < at_us)
            at_us = timers[i].at_us;
    return at_us;
}

static void in_any_order(void **state) {
    (void)state;
    struct timers heap = {0};
    struct timer timers[COUNT] = {{0}};
    bool set[COUNT] = {false};
    uint32_t seed = 1;
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = next(&seed) % COUNT;
        uint32_t what = next(&seed) % 4;
        struct timer *first = timers_first(&heap);
        if (what == 0 && first) { /* the first fires */
            set[first - timers] = false;
            timers_clear(&heap, first);
        } else if (what == 1) {
            set[i] = false;
            timers_clear(&heap, &timers[i]); /* or was not set */
        } else {
            set[i] = true;
            timers_set(&heap, &timers[i], next(&seed) % 50); /* many at once */
        }
        first = timers_first(&heap);
        assert_true((first ? first->at_us : INT64_MAX) == earliest(timers, set));
        for (size_t j = 0; j < COUNT; j += 37)
            assert_true((timers[j].place != 0) == set[j]);
    }
    timers_deinit(&heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_any_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
