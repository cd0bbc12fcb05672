/* Calibration against scipy and scikit-learn (calibration_oracle.py), and what cannot be
 * calibrated. */
#include "batch/train/train_calibration.h"
#include "calibration_rows.h"
#include "core/base/check.h"
#include "core/model/model.h"
#include "tests/unit/unit.h"

#include <math.h>

static struct calibration_row *make_rows(bool probabilities) {
    struct calibration_row *rows = check_calloc(CALIBRATION_ROWS, sizeof *rows);
    uint64_t random = 3;
    for (size_t i = 0; i < CALIBRATION_ROWS; i++) {
        calibration_row_next(&random, &rows[i].from, &rows[i].weight, &rows[i].is_positive);
        if (probabilities)
            rows[i].from = model_logistic(rows[i].from);
    }
    return rows;
}

static void assert_near(double got, double expected, double most) {
    if (!(fabs(got - expected) <= most))
        fail_msg("%.17g instead of %.17g", got, expected);
}

static void platt_is_the_most_likely(void **state) {
    (void)state;
    struct calibration_row *rows = make_rows(false);
    struct error error;
    double a, b;
    assert_int_equal(train_platt(rows, CALIBRATION_ROWS, &a, &b, &error), 0);
    assert_near(a, 0.381857139039766, 1e-9);
    assert_near(b, -2.67913299717701, 1e-9);
    free(rows);
}

/* As a policy reads the points. */
static double value_at(const struct calibration_point *points, size_t count, double p) {
    if (p <= points[0].from)
        return points[0].to;
    for (size_t i = 1; i < count; i++)
        if (p <= points[i].from)
            return points[i - 1].to + (p - points[i - 1].from) /
                                          (points[i].from - points[i - 1].from) *
                                          (points[i].to - points[i - 1].to);
    return points[count - 1].to;
}

static void isotonic_is_scikit_learns(void **state) {
    (void)state;
    static const double expected[20] = {0,
                                        0,
                                        0,
                                        0,
                                        0.028169014084507,
                                        0.0286225402504472,
                                        0.0364963503649635,
                                        0.042483660130719,
                                        0.042483660130719,
                                        0.042483660130719,
                                        0.042483660130719,
                                        0.042483660130719,
                                        0.042483660130719,
                                        0.042483660130719,
                                        0.0530164533820841,
                                        0.0530164533820841,
                                        0.0756302521008403,
                                        1,
                                        1,
                                        1};
    struct calibration_row *rows = make_rows(true);
    struct calibration_point *points;
    struct error error;
    size_t count;
    assert_int_equal(train_isotonic(rows, CALIBRATION_ROWS, &points, &count, &error), 0);
    for (size_t i = 1; i < count; i++)
        assert_true(points[i].from > points[i - 1].from && points[i].to >= points[i - 1].to);
    for (size_t i = 0; i < 20; i++)
        assert_near(value_at(points, count, model_logistic((double)i / 2 - 6.25)), expected[i],
                    1e-12);
    free(points);
    free(rows);
}

/* Frauds are so placed that nothing pools: two points for each, more than may be. */
static void points_are_thinned(void **state) {
    (void)state;
    size_t groups = 9000, count, size = 0;
    struct calibration_row *rows = check_calloc(groups * 2 + 2, sizeof *rows);
    for (size_t i = 0; i < groups; i++) { /* one fraud, and ever fewer others */
        rows[size++] = (struct calibration_row){(double)i + 0.25, 1, true};
        rows[size++] = (struct calibration_row){(double)i + 0.25, (double)(2 * groups - i), false};
    }
    struct calibration_point *points;
    struct error error;
    assert_int_equal(train_isotonic(rows, size, &points, &count, &error), 0);
    assert_int_equal(count, groups);
    free(points);
    for (size_t i = 0; i < size; i++) /* now twice as many: a second point for each pool */
        rows[i].from += i % 2 == 0 ? 0 : 0.5;
    assert_int_equal(train_isotonic(rows, size, &points, &count, &error), 0);
    assert_true(count <= TRAIN_POINTS_MAX && count > TRAIN_POINTS_MAX / 4);
    assert_true(points[0].from == 0.25);
    assert_true(points[count - 1].from == (double)groups - 0.25);
    for (size_t i = 1; i < count; i++)
        assert_true(points[i].from > points[i - 1].from && points[i].to >= points[i - 1].to);
    free(points);
    free(rows);
}

static void what_cannot_be_calibrated_is_said(void **state) {
    (void)state;
    struct calibration_row rows[4] = {{1, 1, true}, {2, 1, false}, {3, 1, false}, {0.5, 1, true}};
    struct calibration_point *points;
    struct error error;
    size_t count;
    double a, b;
    assert_int_equal(train_platt(rows, 4, &a, &b, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "greater margins are not more often fraud"));
    rows[0].is_positive = rows[3].is_positive = false;
    assert_int_equal(train_platt(rows, 4, &a, &b, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "all of one kind"));
    for (size_t i = 0; i < 4; i++)
        rows[i].from = 0.5;
    assert_int_equal(train_isotonic(rows, 4, &points, &count, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "the same probability"));
    /* Equal margins tell nothing, whatever the last bits of a fit say. */
    for (size_t i = 0; i < 4; i++)
        rows[i] = (struct calibration_row){-2.75, 1, i == 0};
    assert_int_equal(train_platt(rows, 4, &a, &b, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "greater margins are not more often fraud"));
    /* The frauds have the least probabilities: one pool, and so one probability for all. */
    for (size_t i = 0; i < 4; i++)
        rows[i] = (struct calibration_row){0.2 + 0.1 * (double)i, 1, i < 2};
    assert_int_equal(train_isotonic(rows, 4, &points, &count, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "greater probabilities are not more often fraud"));
}

/* A margin that tells all frauds from the rest has no greatest likelihood but for the targets. */
static void separable_rows_give_finite_numbers(void **state) {
    (void)state;
    struct calibration_row rows[40];
    struct error error;
    double a, b;
    for (size_t i = 0; i < 40; i++)
        rows[i] = (struct calibration_row){i < 20 ? -3 - (double)i : 3 + (double)i, 1, i >= 20};
    assert_int_equal(train_platt(rows, 40, &a, &b, &error), 0);
    assert_true(isfinite(a) && a > 0 && isfinite(b));
    assert_true(model_logistic(a * 42 + b) > 0.9 && model_logistic(a * -22 + b) < 0.1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(platt_is_the_most_likely),
        cmocka_unit_test(isotonic_is_scikit_learns),
        cmocka_unit_test(points_are_thinned),
        cmocka_unit_test(what_cannot_be_calibrated_is_said),
        cmocka_unit_test(separable_rows_give_finite_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
