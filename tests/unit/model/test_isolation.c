/* Isolation forests: what the trainer grows, held against its own rows; scores beside a walk over
 * the file as JSON, with the C library's log and pow; contributions beside Shapley values by their
 * definition; a forest of scikit-learn beside its scores; and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/model/contributions.h"
#include "core/model/elementary.h"
#include "core/model/isolation.h"
#include "core/model/model.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/model/golden.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS 5
#define ROWS   600

static const struct text names[INPUTS] = {TEXT_LITERAL("amount"), TEXT_LITERAL("count"),
                                          TEXT_LITERAL("same \"\n\\"), TEXT_LITERAL("wide"),
                                          TEXT_LITERAL("missing")};

/* Whole numbers and their products only, so that the rows are the same on every machine: a skewed
 * one, few different ones, one that never changes, infinite ones, and one that is mostly missing.
 */
static void make_rows(uint64_t seed, double rows[ROWS][INPUTS]) {
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t a = split_mix(&seed) % 1000, b = split_mix(&seed), c = split_mix(&seed);
        rows[i][0] = (double)(a * a * a) / 64;
        rows[i][1] = (double)(b % 7);
        rows[i][2] = 3;
        rows[i][3] = c % 50 == 0 ? HUGE_VAL : c % 50 == 1 ? -DBL_MAX : (double)(c % 1000) - 500;
        rows[i][4] = b >> 8 & 3 ? NAN : (double)(c >> 20 & 15);
        for (size_t k = 0; k < INPUTS; k++)
            if (split_mix(&seed) % 16 == 0 && k != 2)
                rows[i][k] = NAN;
    }
    rows[0][0] = 1e12; /* stands alone */
}

static struct text grow(double rows[ROWS][INPUTS], const struct isolation_options *options,
                        struct buffer *file) {
    struct error error;
    buffer_init(file);
    if (isolation_train(rows[0], ROWS, names, INPUTS, options, file, &error) < 0)
        fail_msg("%s", error.text);
    return buffer_text(file);
}

static struct model *load(struct text file, struct arena *arena) {
    struct error error;
    struct model *model = NULL;
    arena_init(arena, SIZE_MAX / 4);
    if (model_read(MODEL_ISOLATION, file, arena, &model, &error) < 0)
        fail_msg("%s", error.text);
    return model;
}

/* json_decref() it. */
static json_t *parse(struct text file) {
    json_error_t where;
    json_t *root = json_loadb(file.data, file.length, 0, &where);
    if (!root)
        fail_msg("line %d, column %d: %s", where.line, where.column, where.text);
    return root;
}

static double score_of(const struct model *model, const double *row) {
    double columns[2 * INPUTS], score;
    assert_true(model_shape(model)->column_count <= 2 * INPUTS);
    model_margins(model, row, columns, &score);
    model_predict(model, &score);
    return score;
}

/* ---- logarithms ---- */

static void logarithms_are_as_the_c_librarys(void **state) {
    (void)state;
    uint64_t random = asked_seed(1), steps = asked_steps(100000);
    for (uint64_t i = 0; i < steps; i++) {
        double x = ldexp(1 + (double)(split_mix(&random) >> 12) * 0x1p-52,
                         i % 2 ? 0 : (int)(split_mix(&random) % 2000) - 1000);
        double theirs = log(x), ulp = nextafter(fabs(theirs), HUGE_VAL) - fabs(theirs);
        assert_true(fabs(elementary_log(x) - theirs) <= 2 * ulp);
    }
    assert_true(elementary_log(1) == 0);
    assert_true(isolation_mean_path(1) == 0 && isolation_mean_path(2) == 1);
    assert_true(fabs(isolation_mean_path(256) - 10.2447709) < 1e-6);
}

/* ---- a walk over the file ---- */

static double number(const json_t *tree, const char *key, size_t node) {
    return json_number_value(json_array_get(json_object_get(tree, key), node));
}

static double mean_path(double n) {
    return n <= 1 ? 0 : n == 2 ? 1 : 2 * (log(n - 1) + 0.57721566490153286) - 2 * (n - 1) / n;
}

static double held(double x) {
    return isnan(x) ? x : fmax(-DBL_MAX, fmin(DBL_MAX, x));
}

static size_t next_node(const json_t *tree, size_t node, const double *row) {
    double x = row[(size_t)number(tree, "input", node)];
    bool is_left =
        isnan(x) ? number(tree, "missing_left", node) == 1 : held(x) < number(tree, "limit", node);
    return (size_t)number(tree, "left", node) + !is_left;
}

static double walked_score(const json_t *root, const double *row) {
    const json_t *trees = json_object_get(root, "trees");
    double sum = 0;
    for (size_t t = 0; t < json_array_size(trees); t++) {
        const json_t *tree = json_array_get(trees, t);
        size_t node = 0, depth = 0;
        for (; number(tree, "left", node) >= 0; depth++)
            node = next_node(tree, node, row);
        sum += (double)depth + mean_path(number(tree, "rows", node));
    }
    double sample = (double)json_integer_value(json_object_get(root, "sample"));
    return pow(2, -sum / (double)json_array_size(trees) / mean_path(sample));
}

static void scores_are_as_walked(void **state) {
    (void)state;
    static double rows[ROWS][INPUTS];
    static const struct isolation_options options[] = {
        {.trees = 100, .sample = 256, .seed = 1},
        {.trees = 1, .sample = 2, .seed = 5},
        {.trees = 7, .sample = 10000, .depth = 40, .seed = 2},
        {.trees = 9, .sample = 100, .depth = 1}};
    make_rows(1, rows);
    for (size_t o = 0; o < sizeof options / sizeof *options; o++) {
        struct buffer file;
        struct arena arena;
        struct text bytes = grow(rows, &options[o], &file);
        struct model *model = load(bytes, &arena);
        json_t *root = parse(bytes);
        assert_int_equal(model_shape(model)->tree_count, options[o].trees);
        for (size_t i = 0; i < ROWS; i++) {
            double ours = score_of(model, rows[i]), theirs = walked_score(root, rows[i]);
            assert_true(ours > 0 && ours <= 1 && fabs(ours - theirs) < 1e-13);
        }
        if (o == 0) /* what stands alone is found */
            for (size_t i = 1; i < ROWS; i++)
                assert_true(score_of(model, rows[i]) < score_of(model, rows[0]));
        json_decref(root);
        arena_deinit(&arena);
        buffer_deinit(&file);
    }
}

/* ---- what is grown ---- */

/* With all rows as the sample, every node's rows are known: those that walk there. */
static void check_tree(const json_t *tree, double rows[ROWS][INPUTS], size_t most_splits) {
    size_t nodes = json_array_size(json_object_get(tree, "left"));
    size_t *arrived = check_calloc(nodes, sizeof *arrived);
    size_t *present_left = check_calloc(nodes, sizeof *present_left),
           *present_right = check_calloc(nodes, sizeof *present_right);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t node = 0, depth = 0;; depth++) {
            arrived[node]++;
            assert_true(depth <= most_splits);
            if (number(tree, "left", node) < 0)
                break;
            double x = rows[i][(size_t)number(tree, "input", node)];
            present_left[node] += held(x) < number(tree, "limit", node);
            present_right[node] += held(x) >= number(tree, "limit", node);
            node = next_node(tree, node, rows[i]);
        }
    for (size_t i = 0; i < nodes; i++) {
        assert_true(arrived[i] > 0 && (double)arrived[i] == number(tree, "rows", i));
        if (number(tree, "left", i) < 0)
            continue;
        assert_true(number(tree, "input", i) != 2); /* it never changes */
        assert_true(present_left[i] > 0 && present_right[i] > 0);
        assert_true(number(tree, "missing_left", i) == (present_left[i] >= present_right[i]));
    }
    free(arrived);
    free(present_left);
    free(present_right);
}

static void trees_divide_their_rows(void **state) {
    (void)state;
    static double rows[ROWS][INPUTS];
    uint64_t random = asked_seed(3), steps = asked_steps(6);
    for (uint64_t step = 0; step < steps; step++) {
        const struct isolation_options options = {
            .trees = 20, .sample = ROWS + step, .depth = step, .seed = split_mix(&random)};
        struct buffer file;
        make_rows(split_mix(&random), rows);
        struct text bytes = grow(rows, &options, &file);
        json_t *root = parse(bytes);
        assert_int_equal(json_integer_value(json_object_get(root, "sample")), ROWS);
        for (size_t t = 0; t < options.trees; t++)
            check_tree(json_array_get(json_object_get(root, "trees"), t), rows,
                       step > 0 ? step : 10); /* 2^10 is the first power above ROWS */
        json_decref(root);
        buffer_deinit(&file);
    }
}

/* The root's split: each usable input as often, limits over the whole range, samples of all rows.
 */
static void chance_is_even(void **state) {
    (void)state;
    static double rows[ROWS][INPUTS];
    const struct isolation_options options = {.trees = 3000, .sample = 8, .seed = 11};
    struct buffer file;
    size_t inputs[INPUTS] = {0}, below[4] = {0}, limits = 0;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < INPUTS; k++)
            rows[i][k] = k == 2 ? 3 : i % 2 ? 1000 : 0;
    for (size_t i = 0; i < ROWS; i++) /* the others always have both values; almost */
        rows[i][4] = (double)i;
    struct text bytes = grow(rows, &options, &file);
    json_t *root = parse(bytes);
    for (size_t t = 0; t < options.trees; t++) {
        const json_t *tree = json_array_get(json_object_get(root, "trees"), t);
        size_t input = (size_t)number(tree, "input", 0);
        double limit = number(tree, "limit", 0);
        inputs[input]++;
        if (input < 2)
            limits++;
        for (size_t q = 0; q < 4 && input < 2; q++)
            below[q] += limit < 250.0 * (double)(q + 1);
    }
    assert_int_equal(inputs[2], 0);
    for (size_t k = 0; k < INPUTS; k++)
        assert_true(k == 2 || (inputs[k] > 650 && inputs[k] < 850)); /* 750 ± 24 */
    for (size_t q = 0; q < 4; q++)
        assert_true(fabs((double)below[q] / (double)limits - 0.25 * (double)(q + 1)) < 0.06);
    json_decref(root);
    buffer_deinit(&file);
}

static void a_forest_is_the_same_everywhere(void **state) {
    (void)state;
    static double rows[ROWS][INPUTS];
    struct isolation_options options = ISOLATION_DEFAULTS;
    struct buffer first, second, other;
    make_rows(9, rows);
    grow(rows, &options, &first);
    grow(rows, &options, &second);
    options.seed = 2;
    grow(rows, &options, &other);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    assert_true(hash64(first.bytes, first.length, 0) != hash64(other.bytes, other.length, 0));
    /* As computed when this was written: another number is another forest for the same archive. */
    assert_int_equal(hash64(first.bytes, first.length, 0), UINT64_C(0x7413af8123039d00));
    buffer_deinit(&first);
    buffer_deinit(&second);
    buffer_deinit(&other);
}

/* ---- contributions ---- */

/* What a tree gives if only some inputs are known: the mean over the rows that it was grown from.
 */
static double expected_of(const json_t *tree, size_t node, size_t depth, const double *row,
                          unsigned known) {
    double rows = number(tree, "rows", node);
    if (number(tree, "left", node) < 0)
        return (double)depth + mean_path(rows);
    size_t left = (size_t)number(tree, "left", node);
    if (known >> (size_t)number(tree, "input", node) & 1)
        return expected_of(tree, next_node(tree, node, row), depth + 1, row, known);
    return number(tree, "rows", left) / rows * expected_of(tree, left, depth + 1, row, known) +
           number(tree, "rows", left + 1) / rows *
               expected_of(tree, left + 1, depth + 1, row, known);
}

/* By definition: over all sets of other inputs, what knowing this one changes. */
static double shapley(const double *margins, size_t input) {
    static const double factorials[] = {1, 1, 2, 6, 24, 120};
    double sum = 0;
    for (unsigned set = 0; set < 1u << INPUTS; set++) {
        if (set >> input & 1)
            continue;
        size_t size = 0;
        for (size_t k = 0; k < INPUTS; k++)
            size += set >> k & 1;
        sum += factorials[size] * factorials[INPUTS - size - 1] / factorials[INPUTS] *
               (margins[set | 1u << input] - margins[set]);
    }
    return sum;
}

static void contributions_are_shapley_values(void **state) {
    (void)state;
    static double rows[ROWS][INPUTS];
    const struct isolation_options options = {.trees = 12, .sample = 64, .seed = 4};
    struct buffer file;
    struct arena arena;
    make_rows(2, rows);
    struct text bytes = grow(rows, &options, &file);
    struct model *model = load(bytes, &arena);
    json_t *root = parse(bytes);
    assert_true(model_shape(model)->has_covers);
    double *scratch = check_calloc(contributions_scratch(model), sizeof *scratch);
    for (size_t i = 0; i < 40; i++) {
        double margins[1u << INPUTS] = {0}, ours[INPUTS + 1];
        for (unsigned set = 0; set < 1u << INPUTS; set++)
            for (size_t t = 0; t < options.trees; t++)
                margins[set] -= expected_of(json_array_get(json_object_get(root, "trees"), t), 0, 0,
                                            rows[i], set) /
                                (double)options.trees / mean_path(64);
        contributions_of_row(model, rows[i], 0, scratch, ours);
        assert_true(fabs(ours[INPUTS] - margins[0]) < 1e-12);
        for (size_t k = 0; k < INPUTS; k++)
            assert_true(fabs(ours[k] - shapley(margins, k)) < 1e-12);
        if (i == 0) /* the amount that stands alone is what raised it most */
            assert_true(ours[0] > 0 && ours[0] > ours[1] && ours[0] > ours[3] && ours[0] > ours[4]);
    }
    free(scratch);
    json_decref(root);
    arena_deinit(&arena);
    buffer_deinit(&file);
}

/* ---- scikit-learn ---- */

/* A line has the inputs, empty where one is missing, and the score. */
static void scores_are_as_scikit_learns(void **state) {
    (void)state;
    struct text file = read_golden("isolation", "iforest"), lines = read_golden("isolation", "csv");
    struct arena arena;
    struct model *model = load(file, &arena);
    size_t inputs = model_shape(model)->input_count, count = 0;
    double cells[INPUTS + 2];
    assert_true(inputs <= INPUTS);
    for (const char *at = lines.data; *at; count++) {
        for (size_t k = 0; k <= inputs; k++) {
            char *end = (char *)(uintptr_t)at;
            cells[k] = *at == ',' ? NAN : strtod(at, &end);
            assert_int_equal(*end, k < inputs ? ',' : '\n');
            at = end + 1;
        }
        if (fabs(score_of(model, cells) - cells[inputs]) > 1e-14)
            fail_msg("row %zu: %.17g; expected %.17g", count, score_of(model, cells),
                     cells[inputs]);
    }
    assert_true(count >= 100);
    arena_deinit(&arena);
    drop(file);
    drop(lines);
}

/* ---- edges ---- */

static void check_batch(const struct model *model, double *inputs, size_t rows) {
    double margins[MODEL_ROWS_MAX], margin, *columns;
    struct model_batch *batch = model_batch_new(model);
    columns = check_calloc(model_shape(model)->column_count + 1, sizeof *columns);
    model_margins_of_rows(model, batch, inputs, rows, margins);
    for (size_t i = 0; i < rows; i++) {
        model_margins(model, &inputs[i * model_shape(model)->input_count], columns, &margin);
        assert_memory_equal(&margin, &margins[i], sizeof margin);
    }
    model_batch_free(batch);
    free(columns);
}

static void batches_are_as_single_rows(void **state) {
    (void)state;
    static double rows[ROWS][INPUTS];
    static const double edges[] = {HUGE_VAL,  -HUGE_VAL,  DBL_MAX, -DBL_MAX, 1e-40, -1e-40,
                                   0x1p-1074, -0x1p-1074, -0.0,    NAN,      -NAN};
    struct isolation_options options = ISOLATION_DEFAULTS;
    struct buffer file;
    struct arena arena;
    make_rows(5, rows);
    struct model *model = load(grow(rows, &options, &file), &arena);
    for (size_t k = 0; k < MODEL_ROWS_MAX * INPUTS; k += 7)
        rows[k / INPUTS][k % INPUTS] = edges[k % (sizeof edges / sizeof *edges)];
    for (size_t count = 1; count <= MODEL_ROWS_MAX; count += 9)
        check_batch(model, rows[0], count);
    arena_deinit(&arena);
    buffer_deinit(&file);
}

/* One tree with one split by `limit`: does the number go left, where two rows are? */
static bool goes_left(const char *limit, double number) {
    struct buffer file;
    struct arena arena;
    buffer_init(&file);
    buffer_printf(&file,
                  "{\"format\":\"isolation-forest\",\"version\":1,\"sample\":4,"
                  "\"inputs\":[\"a\"],\"trees\":[{\"left\":[1,-1,-1],\"input\":[0,0,0],"
                  "\"limit\":[%s,0,0],\"missing_left\":[0,0,0],\"rows\":[3,2,1]}]}",
                  limit);
    struct model *model = load(buffer_text(&file), &arena);
    double left = -2 / isolation_mean_path(4), margin, columns[2];
    model_margins(model, &number, columns, &margin);
    check_batch(model, &number, 1);
    bool goes = margin == left;
    assert_true(goes || margin == left / 2);
    arena_deinit(&arena);
    buffer_deinit(&file);
    return goes;
}

/* What LightGBM takes for zero is a number like any other here. */
static void splits_are_exact(void **state) {
    (void)state;
    assert_true(goes_left("1e-40", 1e-41) && goes_left("1e-40", 0) && goes_left("1e-40", -1));
    assert_false(goes_left("1e-40", 1e-40) || goes_left("1e-40", 1e-36) || goes_left("1e-40", NAN));
    assert_true(goes_left("-1e-40", -1e-39) && goes_left("5e-324", 0.0));
    assert_false(goes_left("-1e-40", -1e-41) || goes_left("-0.0", -0.0) || goes_left("0", -0.0));
    assert_true(goes_left("0", -0x1p-1074) && goes_left("-1.7976931348623157e308", -1) == false);
    assert_true(goes_left("1.7976931348623157e308", 1.7e308));
    assert_false(goes_left("1.7976931348623157e308", HUGE_VAL));
}

/* ---- unfit files and options ---- */

#define TREE                                                                                       \
    "{\"left\":[1,-1,-1],\"input\":[0,-1,-1],\"limit\":[1.5,0,0],\"missing_left\":[1,0,0],"        \
    "\"rows\":[3,2,1]}"
static const char good[] = "{\"format\":\"isolation-forest\",\"version\":1,\"sample\":4,"
                           "\"inputs\":[\"a\"],\"trees\":[" TREE "]}";

static void unfit_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *said;
    } refusals[] = {
        {"isolation-forest", "isolated", "format: missing"},
        {"\"version\":1", "\"version\":2", "version 2; expected 1"},
        {"\"version\":1", "\"version\":1.0", "version: missing or of another type"},
        {"\"sample\":4", "\"sample\":1", "sample: expected a whole number from 2"},
        {"\"sample\":4", "\"sample\":1000001", "sample: expected a whole number from 2"},
        {"[\"a\"]", "[]", "inputs: expected a list of 1 to 1000 names"},
        {"[\"a\"]", "[\"\"]", "inputs[0]: expected a name"},
        {"[\"a\"]", "[\"a\",1]", "inputs[1]: expected a name"},
        {"[\"a\"]", "[\"a\",\"a\"]", "two inputs are called \"a\""},
        {"[" TREE "]", "[]", "trees: missing"},
        {"[" TREE "]", "[{}]", "tree 0: left is not an array"},
        {"\"left\":[1,", "\"left\":[0,", "tree 0: node 0: left is neither"},
        {"\"left\":[1,", "\"left\":[2,", "tree 0: node 0: left is neither"},
        {"\"left\":[1,", "\"left\":[-2,", "tree 0: node 0: left is neither"},
        {"\"left\":[1,", "\"left\":[9223372036854775807,", "tree 0: node 0: left is neither"},
        {"\"left\":[1,", "\"left\":[1.0,", "tree 0: left[0] is not a whole number"},
        {"\"left\":[1,", "\"left\":[", "tree 0: input has 3 elements; expected 2"},
        {"\"input\":[0,", "\"input\":[1,", "no input with the number"},
        {"\"input\":[0,", "\"input\":[-1,", "no input with the number"},
        {"[1.5,", "[1e999,", "not JSON"},
        {"[1.5,", "[null,", "tree 0: limit[0] is not a number"},
        {"\"missing_left\":[1,", "\"missing_left\":[2,", "missing_left is neither 0 nor 1"},
        {"\"missing_left\":[1,", "\"missing_left\":[true,", "is not a whole number"},
        {"[3,2,1]", "[4,2,1]", "its rows are not those of its children together"},
        {"[3,2,1]", "[2,2,0]", "node 2 has 0 rows; expected 1 to 1000000"},
        {"[3,2,1]", "[1000003,1000002,1]", "has 1000003 rows"},
        {"[3,2,1]", "[3,9223372036854775807,9223372036854775807]", "node 1 has 92"},
        {"]}]}", "]}]", "not JSON"},
    };
    struct arena arena;
    assert_true(score_of(load(text_of(good), &arena), (const double[]){1}) > 0);
    arena_deinit(&arena);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct buffer file;
        struct error error = {.text = "nothing"};
        struct model *model;
        const char *at = strstr(good, refusals[i].from);
        assert_non_null(at);
        buffer_init(&file);
        buffer_append(&file, good, (size_t)(at - good));
        buffer_append_string(&file, refusals[i].to);
        buffer_append_string(&file, at + strlen(refusals[i].from));
        arena_init(&arena, SIZE_MAX / 4);
        assert_true(model_read(MODEL_ISOLATION, buffer_text(&file), &arena, &model, &error) < 0);
        if (!strstr(error.text, refusals[i].said))
            fail_msg("\"%s\": %s; expected \"%s\"", refusals[i].to, error.text, refusals[i].said);
        arena_deinit(&arena);
        buffer_deinit(&file);
    }
}

static void damaged_files_are_refused_or_evaluated(void **state) {
    (void)state;
    uint64_t random = asked_seed(7), steps = asked_steps(300);
    struct text file = read_golden("isolation", "iforest");
    char *bytes = check_malloc(file.length);
    for (uint64_t step = 0; step < steps; step++) {
        struct arena arena;
        struct error error = {0};
        struct model *model;
        memcpy(bytes, file.data, file.length);
        size_t at = split_mix(&random) % file.length;
        while (at < file.length && !text_is_digit(bytes[at]))
            at++;
        if (at < file.length)
            bytes[at] =
                step % 4 == 0 ? (char)split_mix(&random) : (char)('0' + split_mix(&random) % 10);
        size_t length = step % 9 == 0 ? split_mix(&random) % file.length : file.length;
        arena_init(&arena, SIZE_MAX / 4);
        if (model_read(MODEL_ISOLATION, (struct text){.data = bytes, .length = length}, &arena,
                       &model, &error) < 0)
            assert_true(error.text[0] != '\0' && !strchr(error.text, '\n'));
        else
            assert_true(score_of(model, (const double[INPUTS]){1, NAN, 3, -4, NAN}) > 0);
        arena_deinit(&arena);
    }
    free(bytes);
    drop(file);
}

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    static const double rows[4] = {1, 2, 3, 4};
    static const struct {
        size_t rows, inputs;
        struct isolation_options options;
        const char *said;
    } refusals[] = {
        {1, 1, {.trees = 1, .sample = 2}, "1 rows; expected 2 to"},
        {4, 0, {.trees = 1, .sample = 2}, "0 inputs; expected 1 to 1000"},
        {4, 1, {.trees = 0, .sample = 2}, "0 trees; expected 1 to 10000"},
        {4, 1, {.trees = 10001, .sample = 2}, "10001 trees"},
        {4, 1, {.trees = 1, .sample = 1}, "a sample of 1 rows; expected 2 to"},
        {4, 1, {.trees = 1, .sample = 2, .depth = 129}, "a depth of 129; expected at most 128"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct buffer file;
        struct error error = {0};
        buffer_init(&file);
        assert_true(isolation_train(rows, refusals[i].rows, names, refusals[i].inputs,
                                    &refusals[i].options, &file, &error) < 0);
        assert_non_null(strstr(error.text, refusals[i].said));
        buffer_deinit(&file);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logarithms_are_as_the_c_librarys),
        cmocka_unit_test(scores_are_as_walked),
        cmocka_unit_test(trees_divide_their_rows),
        cmocka_unit_test(chance_is_even),
        cmocka_unit_test(a_forest_is_the_same_everywhere),
        cmocka_unit_test(contributions_are_shapley_values),
        cmocka_unit_test(scores_are_as_scikit_learns),
        cmocka_unit_test(batches_are_as_single_rows),
        cmocka_unit_test(splits_are_exact),
        cmocka_unit_test(unfit_files_are_refused),
        cmocka_unit_test(damaged_files_are_refused_or_evaluated),
        cmocka_unit_test(options_out_of_range_are_refused),
    };
    assert_int_equal(argc, 2);
    golden = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
