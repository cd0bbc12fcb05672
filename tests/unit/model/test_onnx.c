/* Models of tests/golden/models/onnx_* beside what onnxruntime made of the same rows: sums of trees
 * bit for bit, sums of products closely. And files that are none: changed by a byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/check.h"
#include "core/model/contributions.h"
#include "core/model/model.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/model/golden.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS  6
#define COLUMNS 32
#define ROWS    40

static const struct {
    const char *name;
    size_t outputs, trees;
    enum forest_link link;
    bool has_covers;
} models[] = {
    {"onnx_boosting", 1, 6, FOREST_LINK_LOGISTIC, false},
    {"onnx_forest", 3, 12, FOREST_LINK_PROBABILITY, false},
    {"onnx_logistic", 1, 0, FOREST_LINK_LOGISTIC, true},
    {"onnx_linear", 1, 0, FOREST_LINK_IDENTITY, true},
    {"onnx_lightgbm", 1, 6, FOREST_LINK_LOGISTIC, false},
    {"onnx_xgboost", 3, 9, FOREST_LINK_SOFTMAX, false},
    {"onnx_catboost", 1, 6, FOREST_LINK_LOGISTIC, false},
    {"onnx_covers", 1, 6, FOREST_LINK_LOGISTIC, true},
    {"onnx_branches", 1, 12, FOREST_LINK_IDENTITY, false},
    {"onnx_sums", 3, 0, FOREST_LINK_ONE_VERSUS_ALL, false},
    {"onnx_pair", 1, 3, FOREST_LINK_LOGISTIC, true},
};
#define MODELS (sizeof models / sizeof *models)

/* Rows of numbers with commas; an empty cell is NaN. Returns the cells of a row. */
static size_t read_rows(const char *name, double rows[ROWS][COLUMNS]) {
    struct text file = read_golden(name, "csv");
    const char *at = file.data;
    size_t columns = 0;
    for (size_t row = 0; row < ROWS; row++) {
        for (columns = 0;; columns++) {
            char *end = (char *)(uintptr_t)at;
            assert_true(columns < COLUMNS);
            rows[row][columns] = *at == ',' || *at == '\n' ? NAN : strtod(at, &end);
            at = end + 1;
            if (*end == '\n')
                break;
            assert_int_equal(*end, ',');
        }
        columns++;
    }
    assert_int_equal(*at, '\0');
    drop(file);
    return columns;
}

static struct model *load(const char *name, struct arena *arena) {
    struct text file = read_golden(name, "onnx");
    struct error error;
    struct model *model = NULL;
    arena_init(arena, SIZE_MAX / 4);
    if (model_read(MODEL_ONNX, file, arena, &model, &error) < 0)
        fail_msg("%s: %s", name, error.text);
    drop(file);
    return model;
}

/* ---- as onnxruntime ---- */

static void check_contributions(const struct model *model, const double *row, double margin,
                                const double *theirs, double *scratch) {
    double contributions[INPUTS + 1], sum = 0;
    contributions_of_row(model, row, 0, scratch, contributions);
    for (size_t k = 0; k <= INPUTS; k++) {
        sum += contributions[k];
        if (theirs && fabs(contributions[k] - theirs[k]) > 2e-5)
            fail_msg("contribution %zu is %.9g; expected %.9g", k, contributions[k], theirs[k]);
    }
    assert_true(fabs(sum - margin) <= 1e-5 * fmax(1, fabs(margin)));
}

static void check_row(size_t i, const struct model *model, const double *row,
                      const double *expected, size_t columns, double *scratch) {
    double margins[MODEL_OUTPUTS_MAX];
    size_t outputs = models[i].outputs;
    model_margins(model, row, scratch, margins);
    for (size_t k = 0; k < outputs; k++) {
        double off = fabs(margins[k] - expected[k]);
        if (!(off <= (models[i].trees > 0 ? 0 : 1e-6 * fmax(1, fabs(margins[k])))))
            fail_msg("%s: margin %.17g; expected %.17g", models[i].name, margins[k], expected[k]);
    }
    double margin = margins[0];
    model_predict(model, margins);
    for (size_t k = 0; k < outputs; k++)
        assert_true(fabs(margins[k] - expected[outputs + k]) <=
                    (models[i].trees > 0 ? 2e-7 : 1e-6) * fmax(1, fabs(margins[k])));
    if (models[i].has_covers)
        check_contributions(model, row, margin,
                            columns > 2 * outputs ? &expected[2 * outputs] : NULL, scratch);
}

static void models_are_as_onnxruntime(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS], expected[ROWS][COLUMNS];
    assert_int_equal(read_rows("rows", rows), INPUTS);
    for (size_t i = 0; i < MODELS; i++) {
        struct arena arena;
        struct model *model = load(models[i].name, &arena);
        const struct model_shape *shape = model_shape(model);
        assert_int_equal(shape->input_count, INPUTS);
        assert_int_equal(shape->output_count, models[i].outputs);
        assert_int_equal(shape->tree_count, models[i].trees);
        assert_int_equal(shape->link, models[i].link);
        assert_int_equal(shape->has_covers, models[i].has_covers);
        assert_int_equal(shape->is_linear, models[i].trees == 0);
        size_t columns = read_rows(models[i].name, expected);
        double *scratch = check_calloc(contributions_scratch(model), sizeof *scratch);
        for (size_t row = 0; row < ROWS; row++)
            check_row(i, model, rows[row], expected[row], columns, scratch);
        free(scratch);
        arena_deinit(&arena);
    }
}

/* A chain of == takes whole numbers alone; what is between two of them is like no category. */
static void categories_are_whole_numbers(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS];
    struct arena arena;
    struct model *model = load("onnx_pair", &arena);
    double *scratch = check_calloc(model_shape(model)->column_count, sizeof *scratch);
    size_t others = 0;
    read_rows("rows", rows);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t code = 0; code < 40; code++) {
            double between, none, whole;
            rows[row][5] = (double)code + 0.5;
            model_margins(model, rows[row], scratch, &between);
            rows[row][5] = -1;
            model_margins(model, rows[row], scratch, &none);
            rows[row][5] = (double)code;
            model_margins(model, rows[row], scratch, &whole);
            assert_true(between == none);
            others += whole != none;
        }
    assert_int_equal(others, 3 * ROWS);
    free(scratch);
    arena_deinit(&arena);
}

/* Known by hand, as the latency budget is counted of them. */
static void steps_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t steps;
    } counted[] = {
        {"onnx_linear", 6 * (1 + 1 + 2) + 6}, /* float, Imputer, Scaler; products */
        {"onnx_sums",
         6 * (1 + 1 + 2 + 3) + 3 * 6 + 3 * (4 + 1)}, /* four finish the sums, then shares */
    };
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        struct arena arena;
        struct model *model = load(counted[i].name, &arena);
        if (model_shape(model)->steps != counted[i].steps)
            fail_msg("%s: %zu steps; expected %zu", counted[i].name, model_shape(model)->steps,
                     counted[i].steps);
        arena_deinit(&arena);
    }
}

static void inputs_have_names(void **state) {
    (void)state;
    static const char *const own[INPUTS] = {"amount", "count",   "ratio",
                                            "hour",   "channel", "country"};
    struct arena arena;
    struct model *model = load("onnx_linear", &arena); /* a tensor for each */
    for (size_t i = 0; i < INPUTS; i++)
        assert_true(text_is(model_shape(model)->inputs[i], own[i]));
    arena_deinit(&arena);
    model = load("onnx_boosting", &arena); /* one tensor of all */
    struct text names[INPUTS];
    for (size_t i = 0; i < INPUTS; i++) {
        char name[8];
        snprintf(name, sizeof name, "f%zu", i);
        assert_true(text_is(model_shape(model)->inputs[i], name));
        names[i] = text_of(own[i]);
    }
    model_name_inputs(model, names);
    assert_true(text_is(model_shape(model)->inputs[5], "country"));
    arena_deinit(&arena);
}

/* Of every size, and with the ends of what numbers are. */
static void batches_are_as_single_rows(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS], inputs[MODEL_ROWS_MAX * INPUTS];
    static const double edges[] = {HUGE_VAL,        -HUGE_VAL, DBL_MAX, -DBL_MAX,
                                   (double)FLT_MAX, 1e300,     -1e300,  0x1p-1074,
                                   1e-40,           -0.0,      NAN,     -NAN};
    read_rows("rows", rows);
    for (size_t k = 0; k < MODEL_ROWS_MAX * INPUTS; k++)
        inputs[k] = k % 11 == 0 ? edges[k / 11 % (sizeof edges / sizeof *edges)]
                                : rows[(k / INPUTS * 7) % ROWS][k % INPUTS];
    for (size_t i = 0; i < MODELS; i++) {
        struct arena arena;
        struct model *model = load(models[i].name, &arena);
        size_t outputs = models[i].outputs;
        struct model_batch *batch = model_batch_new(model);
        double *scratch = check_calloc(model_shape(model)->column_count, sizeof *scratch);
        double margins[MODEL_ROWS_MAX * 3], single[3];
        for (size_t count = 1; count <= MODEL_ROWS_MAX; count += 7) {
            model_margins_of_rows(model, batch, inputs, count, margins);
            for (size_t k = 0; k < count; k++) {
                model_margins(model, &inputs[k * INPUTS], scratch, single);
                assert_memory_equal(single, &margins[k * outputs], outputs * sizeof *single);
            }
        }
        model_batch_free(batch);
        free(scratch);
        arena_deinit(&arena);
    }
}

/* What a linear model needs and does not get. */
static void sums_with_missing_products_are_nan(void **state) {
    (void)state;
    struct arena arena;
    struct model *model = load("onnx_logistic", &arena); /* has an Imputer */
    double row[INPUTS] = {NAN, 1, 1, 1, 1, 1}, huge[INPUTS] = {1e300, 1, 1, 1, 1, 1}, margin;
    double *scratch = check_calloc(contributions_scratch(model), sizeof *scratch);
    model_margins(model, row, scratch, &margin);
    assert_true(isfinite(margin));
    model_margins(model, huge, scratch, &margin); /* beyond floats */
    assert_false(isfinite(margin));
    free(scratch);
    arena_deinit(&arena);
}

/* Where nothing but the mean is known of an input, the Imputer puts it in: so what an input
 * contributes is what the margin loses when it goes missing. */
static void contributions_of_linear_models_are_differences(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS];
    static const char *const names[] = {"onnx_logistic", "onnx_linear"};
    read_rows("rows", rows);
    for (size_t i = 0; i < 2; i++) {
        struct arena arena;
        struct model *model = load(names[i], &arena);
        double *scratch = check_calloc(contributions_scratch(model), sizeof *scratch);
        for (size_t row = 0; row < ROWS; row++) {
            double contributions[INPUTS + 1], with, without;
            contributions_of_row(model, rows[row], 0, scratch, contributions);
            model_margins(model, rows[row], scratch, &with);
            for (size_t k = 0; k < INPUTS; k++) {
                double other[INPUTS];
                memcpy(other, rows[row], sizeof other);
                other[k] = NAN;
                model_margins(model, other, scratch, &without);
                assert_true(fabs(contributions[k] - (with - without)) <=
                            1e-5 * fmax(1, fabs(with)));
            }
        }
        free(scratch);
        arena_deinit(&arena);
    }
}

/* ---- unfit files ---- */

static void damaged_files_are_refused_or_evaluated(void **state) {
    (void)state;
    uint64_t random = asked_seed(7), steps = asked_steps(400);
    for (size_t i = 0; i < MODELS; i++) {
        struct text file = read_golden(models[i].name, "onnx");
        for (uint64_t step = 0; step < steps; step++) {
            size_t length = step % 4 == 0 ? split_mix(&random) % file.length : file.length;
            char *bytes = check_malloc(length + 1); /* its exact size, for AddressSanitizer */
            memcpy(bytes, file.data, length);
            for (uint64_t k = 0; k < step % 4 && length > 0; k++)
                bytes[split_mix(&random) % length] = (char)split_mix(&random);
            struct arena arena;
            struct error error;
            struct model *model;
            arena_init(&arena, SIZE_MAX / 4);
            if (model_read(MODEL_ONNX, (struct text){.data = bytes, .length = length}, &arena,
                           &model, &error) < 0) {
                assert_true(error.text[0] != '\0' && !strchr(error.text, '\n'));
            } else {
                const struct model_shape *shape = model_shape(model);
                double *inputs = check_calloc(shape->input_count, sizeof *inputs);
                double *scratch = check_calloc(contributions_scratch(model) + 1, sizeof *scratch);
                double margins[MODEL_OUTPUTS_MAX];
                for (size_t k = 0; k < shape->input_count; k++)
                    inputs[k] = k % 3 == 0 ? NAN : (double)k;
                model_margins(model, inputs, scratch, margins);
                free(inputs);
                free(scratch);
            }
            arena_deinit(&arena);
            free(bytes);
        }
        drop(file);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_as_onnxruntime),
        cmocka_unit_test(categories_are_whole_numbers),
        cmocka_unit_test(steps_are_counted),
        cmocka_unit_test(inputs_have_names),
        cmocka_unit_test(batches_are_as_single_rows),
        cmocka_unit_test(sums_with_missing_products_are_nan),
        cmocka_unit_test(contributions_of_linear_models_are_differences),
        cmocka_unit_test(damaged_files_are_refused_or_evaluated),
    };
    if (argc != 2)
        return 64;
    golden = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
