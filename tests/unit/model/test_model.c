/* Models of tests/golden/models beside what XGBoost and LightGBM made of the same rows: margins bit
 * for bit, predictions and contributions closely. And files that are none: with a byte changed or
 * the end cut off, each is refused with a message or gives a model that can be evaluated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/model/contributions.h"
#include "core/model/elementary.h"
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
#define COLUMNS 32 /* of a file of expectations, at most */
#define ROWS    40

static const struct {
    const char *name, *suffix;
    enum model_format format;
    double near; /* contributions, of the greatest one; XGBoost computes them as floats */
} models[] = {
    {"xgboost", "json", MODEL_XGBOOST_JSON, 2e-6},
    {"xgboost_ubj", "ubj", MODEL_XGBOOST_UBJ, 2e-6},
    {"xgboost_categories", "ubj", MODEL_XGBOOST_UBJ, 2e-6},
    {"xgboost_classes", "ubj", MODEL_XGBOOST_UBJ, 2e-6},
    {"xgboost_gamma", "ubj", MODEL_XGBOOST_UBJ, 2e-6},
    {"lightgbm", "txt", MODEL_LIGHTGBM, 1e-12},
    {"lightgbm_categories", "txt", MODEL_LIGHTGBM, 1e-12},
    {"lightgbm_zeros", "txt", MODEL_LIGHTGBM, 1e-12},
    {"lightgbm_classes", "txt", MODEL_LIGHTGBM, 1e-12},
    {"lightgbm_regression", "txt", MODEL_LIGHTGBM, 1e-12},
    {"xgboost_raw", "json", MODEL_XGBOOST_JSON, 2e-6},
    {"xgboost_rare", "json", MODEL_XGBOOST_JSON, 2e-6},
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

static struct model *load(size_t i, struct arena *arena) {
    struct text file = read_golden(models[i].name, models[i].suffix);
    struct error error;
    struct model *model = NULL;
    arena_init(arena, SIZE_MAX / 4);
    if (model_read(models[i].format, file, arena, &model, &error) < 0)
        fail_msg("%s: %s", models[i].name, error.text);
    drop(file);
    return model;
}

static void check_row(size_t i, const struct model *model, const double *row,
                      const double *expected, double *scratch) {
    double margins[MODEL_OUTPUTS_MAX];
    size_t outputs = model_shape(model)->output_count;
    bool is_float = models[i].format != MODEL_LIGHTGBM;
    model_margins(model, row, scratch, margins);
    for (size_t k = 0; k < outputs; k++) {
        double theirs = is_float ? (double)(float)expected[k] : expected[k];
        if (margins[k] != theirs)
            fail_msg("%s: margin %.17g; expected %.17g", models[i].name, margins[k], theirs);
    }
    if (model_shape(model)->link != FOREST_LINK_NONE)
        model_predict(model, margins);
    for (size_t k = 0; k < outputs; k++)
        assert_true(fabs(margins[k] - expected[outputs + k]) <=
                    (is_float ? 2e-7 : 1e-14) * fmax(1, fabs(margins[k])));
    for (size_t k = 0; k < outputs; k++) {
        double contributions[INPUTS + 1];
        const double *theirs = &expected[2 * outputs + k * (INPUTS + 1)];
        contributions_of_row(model, row, k, scratch, contributions);
        double sum = 0;
        for (size_t c = 0; c <= INPUTS; c++) {
            sum += contributions[c];
            if (fabs(contributions[c] - theirs[c]) > models[i].near * 10)
                fail_msg("%s: contribution %zu is %.17g; expected %.17g", models[i].name, c,
                         contributions[c], theirs[c]);
        }
        assert_true(fabs(sum - expected[k]) <= (is_float ? 4e-6 : 1e-12));
    }
}

static void models_are_as_the_libraries(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS], expected[ROWS][COLUMNS];
    static const char *const names[INPUTS] = {"amount", "count",   "ratio",
                                              "hour",   "channel", "country"};
    assert_int_equal(read_rows("rows", rows), INPUTS);
    for (size_t i = 0; i < MODELS; i++) {
        struct arena arena;
        struct model *model = load(i, &arena);
        const struct model_shape *shape = model_shape(model);
        assert_int_equal(shape->input_count, INPUTS);
        assert_true(shape->has_covers);
        for (size_t k = 0; k < INPUTS; k++)
            assert_true(text_is(shape->inputs[k], names[k]));
        assert_int_equal(read_rows(models[i].name, expected),
                         shape->output_count * (2 + INPUTS + 1));
        double *scratch = check_calloc(contributions_scratch(model), sizeof *scratch);
        for (size_t row = 0; row < ROWS; row++)
            check_row(i, model, rows[row], expected[row], scratch);
        free(scratch);
        arena_deinit(&arena);
    }
}

/* Where numbers meet the ends of what a library takes: of float, of double, and of "almost zero".
 */
static const double edges[] = {HUGE_VAL, -HUGE_VAL, DBL_MAX,   -DBL_MAX,   (double)FLT_MAX,
                               1e300,    -1e300,    0x1p-1074, -0x1p-1074, (double)1e-35f,
                               -1e-35,   1.1e-35,   0.0,       -0.0,       NAN,
                               -NAN};

/* Rows in batches of every size, bit for bit as one at a time. */
static void batches_are_as_single_rows(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS], inputs[MODEL_ROWS_MAX * INPUTS];
    read_rows("rows", rows);
    for (size_t i = 0; i < MODELS; i++) {
        struct arena arena;
        struct model *model = load(i, &arena);
        size_t outputs = model_shape(model)->output_count;
        struct model_batch *batch = model_batch_new(model);
        double *scratch = check_calloc(model_shape(model)->column_count, sizeof *scratch);
        for (size_t k = 0; k < MODEL_ROWS_MAX * INPUTS; k++)
            inputs[k] = k % 11 == 0 ? edges[k / 11 % (sizeof edges / sizeof *edges)]
                                    : rows[(k / INPUTS * 7) % ROWS][k % INPUTS];
        for (size_t count = 1; count <= MODEL_ROWS_MAX; count += count < 10 ? 1 : 9) {
            double margins[MODEL_ROWS_MAX * MODEL_OUTPUTS_MAX], single[MODEL_OUTPUTS_MAX];
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
    model_batch_free(NULL);
}

/* LightGBM takes what is within 1e-35 of 0 as 0, which is missing in this model. */
static void numbers_near_zero_are_zero(void **state) {
    (void)state;
    static double rows[ROWS][COLUMNS];
    static const double at[] = {0, (double)1e-35f, -1e-36, 1.1e-35, -1.1e-35};
    size_t zeros = 0, others = 0;
    struct arena arena;
    while (strcmp(models[zeros].name, "lightgbm_zeros") != 0)
        zeros++;
    struct model *model = load(zeros, &arena);
    double *scratch = check_calloc(model_shape(model)->column_count, sizeof *scratch);
    read_rows("rows", rows);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t k = 0; k < INPUTS; k++) {
            double margins[5], was = rows[row][k];
            for (size_t i = 0; i < 5; i++) {
                rows[row][k] = at[i];
                model_margins(model, rows[row], scratch, &margins[i]);
            }
            rows[row][k] = was;
            assert_memory_equal(&margins[1], &margins[0], sizeof margins[0]);
            assert_memory_equal(&margins[2], &margins[0], sizeof margins[0]);
            others += (margins[3] != margins[0]) + (margins[4] != margins[0]);
        }
    assert_true(others > 0);
    free(scratch);
    arena_deinit(&arena);
}

/* ---- unfit files ---- */

/* A refusal says why in one line; what is taken can be evaluated. */
static void try_file(enum model_format format, struct text file) {
    struct arena arena;
    struct error error;
    struct model *model;
    arena_init(&arena, SIZE_MAX / 4);
    if (model_read(format, file, &arena, &model, &error) < 0) {
        assert_true(error.text[0] != '\0' && !strchr(error.text, '\n'));
    } else {
        const struct model_shape *shape = model_shape(model);
        double margins[MODEL_OUTPUTS_MAX];
        double *inputs = check_calloc(shape->input_count, sizeof *inputs);
        double *scratch = check_calloc(contributions_scratch(model) + 1, sizeof *scratch);
        for (size_t i = 0; i < shape->input_count; i++)
            inputs[i] = i % 3 == 0 ? NAN : (double)i;
        model_margins(model, inputs, scratch, margins);
        free(inputs);
        free(scratch);
    }
    arena_deinit(&arena);
}

static void damaged_files_are_refused_or_evaluated(void **state) {
    (void)state;
    uint64_t random = asked_seed(7), steps = asked_steps(150);
    for (size_t i = 0; i < MODELS; i++) {
        struct text file = read_golden(models[i].name, models[i].suffix);
        char *bytes = check_malloc(file.length);
        for (uint64_t step = 0; step < steps; step++) {
            struct text damaged = {.data = bytes, .length = file.length};
            memcpy(bytes, file.data, file.length);
            if (step % 3 == 0)
                damaged.length = split_mix(&random) % file.length;
            for (uint64_t k = 0; k < step % 4; k++)
                bytes[split_mix(&random) % file.length] = (char)split_mix(&random);
            if (step % 5 == 0) /* a digit for a digit: still of the format */
                for (size_t k = split_mix(&random) % file.length; k < file.length; k++)
                    if (text_is_digit(bytes[k])) {
                        bytes[k] = (char)('0' + split_mix(&random) % 10);
                        break;
                    }
            try_file(models[i].format, damaged);
        }
        free(bytes);
        drop(file);
    }
}

/* The file with one text in place of another; what is said of it. */
static const char *said_of(const char *name, const char *suffix, enum model_format format,
                           const char *from, const char *to, struct error *error) {
    struct text file = read_golden(name, suffix);
    const char *at = memmem(file.data, file.length, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - file.data), rest = file.length - before - strlen(from);
    struct text changed = {.length = before + strlen(to) + rest};
    char *bytes = check_malloc(changed.length + 1);
    memcpy(bytes, file.data, before);
    memcpy(bytes + before, to, strlen(to));
    memcpy(bytes + before + strlen(to), at + strlen(from), rest);
    changed.data = bytes;
    struct arena arena;
    struct model *model;
    arena_init(&arena, SIZE_MAX / 4);
    *error = (struct error){.text = "nothing"};
    model_read(format, changed, &arena, &model, error);
    arena_deinit(&arena);
    free(bytes);
    drop(file);
    return error->text;
}

static void unsupported_models_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        size_t model;
        const char *from, *to, *said;
    } refusals[] = {
        {0, "\"gbtree\"", "\"dart\"", "booster \"dart\" is not supported"},
        {0, "\"gbtree\"", "\"gblinear\"", "booster \"gblinear\" is not supported"},
        {0, "\"binary:logistic\"", "\"rank:ndcg\"", "objective \"rank:ndcg\" is not supported"},
        {0, "\"version\":[3,", "\"version\":[4,", "written by XGBoost 4."},
        {0, "\"num_target\":\"1\"", "\"num_target\":\"2\"", "2 targets"},
        {0, "\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"3\"", "vector in each leaf"},
        {0, "\"num_feature\":\"6\",\"num_target\"", "\"num_feature\":\"1001\",\"num_target\"",
         "expected a whole number"},
        {0, "\"left_children\":[1,", "\"left_children\":[0,", "or is the root"},
        {0, "\"left_children\":[1,", "\"left_children\":[5000,", "outside of the tree"},
        {0, "\"split_indices\":[", "\"split_indices\":[9", "there is no input"},
        {0, "\"sum_hessian\":[", "\"sum_hessian\":[NaN,", "elements; expected"},
        {0, "\"sum_hessian\":[", "\"sum_hessian\":[Nan,", "not JSON"},
        {0, "{\"learner\"", "{\"learned\"", "learner: missing"},
        {0, "{\"learner\"", "[\"learner\"", "not JSON"},
        {1, "{L", "}L", "not UBJ"},
        {5, "version=v4", "version=v3", "expected version=v4"},
        {5, "objective=binary", "objective=lambdarank",
         "objective \"lambdarank\" is not supported"},
        {5, "is_linear=0", "is_linear=1", "linear trees"},
        {5, "left_child=", "left_child=77 ", "more than"},
        {5, "end of trees", "", "ends before \"end of trees\""},
        {5, "max_feature_idx=5", "max_feature_idx=4", "more names"},
        {5, "num_leaves=", "num_leaves=9", "too few numbers"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct error error;
        size_t m = refusals[i].model;
        const char *said = said_of(models[m].name, models[m].suffix, models[m].format,
                                   refusals[i].from, refusals[i].to, &error);
        if (!strstr(said, refusals[i].said))
            fail_msg("\"%s\" → \"%s\": %s; expected \"%s\"", refusals[i].from, refusals[i].to, said,
                     refusals[i].said);
    }
}

/* Two bytes of a file, two hundred of memory. */
static void many_empty_values_are_refused(void **state) {
    (void)state;
    static const struct {
        enum model_format format;
        const char *begin, *each, *end, *said;
    } cases[] = {
        {MODEL_XGBOOST_UBJ, "{U\001a[", "{}", "]}", "too many objects and arrays"},
        {MODEL_XGBOOST_UBJ, "{U\001a[", "[]", "]}", "too many objects and arrays"},
        {MODEL_XGBOOST_JSON, "{\"a\":[[]", ",{}", "]}", "more than 500000 objects and arrays"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer file;
        struct arena arena;
        struct error error;
        struct model *model = NULL;
        buffer_init(&file);
        arena_init(&arena, SIZE_MAX / 4);
        buffer_append_string(&file, cases[i].begin);
        for (size_t k = 0; k < 500000; k++)
            buffer_append_string(&file, cases[i].each);
        buffer_append_string(&file, cases[i].end);
        assert_true(model_read(cases[i].format, buffer_text(&file), &arena, &model, &error) < 0);
        assert_non_null(strstr(error.text, cases[i].said));
        arena_deinit(&arena);
        buffer_deinit(&file);
    }
}

/* ---- numbers at their ends ---- */

#define HEADER                                                                                     \
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\n"                 \
    "objective=binary sigmoid:1\nfeature_names=a\n"

/* NULL: refused, and *error says why. */
static struct model *read_lightgbm(const char *file, struct arena *arena, struct error *error) {
    struct model *model = NULL;
    *error = (struct error){.text = "nothing"};
    arena_init(arena, SIZE_MAX / 4);
    model_read(MODEL_LIGHTGBM, text_of(file), arena, &model, error);
    return model;
}

static void sums_that_overflow_are_refused(void **state) {
    (void)state;
    struct arena arena;
    struct error error;
    static const char leaves[] = HEADER "\nTree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=8e307\n"
                                        "\nTree=1\nnum_leaves=1\nnum_cat=0\nleaf_value=-8e307\n"
                                        "\nend of trees\n";
    assert_null(read_lightgbm(leaves, &arena, &error));
    assert_non_null(strstr(error.text, "tree 1: the sum of the greatest leaves is more than"));
    arena_deinit(&arena);
    static const char none[] = HEADER "average_output\n\nend of trees\n";
    assert_null(read_lightgbm(none, &arena, &error));
    assert_non_null(strstr(error.text, "average_output, but no trees"));
    arena_deinit(&arena);
}

/* Both splits ask for one input; the covers do not add up, and the least share is 1e-400. */
static void covers_that_give_no_share_are_none(void **state) {
    (void)state;
    static const struct {
        const char *covers;
        bool are_good;
    } cases[] = {{"internal_count=1 1e-200\nleaf_count=1 1e-200 1\n", false},
                 {"internal_count=1 1e308\nleaf_count=1e308 1 1\n", false},
                 {"internal_count=1 1e-100\nleaf_count=1 1e-100 1\n", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct error error;
        char file[1000];
        snprintf(file, sizeof file,
                 HEADER "\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 0\nthreshold=1 2\n"
                        "decision_type=2 2\nleft_child=-1 -2\nright_child=1 -3\n"
                        "leaf_value=0.5 -0.25 1\n%s\nend of trees\n",
                 cases[i].covers);
        struct model *model = read_lightgbm(file, &arena, &error);
        assert_non_null(model);
        assert_int_equal(model_shape(model)->has_covers, cases[i].are_good);
        double input = 3, contributions[2];
        double *scratch = check_calloc(contributions_scratch(model), sizeof *scratch);
        if (cases[i].are_good) {
            contributions_of_row(model, &input, 0, scratch, contributions);
            assert_true(fabs(contributions[0] - 0.5) < 1e-12 && contributions[1] == 0.5);
        }
        free(scratch);
        arena_deinit(&arena);
    }
}

/* ---- exp and log ---- */

static void elementary_functions_are_near_the_library(void **state) {
    (void)state;
    uint64_t random = asked_seed(3), steps = asked_steps(300000);
    for (uint64_t i = 0; i < steps; i++) {
        double x = ((double)(split_mix(&random) >> 11) * 0x1p-53 - 0.5) * 1500;
        double theirs = exp(x), ours = elementary_exp(x);
        assert_true(theirs == ours || fabs(ours - theirs) <= 2.5e-16 * theirs ||
                    (theirs < 0x1p-1022 && fabs(ours - theirs) <= 0x1p-1073));
        uint32_t bits = (uint32_t)(split_mix(&random) % 0x7f7fffffu) + 1;
        float y;
        memcpy(&y, &bits, sizeof y);
        float log_theirs = logf(y), log_ours = elementary_log_float(y);
        assert_true(log_ours == log_theirs ||
                    fabs((double)log_ours - (double)log_theirs) <= 1.2e-7 * fabs((double)log_ours));
    }
    assert_true(elementary_exp(0) == 1 && elementary_exp(1000) == HUGE_VAL);
    assert_true(elementary_exp(-1000) == 0 && isnan(elementary_exp(NAN)));
    assert_true(elementary_log_float(1) == 0);
}

int main(int argc, char **argv) {
    check(argc == 2);
    golden = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_as_the_libraries),
        cmocka_unit_test(batches_are_as_single_rows),
        cmocka_unit_test(numbers_near_zero_are_zero),
        cmocka_unit_test(damaged_files_are_refused_or_evaluated),
        cmocka_unit_test(unsupported_models_are_refused_by_name),
        cmocka_unit_test(many_empty_values_are_refused),
        cmocka_unit_test(sums_that_overflow_are_refused),
        cmocka_unit_test(covers_that_give_no_share_are_none),
        cmocka_unit_test(elementary_functions_are_near_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
