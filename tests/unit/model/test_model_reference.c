/* Reference files: what is written reads back, whatever is read is checked, bins hold what they
 * say, and the index beside numbers that Python computed (see the comment there). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/check.h"
#include "core/model/model_reference.h"
#include "core/model/stability.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, SIZE_MAX / 4);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct model_bins bins_of(const double *values, size_t count) {
    double *copy = check_calloc(count + 1, sizeof *copy);
    memcpy(copy, values, count * sizeof *copy);
    struct model_bins bins;
    model_bins_make(TEXT_LITERAL("x"), copy, count, &arena, &bins);
    free(copy);
    return bins;
}

/* ---- bins ---- */

static void test_few_values_have_a_bin_each(void **state) {
    (void)state;
    const double values[] = {2, 0, NAN, 0, 1, 2, 2, NAN, 5};
    struct model_bins bins = bins_of(values, 9);
    const double edges[] = {0, 1, 2, 5, nextafter(5, INFINITY)};
    const uint64_t counts[] = {2, 0, 2, 1, 3, 1, 0};
    assert_int_equal(bins.edge_count, 5);
    assert_memory_equal(bins.edges, edges, sizeof edges);
    assert_memory_equal(bins.counts, counts, sizeof counts);
    assert_int_equal(model_bins_of(&bins, NAN), 0);
    assert_int_equal(model_bins_of(&bins, -0.1), 1);
    assert_int_equal(model_bins_of(&bins, 0), 2);
    assert_int_equal(model_bins_of(&bins, 4.9), 4);
    assert_int_equal(model_bins_of(&bins, INFINITY), 6);
    assert_int_equal(model_bins_of(&bins, -INFINITY), 1);
}

/* Beside comparing with each edge. */
static void test_any_number_of_edges(void **state) {
    (void)state;
    double edges[MODEL_REFERENCE_EDGES_MAX];
    for (size_t count = 0; count <= MODEL_REFERENCE_EDGES_MAX; count++) {
        struct model_bins bins = {.edges = edges, .edge_count = count};
        for (size_t i = 0; i < count; i++)
            edges[i] = (double)(i * i);
        for (double value = -1; value < 1000; value += 0.5) {
            size_t bin = 1;
            for (size_t i = 0; i < count; i++)
                bin += edges[i] <= value;
            assert_int_equal(model_bins_of(&bins, value), bin);
        }
    }
}

static void test_edges_are_finite(void **state) {
    (void)state;
    const double values[] = {-INFINITY, INFINITY, DBL_MAX, -DBL_MAX, 0};
    struct model_bins bins = bins_of(values, 5);
    const double edges[] = {-DBL_MAX, 0, DBL_MAX};
    assert_int_equal(bins.edge_count, 3);
    assert_memory_equal(bins.edges, edges, sizeof edges);
    const double missing[] = {NAN, NAN};
    bins = bins_of(missing, 2);
    assert_int_equal(bins.edge_count, 0);
    assert_int_equal(bins.counts[0], 2);
    bins = bins_of(missing, 0);
    assert_int_equal(bins.edge_count + bins.counts[0] + bins.counts[1], 0);
}

/* Each bin inside of the range but the last one has a tenth; none outside of it has any. A value
 * that more rows have than that is not divided. */
static void test_many_values_are_cut_in_tenths(void **state) {
    (void)state;
    uint64_t seed = asked_seed(7);
    for (size_t round = 0; round < 50; round++) {
        size_t count = 100 + split_mix(&seed) % 3000, zeros = 0;
        double *values = check_calloc(count, sizeof *values);
        for (size_t i = 0; i < count; i++) {
            bool is_zero = split_mix(&seed) % 100 < round;
            values[i] = is_zero ? 0 : (double)(split_mix(&seed) % 100000) / 7 - 3000;
            zeros += values[i] == 0;
        }
        struct model_bins bins = bins_of(values, count);
        uint64_t sum = bins.counts[0];
        assert_in_range(bins.edge_count, 2, 12);
        for (size_t i = 1; i < model_bins_count(&bins); i++) {
            bool is_outside = i == 1 || i == model_bins_count(&bins) - 1;
            bool is_last = i == model_bins_count(&bins) - 2;
            sum += bins.counts[i];
            assert_true(is_outside ? bins.counts[i] == 0 : is_last || bins.counts[i] * 10 >= count);
        }
        assert_int_equal(sum, count);
        assert_true(zeros == 0 || bins.counts[model_bins_of(&bins, 0)] >= zeros);
        free(values);
    }
}

/* ---- the index ---- */

/* python3 -c "from math import log
 * def psi(b, a):
 *     k, nb, na = len(b), sum(b), sum(a)
 *     s = [((x + .5) / (nb + .5 * k), (y + .5) / (na + .5 * k)) for x, y in zip(b, a)]
 *     return sum((y - x) * log(y / x) for x, y in s)
 * print(psi([12, 0, 400, 588, 0], [900, 3, 40, 50, 7]))
 * print(psi([100, 300, 600], [5, 15, 30]), psi([0, 50, 50], [0, 20, 80]))" */
static void test_the_index_beside_pythons(void **state) {
    (void)state;
    const struct {
        size_t count;
        uint64_t before[5], now[5];
        double index;
    } cases[] = {
        {5, {12, 0, 400, 588, 0}, {900, 3, 40, 50, 7}, 5.954104507527313},
        {3, {100, 300, 600}, {5, 15, 30}, 0.000495297696231829},
        {3, {0, 50, 50}, {0, 20, 80}, 0.40428540835866655},
        {3, {10, 20, 30}, {0, 0, 0}, 0},
        {3, {0, 0, 0}, {10, 20, 30}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double index = stability_index(cases[i].before, cases[i].now, cases[i].count);
        assert_true(fabs(index - cases[i].index) < 1e-12);
    }
    assert_true(fabs(stability_noise(1000, 500, 11) - 0.03) < 1e-15);
    assert_true(stability_noise(0, 500, 11) == 0 && stability_noise(1000, 500, 1) == 0);
}

/* Half of the rows become missing; codes of a category change places; values move beyond the range.
 * What stays is stable. */
static void test_shifts_are_seen(void **state) {
    (void)state;
    enum { ROWS = 4000 };
    static double values[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        values[i] = (double)(i * 7919 % ROWS);
    struct model_bins numbers = bins_of(values, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        values[i] = i % 10 == 0 ? 3 : (double)(i % 3);
    struct model_bins codes = bins_of(values, ROWS);
    uint64_t same[MODEL_REFERENCE_BINS_MAX] = {0}, missing[MODEL_REFERENCE_BINS_MAX] = {0},
             beyond[MODEL_REFERENCE_BINS_MAX] = {0}, swapped[MODEL_REFERENCE_BINS_MAX] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        double number = (double)(i * 31 % ROWS);
        same[model_bins_of(&numbers, number)]++;
        missing[model_bins_of(&numbers, i % 2 ? NAN : number)]++;
        beyond[model_bins_of(&numbers, i % 2 ? number + ROWS : number)]++;
        swapped[model_bins_of(&codes, i % 10 == 0 ? 0 : (double)(i % 3 + 1))]++;
    }
    assert_true(model_bins_drift(&numbers, same) < 0.001);
    assert_true(model_bins_drift(&numbers, missing) > STABILITY_SHIFT);
    assert_true(model_bins_drift(&numbers, beyond) > STABILITY_SHIFT);
    assert_true(model_bins_drift(&codes, swapped) > STABILITY_SHIFT);
    assert_true(model_bins_drift(&codes, codes.counts) < 1e-12);
}

/* ---- files ---- */

static const char good[] =
    "{\"format\":\"harrier-reference-1\",\"rows\":10,\"from\":\"2025-01-01T00:00:00Z\","
    "\"until\":\"2025-02-01T00:00:00Z\",\"inputs\":["
    "{\"name\":\"amount\",\"missing\":1,\"edges\":[-1.5,0.1,20],\"counts\":[0,4,5,0]},"
    "{\"name\":\"hour \\\"h\\\"\",\"missing\":10,\"edges\":[],\"counts\":[0]}],"
    "\"score\":{\"missing\":0,\"edges\":[0.25],\"counts\":[3,7]}}\n";

static void test_written_as_read(void **state) {
    (void)state;
    struct model_reference reference;
    struct error error;
    assert_int_equal(model_reference_read(text_of(good), &arena, &reference, &error), 0);
    assert_int_equal(reference.rows, 10);
    assert_int_equal(reference.input_count, 2);
    assert_true(text_is(reference.inputs[1].name, "hour \"h\""));
    assert_true(reference.inputs[0].edges[1] == 0.1 && reference.inputs[0].counts[0] == 1);
    struct buffer out;
    buffer_init(&out);
    model_reference_write(&reference, &out);
    assert_int_equal(out.length, strlen(good));
    assert_memory_equal(out.bytes, good, out.length);
    buffer_deinit(&out);
}

static char *replaced(const char *from, const char *to) {
    const char *at = strstr(good, from);
    assert_non_null(at);
    char *bytes = check_malloc(strlen(good) + strlen(to) + 1);
    memcpy(bytes, good, (size_t)(at - good));
    strcpy(bytes + (at - good), to);
    strcat(bytes, at + strlen(from));
    return bytes;
}

static void test_what_is_wrong_is_named(void **state) {
    (void)state;
    const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"reference-1", "reference-2", "format: expected \"harrier-reference-1\""},
        {"\"rows\":10", "\"rows\":0", "rows: expected at least 1"},
        {"\"rows\":10", "\"rows\":-1", "rows: expected a whole number from 0 to 10^12"},
        {"\"rows\":10", "\"rows\":11",
         "input \"amount\": missing and counts add up to 10; expected 11, as many as rows"},
        {"\"2025-01-01T00:00:00Z\"", "5", "from: expected a time as a string"},
        {"\"name\":\"amount\"", "\"name\":\"\"", "inputs[0].name: expected an input's name"},
        {"\"missing\":1,", "", "input \"amount\".missing: expected a whole number from 0 to 10^12"},
        {"-1.5,0.1", "0.1,0.1", "input \"amount\".edges: expected finite numbers that ascend"},
        {"-1.5,0.1", "\"a\",0.1", "input \"amount\".edges: expected finite numbers that ascend"},
        {"[0,4,5,0]", "[0,4,5]",
         "input \"amount\".counts: expected 4 counts, one more than edges, from 0 to 10^12"},
        {"[0,4,5,0]", "[0,4,5.5,0]",
         "input \"amount\".counts: expected 4 counts, one more than edges, from 0 to 10^12"},
        {"[0.25]",
         "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
         "30,31,32]",
         "score.edges: expected an array of at most 31 numbers"},
        {"\"score\":", "\"scores\":", "score: expected an object with missing, edges and counts"},
        {"\"inputs\":[", "\"inputs\":[[],", "inputs[0].name: expected an input's name"},
        {"\"rows\":10", "\"rows\":10,\"rows\":10", "not JSON: line 1, column "},
        {"\"rows\":10", "\x1b[2J", "not JSON: line 1, column "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_reference reference;
        struct error error;
        char *bytes = replaced(cases[i].from, cases[i].to);
        assert_int_equal(model_reference_read(text_of(bytes), &arena, &reference, &error),
                         -ERROR_INVALID);
        assert_true(text_is_clean(text_of(error.text), NULL));
        error.text[strlen(cases[i].message)] = '\0'; /* what jansson says differs */
        assert_string_equal(error.text, cases[i].message);
        free(bytes);
    }
}

static void test_sizes_are_limited(void **state) {
    (void)state;
    struct model_reference reference;
    struct error error;
    size_t length = MODEL_REFERENCE_BYTES_MAX + 1;
    char *bytes = check_malloc(length);
    const char fills[] = {' ', '[', ','};
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(bytes, fills[i], length);
        assert_int_equal(
            model_reference_read((struct text){bytes, length - i}, &arena, &reference, &error),
            -ERROR_TOO_LARGE);
    }
    free(bytes);
}

/* With a byte changed or the end cut off: refused with a message, or as good as any. */
static void test_damaged_files(void **state) {
    (void)state;
    uint64_t seed = asked_seed(3);
    for (uint64_t step = 0; step < asked_steps(20000); step++) {
        char bytes[sizeof good];
        struct model_reference reference;
        struct error error = {0};
        size_t length = split_mix(&seed) % 8 ? sizeof good - 1 : split_mix(&seed) % sizeof good;
        memcpy(bytes, good, sizeof good);
        bytes[split_mix(&seed) % (sizeof good - 1)] = (char)split_mix(&seed);
        arena_reset(&arena);
        if (model_reference_read((struct text){bytes, length}, &arena, &reference, &error) < 0) {
            assert_true(error.text[0] != '\0');
            continue;
        }
        for (size_t i = 0; i < reference.input_count; i++)
            assert_true(model_bins_of(&reference.inputs[i], 1) <
                        model_bins_count(&reference.inputs[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_values_have_a_bin_each),
        cmocka_unit_test(test_any_number_of_edges),
        cmocka_unit_test(test_edges_are_finite),
        cmocka_unit_test(test_many_values_are_cut_in_tenths),
        cmocka_unit_test(test_the_index_beside_pythons),
        cmocka_unit_test(test_shifts_are_seen),
        cmocka_unit_test(test_written_as_read),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_sizes_are_limited),
        cmocka_unit_test(test_damaged_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
