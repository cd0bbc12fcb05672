/* Which rows are in which part, and what is compared on the validation part: against scikit-learn
 * (calibration_oracle.py). */
#include "batch/train/train_metric.h"
#include "batch/train/train_split.h"
#include "calibration_rows.h"
#include "core/base/check.h"
#include "tests/unit/unit.h"

#include <math.h>

/* Every tenth is fraud; four rows of each event time. */
static struct train_rows make_rows(size_t count) {
    struct train_rows rows = {.count = count, .rows = check_calloc(count, sizeof *rows.rows)};
    for (size_t i = 0; i < count; i++)
        rows.rows[i] = (struct train_row){.event_time_us = (int64_t)(i / 4),
                                          .position = i + 1,
                                          .weight = 1,
                                          .is_positive = i % 10 == 3};
    return rows;
}

static void parts_follow_one_another(void **state) {
    (void)state;
    struct train_rows rows = make_rows(1001);
    struct train_split split;
    struct error error;
    assert_int_equal(train_split(&rows, 0.15, 0.25, &split, &error), 0);
    assert_int_equal(split.first[TRAIN_FIT], 0);
    assert_int_equal(split.first[TRAIN_VALIDATION], 600);
    assert_int_equal(split.first[TRAIN_CALIBRATION], 752); /* 750 would cut an event time */
    assert_int_equal(split.first[TRAIN_SLICES], 1001);
    assert_int_equal(split.positives[TRAIN_FIT], 60);
    assert_int_equal(split.positives[TRAIN_VALIDATION], 15);
    assert_int_equal(split.positives[TRAIN_CALIBRATION], 25);
    train_rows_deinit(&rows);
}

static void a_part_that_is_not_wanted_is_empty(void **state) {
    (void)state;
    struct train_rows rows = make_rows(1000);
    struct train_split split;
    struct error error;
    assert_int_equal(train_split(&rows, 0, 0.5, &split, &error), 0);
    assert_int_equal(train_split_count(&split, TRAIN_FIT), 500);
    assert_int_equal(train_split_count(&split, TRAIN_VALIDATION), 0);
    assert_int_equal(train_split_count(&split, TRAIN_CALIBRATION), 500);
    assert_int_equal(train_split(&rows, 0.5, 0, &split, &error), 0);
    assert_int_equal(train_split_count(&split, TRAIN_VALIDATION), 500);
    assert_int_equal(train_split_count(&split, TRAIN_CALIBRATION), 0);
    assert_int_equal(train_split(&rows, 0, 0, &split, &error), 0);
    assert_int_equal(train_split_count(&split, TRAIN_FIT), 1000);
    train_rows_deinit(&rows);
}

static void too_few_frauds_are_refused(void **state) {
    (void)state;
    struct train_rows rows = make_rows(1000);
    struct train_split split;
    struct error error;
    assert_int_equal(train_split(&rows, 0.05, 0.2, &split, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "5 of 48 transactions in the part for the validation"));
    for (size_t i = 800; i < 1000; i++)
        rows.rows[i].is_positive = true;
    assert_int_equal(train_split(&rows, 0.1, 0.2, &split, &error), -ERROR_NOT_FOUND);
    assert_non_null(strstr(error.text, "200 of 200 transactions in the part for the calibration"));
    train_rows_deinit(&rows);
    /* All of one event time: they cannot be split. */
    rows = make_rows(1000);
    for (size_t i = 0; i < 1000; i++)
        rows.rows[i].event_time_us = 7;
    assert_int_equal(train_split(&rows, 0.1, 0.2, &split, &error), -ERROR_NOT_FOUND);
    train_rows_deinit(&rows);
}

static void metrics_are_scikit_learns(void **state) {
    (void)state;
    static const double expected[] = {[TRAINING_AVERAGE_PRECISION] = 0.306602858518164,
                                      [TRAINING_AUC] = 0.713942451966967,
                                      [TRAINING_LOG_LOSS] = -0.483755649312975};
    struct train_row *rows = check_calloc(CALIBRATION_ROWS, sizeof *rows);
    float *margins = check_calloc(CALIBRATION_ROWS, sizeof *margins);
    uint64_t random = 3;
    for (size_t i = 0; i < CALIBRATION_ROWS; i++) {
        double margin, weight;
        calibration_row_next(&random, &margin, &weight, &rows[i].is_positive);
        margins[i] = (float)margin;
        rows[i].weight = (float)weight;
    }
    for (enum training_metric kind = TRAINING_AVERAGE_PRECISION; kind <= TRAINING_LOG_LOSS;
         kind++) {
        struct train_metric *metric = train_metric_new(kind, rows, CALIBRATION_ROWS);
        double got = train_metric_of(metric, margins);
        if (!(fabs(got - expected[kind]) <= 1e-12))
            fail_msg("metric %d: %.17g instead of %.17g", (int)kind, got, expected[kind]);
        assert_true(train_metric_of(metric, margins) == got);
        train_metric_free(metric);
    }
    free(margins);
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_follow_one_another),
        cmocka_unit_test(a_part_that_is_not_wanted_is_empty),
        cmocka_unit_test(too_few_frauds_are_refused),
        cmocka_unit_test(metrics_are_scikit_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
