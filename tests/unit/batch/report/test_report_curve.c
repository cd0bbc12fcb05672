/* Shares and curves against numbers worked out by hand, and against pairs counted one by one. */
#include "batch/report/report_curve.h"
#include "tests/unit/unit.h"

#include <math.h>

static void assert_near(double got, double expected) {
    if (fabs(got - expected) > 1e-12)
        fail_msg("%.17g instead of %.17g", got, expected);
}

/* R: binom::binom.confint(7, 50, methods = "wilson"): 0.06949, 0.26186. */
static void test_share(void **state) {
    (void)state;
    struct report_share share = report_share(7, 50);
    assert_true(share.is_known);
    assert_near(share.value, 0.14);
    assert_true(fabs(share.low - 0.06949) < 5e-5);
    assert_true(fabs(share.high - 0.26186) < 5e-5);
}

static void test_share_at_the_ends(void **state) {
    (void)state;
    assert_false(report_share(0, 0).is_known);
    struct report_share none = report_share(0, 10), all = report_share(10, 10);
    assert_true(none.value == 0 && none.low == 0);
    assert_true(all.value == 1 && all.high == 1);
    /* z² / (n + z²) and n / (n + z²): both formulas come to that at the ends. */
    double z2 = REPORT_Z * REPORT_Z;
    assert_near(none.high, z2 / (10 + z2));
    assert_near(all.low, 10 / (10 + z2));
}

/* Newcombe 1998, table II, method 10: 56/70 − 48/80 and 9/10 − 3/10. */
static void test_difference(void **state) {
    (void)state;
    struct report_share more = report_difference(report_share(48, 80), report_share(56, 70));
    assert_true(more.is_known);
    assert_near(more.value, 56 / 70.0 - 48 / 80.0);
    assert_true(fabs(more.low - 0.0524) < 5e-5);
    assert_true(fabs(more.high - 0.3339) < 5e-5);
    struct report_share few = report_difference(report_share(3, 10), report_share(9, 10));
    assert_true(fabs(few.low - 0.1705) < 5e-5);
    assert_true(fabs(few.high - 0.8090) < 5e-5);
    assert_false(report_difference(report_share(0, 0), report_share(1, 2)).is_known);
}

/* Positives at 900, 500, 500; negatives at 500, 100, 0, 0. */
static struct report_scores seven_rows(void) {
    struct report_scores scores = {0};
    scores.positive[900] = 1;
    scores.positive[500] = 2;
    scores.negative[500] = 1;
    scores.negative[100] = 1;
    scores.negative[0] = 2;
    return scores;
}

/* Of 3 × 4 pairs, 900 wins 4 and each 500 wins 3 and ties 1: (4 + 3.5 + 3.5) / 12. */
static void test_auc_with_ties(void **state) {
    (void)state;
    struct report_scores scores = seven_rows();
    double auc;
    assert_true(report_auc(&scores, &auc));
    assert_near(auc, 11.0 / 12);
}

/* 900 brings 1/3 of recall at precision 1, 500 brings 2/3 at 3 of 4. */
static void test_average_precision_with_ties(void **state) {
    (void)state;
    struct report_scores scores = seven_rows();
    double precision;
    assert_true(report_average_precision(&scores, &precision));
    assert_near(precision, 1.0 / 3 + 2.0 / 3 * 3 / 4);
}

static void test_points(void **state) {
    (void)state;
    struct report_scores scores = seven_rows();
    static struct report_point points[REPORT_SCORES];
    static const struct report_point expected[] = {
        {900, 1, 0}, {500, 3, 1}, {100, 3, 2}, {0, 3, 4}};
    assert_int_equal(report_points(&scores, points), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(points[i].score, expected[i].score);
        assert_int_equal(points[i].positive, expected[i].positive);
        assert_int_equal(points[i].negative, expected[i].negative);
    }
}

static void test_one_class_only(void **state) {
    (void)state;
    struct report_scores none = {0}, positives = {0}, negatives = {0};
    static struct report_point points[REPORT_SCORES];
    double value = -1;
    positives.positive[3] = 5;
    negatives.negative[3] = 5;
    assert_false(report_auc(&none, &value));
    assert_false(report_auc(&positives, &value));
    assert_false(report_auc(&negatives, &value));
    assert_false(report_average_precision(&none, &value));
    assert_false(report_average_precision(&negatives, &value));
    assert_true(value == -1);
    assert_true(report_average_precision(&positives, &value));
    assert_near(value, 1);
    assert_int_equal(report_points(&none, points), 0);
}

/* Every row has the same score: nothing is told apart. */
static void test_all_tied(void **state) {
    (void)state;
    struct report_scores scores = {0};
    double value;
    scores.positive[1000] = 3;
    scores.negative[1000] = 7;
    assert_true(report_auc(&scores, &value));
    assert_near(value, 0.5);
    assert_true(report_average_precision(&scores, &value));
    assert_near(value, 0.3);
}

/* More pairs than 64 bits count. */
static void test_many_rows(void **state) {
    (void)state;
    struct report_scores scores = {0};
    double auc;
    scores.positive[600] = UINT64_C(10000000000);
    scores.negative[600] = UINT64_C(10000000000);
    scores.negative[0] = UINT64_C(10000000000);
    assert_true(report_auc(&scores, &auc));
    assert_near(auc, 0.75);
}

/* Pairs, one by one. */
static double auc_of_pairs(const unsigned *scores, const bool *positive, size_t count) {
    double won = 0, pairs = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (positive[i] && !positive[j]) {
                pairs++;
                won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
            }
    return won / pairs;
}

static void test_auc_is_a_share_of_pairs(void **state) {
    (void)state;
    uint64_t dice = 1;
    for (int round = 0; round < 50; round++) {
        unsigned scores[60];
        bool positive[60];
        struct report_scores histogram = {0};
        double auc;
        for (size_t i = 0; i < 60; i++) {
            dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            positive[i] = i % 7 == 0;
            scores[i] = (unsigned)(dice >> 33) % 13 * 80 + (positive[i] ? 20 : 0);
            (positive[i] ? histogram.positive : histogram.negative)[scores[i]]++;
        }
        assert_true(report_auc(&histogram, &auc));
        assert_near(auc, auc_of_pairs(scores, positive, 60));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_at_the_ends),
        cmocka_unit_test(test_difference),
        cmocka_unit_test(test_auc_with_ties),
        cmocka_unit_test(test_average_precision_with_ties),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_one_class_only),
        cmocka_unit_test(test_all_tied),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_auc_is_a_share_of_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
