/* Against the naive model: all values, sorted. */
#include "clients/cli/score/histogram.h"
#include "tests/unit/unit.h"

#include <math.h>

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static uint64_t exact_percentile(const uint64_t *sorted, size_t count, double share) {
    size_t rank = (size_t)ceil(share * (double)count);
    return sorted[rank ? rank - 1 : 0];
}

static void empty_and_small(void **state) {
    (void)state;
    static struct histogram histogram;
    assert_int_equal(histogram_percentile(&histogram, 0.5), 0);
    for (uint64_t i = 1; i <= 10; i++)
        histogram_add(&histogram, i);
    assert_int_equal(histogram_percentile(&histogram, 0.5), 5);
    assert_int_equal(histogram_percentile(&histogram, 0.9), 9);
    assert_int_equal(histogram_percentile(&histogram, 0.99), 10);
    assert_int_equal(histogram_percentile(&histogram, 0), 1);
    assert_int_equal(histogram.max, 10);
}

static void extremes(void **state) {
    (void)state;
    static struct histogram histogram;
    histogram_add(&histogram, UINT64_MAX);
    histogram_add(&histogram, 0);
    assert_int_equal(histogram_percentile(&histogram, 1), UINT64_MAX);
    assert_int_equal(histogram_percentile(&histogram, 0.5), 0);
}

static void near_the_exact_percentile(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static struct histogram histogram;
    static uint64_t values[COUNT];
    uint64_t seed = 12345;
    for (size_t i = 0; i < COUNT; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        values[i] = seed >> (20 + (seed >> 59)); /* from a few to 2^44 */
        histogram_add(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof *values, compare);
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t exact = exact_percentile(values, COUNT, percent / 100.0);
        uint64_t got = histogram_percentile(&histogram, percent / 100.0);
        assert_true(got >= exact);
        assert_true(got - exact <= exact / 16);
    }
    assert_int_equal(histogram.max, values[COUNT - 1]);
    assert_int_equal(histogram.count, COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_and_small),
        cmocka_unit_test(extremes),
        cmocka_unit_test(near_the_exact_percentile),
    };
    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
