/* Against sums of terms, known values of published tables, and histograms. */
#include "batch/night/night_histogram.h"
#include "batch/night/night_statistics.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

/* Σ from k to n of C(n, i) p^i (1 − p)^(n − i), each term from the one before. */
static double summed_tail(uint64_t k, uint64_t n, double p) {
    long double term = powl(1 - (long double)p, (long double)n), sum = 0;
    for (uint64_t i = 0; i <= n; i++) {
        if (i >= k)
            sum += term;
        term *= (long double)(n - i) / (long double)(i + 1) * p / (1 - (long double)p);
    }
    return (double)sum;
}

static void test_tail_is_a_sum(void **state) {
    (void)state;
    uint64_t seed = asked_seed(1);
    for (uint64_t step = 0; step < asked_steps(3000); step++) {
        uint64_t n = 1 + split_mix(&seed) % 400, k = split_mix(&seed) % (n + 2);
        double p = 0.001 + 0.998 * (double)(split_mix(&seed) >> 11) / 0x1p53;
        double got = night_binomial_tail(k, n, p), expected = summed_tail(k, n, p);
        if (fabs(got - expected) > 1e-9 * expected + 1e-13)
            fail_msg("k %lu n %lu p %g: %.15g instead of %.15g", (unsigned long)k, (unsigned long)n,
                     p, got, expected);
    }
}

/* The tail of a fair coin: 8 or more heads of 10 are 56 of 1024 outcomes. Large numbers: half of
 * the weight is above the mean, and three deviations above it is 0.00135 of the normal law. */
static void test_known_tails(void **state) {
    (void)state;
    assert_true(fabs(night_binomial_tail(8, 10, 0.5) - 56.0 / 1024) < 1e-12);
    assert_true(night_binomial_tail(0, 10, 0.1) == 1 && night_binomial_tail(11, 10, 0.1) == 0);
    double half = night_binomial_tail(50000000, 100000000, 0.5);
    assert_true(half > 0.5 && half < 0.5001);
    double far = night_binomial_tail(50015000, 100000000, 0.5);
    assert_true(fabs(far - 0.00135) < 0.00002);
    assert_true(night_binomial_tail(90000000, 100000000, 0.5) == 0);
}

/* Twice the exposure with twice the count is no change; without exposure nothing is known. */
static void test_rates(void **state) {
    (void)state;
    assert_true(night_chance_of_rise(20, 2000, 10, 1000) > 0.4);
    assert_true(night_chance_of_rise(50, 1000, 70, 7000) < 1e-10);
    assert_true(night_chance_of_fall(50, 1000, 70, 7000) > 0.99);
    assert_true(night_chance_of_fall(0, 1000, 140, 7000) < 1e-7);
    assert_true(night_chance_of_rise(5, 0, 1, 10) == 1 && night_chance_of_rise(5, 10, 1, 0) == 1);
}

/* ---- histograms ---- */

static void test_bins_are_in_order(void **state) {
    (void)state;
    uint64_t seed = asked_seed(2);
    for (uint64_t step = 0; step < asked_steps(20000); step++) {
        double a = ldexp((double)(int64_t)split_mix(&seed), (int)(split_mix(&seed) % 80) - 80);
        double b = a * (1 + (double)(split_mix(&seed) % 1000) / 1000);
        size_t at = night_histogram_bin(value_double(a)),
               other = night_histogram_bin(value_double(b));
        assert_true(at < NIGHT_BINS && other < NIGHT_BINS);
        assert_true(a < 0 ? other <= at : other >= at);
        if (fabs(b) > 1.2 * fabs(a) && fabs(a) > 0x1p-31 && fabs(b) < 0x1p62)
            assert_true(other != at);
    }
    assert_int_equal(night_histogram_bin(value_int(7)), night_histogram_bin(value_double(7)));
    assert_true(night_histogram_bin(value_bool(true)) != night_histogram_bin(value_bool(false)));
    assert_int_equal(night_histogram_bin(value_absent()), NIGHT_BINS - 1);
    assert_int_equal(night_histogram_bin(value_double(NAN)), NIGHT_BINS - 1);
    assert_true(night_histogram_bin(value_double(INFINITY)) < NIGHT_BINS - 1);
    assert_int_equal(night_histogram_bin(value_double(-INFINITY)), 0);
}

static double uniform(uint64_t *seed) {
    return (double)(split_mix(seed) >> 11) / 0x1p53;
}

/* Samples of one law have an index near the noise; another law's is far above it. */
static void test_drift(void **state) {
    (void)state;
    uint64_t seed = asked_seed(3), wrong = 0;
    struct night_histogram *all = calloc(3, sizeof *all);
    for (int round = 0; round < 200; round++) {
        memset(all, 0, 3 * sizeof *all);
        for (int i = 0; i < 7000; i++)
            all[0].counts[night_histogram_bin(value_double(-log(1 - uniform(&seed)) * 40))]++;
        for (int i = 0; i < 1000; i++) {
            all[1].counts[night_histogram_bin(value_double(-log(1 - uniform(&seed)) * 40))]++;
            all[2].counts[night_histogram_bin(value_double(-log(1 - uniform(&seed)) * 120))]++;
        }
        double same, other, noise;
        assert_true(night_histogram_compare(&all[0], &all[1], &same, &noise));
        assert_true(night_histogram_compare(&all[0], &all[2], &other, &noise));
        assert_true(other > 0.25 + 5 * noise);
        wrong += same > 5 * noise;
    }
    assert_true(wrong <= 2);
    memset(all, 0, sizeof *all);
    double index, noise;
    assert_false(night_histogram_compare(&all[0], &all[1], &index, &noise));
    free(all);
}

/* Values that are absent more often are a shift, too. */
static void test_absent(void **state) {
    (void)state;
    struct night_histogram *all = calloc(2, sizeof *all);
    double index, noise;
    all[0].counts[night_histogram_bin(value_int(1))] = 990;
    all[0].counts[NIGHT_BINS - 1] = 10;
    all[1].counts[night_histogram_bin(value_int(1))] = 500;
    all[1].counts[NIGHT_BINS - 1] = 500;
    assert_true(night_histogram_compare(&all[0], &all[1], &index, &noise));
    assert_true(index > 1);
    free(all);
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t seed = asked_seed(4);
    struct night_histogram *all = calloc(2, sizeof *all);
    struct buffer bytes;
    buffer_init(&bytes);
    for (int i = 0; i < 300; i++)
        all[0].counts[split_mix(&seed) % NIGHT_BINS] = (uint32_t)split_mix(&seed);
    night_histogram_encode(&all[0], &bytes);
    struct cursor cursor = cursor_of(bytes.bytes, bytes.length);
    night_histogram_decode(&cursor, &all[1]);
    assert_false(cursor.failed);
    assert_true(cursor.at == cursor.end);
    assert_memory_equal(&all[0], &all[1], sizeof *all);
    for (size_t length = 0; length < bytes.length; length += 7) {
        cursor = cursor_of(bytes.bytes, length);
        night_histogram_decode(&cursor, &all[1]);
        assert_true(cursor.failed);
    }
    buffer_deinit(&bytes);
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail_is_a_sum),
        cmocka_unit_test(test_known_tails),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_bins_are_in_order),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
