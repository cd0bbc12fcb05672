/* A reference file is small beside its model: some sixty numbers for each input. Commas and
 * brackets are counted before it is parsed, so that memory stays bounded whatever the bytes are. */
#include "model_reference.h"

#include "core/base/check.h"
#include "core/base/digits.h"
#include "core/base/json_writer.h"
#include "forest.h"
#include "stability.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TIME_BYTES_MAX 64
#define CONTAINERS_MAX (3 * (MODEL_INPUTS_MAX + 1) + 2)
#define COMMAS_MAX     ((size_t)(MODEL_INPUTS_MAX + 1) * (2 * MODEL_REFERENCE_BINS_MAX + 4))
#define DISTINCT_MAX   20 /* different values that have a bin each */
#define SHARES         10 /* of a bin otherwise, at least */
#define PATH_BYTES     (MODEL_NAME_MAX + 32)

_Static_assert(DISTINCT_MAX + 1 <= MODEL_REFERENCE_EDGES_MAX, "each value begins a bin");

/* ---- reading ---- */

struct reference_reader {
    struct arena *arena;
    struct error *error;
    uint64_t rows;
};

static int refuse(struct reference_reader *reader, const char *path, const char *key,
                  const char *expected) {
    return error_set(reader->error, ERROR_INVALID, "%s%s%s: expected %s", path, *path ? "." : "",
                     key, expected);
}

static int read_whole(struct reference_reader *reader, const json_t *object, const char *path,
                      const char *key, uint64_t *ret_number) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > MODEL_REFERENCE_ROWS_MAX)
        return refuse(reader, path, key, "a whole number from 0 to 10^12");
    *ret_number = (uint64_t)json_integer_value(value);
    return 0;
}

static int read_time(struct reference_reader *reader, const json_t *root, const char *key,
                     struct text *ret_text) {
    const json_t *value = json_object_get(root, key);
    struct text t = {.data = json_string_value(value), .length = json_string_length(value)};
    if (value && (!t.data || t.length > TIME_BYTES_MAX || !text_is_clean(t, NULL)))
        return refuse(reader, "", key, "a time as a string");
    *ret_text = arena_text(reader->arena, t);
    check(ret_text->data);
    return 0;
}

static int read_edges(struct reference_reader *reader, const json_t *object, const char *path,
                      struct model_bins *bins) {
    const json_t *array = json_object_get(object, "edges");
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > MODEL_REFERENCE_EDGES_MAX)
        return refuse(reader, path, "edges", "an array of at most 31 numbers");
    double *edges = arena_calloc(reader->arena, count + 1, sizeof *edges);
    check(edges);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(array, i);
        edges[i] = json_number_value(item) + 0.0; /* -0 is 0, as which it would be read again */
        if (!json_is_number(item) || !isfinite(edges[i]) || (i > 0 && edges[i] <= edges[i - 1]))
            return refuse(reader, path, "edges", "finite numbers that ascend");
    }
    bins->edges = edges;
    bins->edge_count = count;
    return 0;
}

static int read_counts(struct reference_reader *reader, const json_t *object, const char *path,
                       struct model_bins *bins) {
    const json_t *array = json_object_get(object, "counts");
    char expected[128];
    snprintf(expected, sizeof expected, "%zu counts, one more than edges, from 0 to 10^12",
             bins->edge_count + 1);
    if (!json_is_array(array) || json_array_size(array) != bins->edge_count + 1)
        return refuse(reader, path, "counts", expected);
    uint64_t *counts = arena_calloc(reader->arena, model_bins_count(bins), sizeof *counts);
    check(counts);
    int r = read_whole(reader, object, path, "missing", &counts[0]);
    uint64_t sum = counts[0];
    for (size_t i = 0; i <= bins->edge_count && r == 0; i++) {
        const json_t *item = json_array_get(array, i);
        json_int_t number = json_integer_value(item);
        if (!json_is_integer(item) || number < 0 || (uint64_t)number > MODEL_REFERENCE_ROWS_MAX)
            return refuse(reader, path, "counts", expected);
        counts[i + 1] = (uint64_t)number;
        sum += counts[i + 1];
    }
    if (r == 0 && sum != reader->rows)
        r = error_set(reader->error, ERROR_INVALID,
                      "%s: missing and counts add up to %llu; expected %llu, as many as rows", path,
                      (unsigned long long)sum, (unsigned long long)reader->rows);
    bins->counts = counts;
    return r;
}

static int read_bins(struct reference_reader *reader, const json_t *object, const char *path,
                     struct model_bins *ret_bins) {
    struct model_bins bins = {0};
    if (!json_is_object(object))
        return error_set(reader->error, ERROR_INVALID,
                         "%s: expected an object with missing, edges and counts", path);
    int r = read_edges(reader, object, path, &bins);
    if (r == 0)
        r = read_counts(reader, object, path, &bins);
    if (r == 0)
        *ret_bins = bins;
    return r;
}

static int read_input(struct reference_reader *reader, const json_t *object, size_t index,
                      struct model_bins *ret_bins) {
    char path[PATH_BYTES];
    const json_t *value = json_object_get(object, "name");
    struct text name = {.data = json_string_value(value), .length = json_string_length(value)};
    snprintf(path, sizeof path, "inputs[%zu]", index);
    if (name.length == 0 || name.length > MODEL_NAME_MAX || !text_is_clean(name, NULL))
        return refuse(reader, path, "name", "an input's name");
    snprintf(path, sizeof path, "input \"%" TEXT_FORMAT "\"", TEXT_ARGS(name));
    int r = read_bins(reader, object, path, ret_bins);
    ret_bins->name = arena_text(reader->arena, name);
    check(ret_bins->name.data);
    return r;
}

static int read_inputs(struct reference_reader *reader, const json_t *root,
                       struct model_reference *reference) {
    const json_t *array = json_object_get(root, "inputs");
    size_t count = json_array_size(array);
    if (count == 0 || count > MODEL_INPUTS_MAX)
        return refuse(reader, "", "inputs", "an array of 1 to 1000 inputs");
    struct model_bins *inputs = arena_calloc(reader->arena, count, sizeof *inputs);
    check(inputs);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = read_input(reader, json_array_get(array, i), i, &inputs[i]);
    reference->inputs = inputs;
    reference->input_count = count;
    return r;
}

static int read_document(struct reference_reader *reader, const json_t *root,
                         struct model_reference *reference) {
    const char *format = json_string_value(json_object_get(root, "format"));
    if (!format || strcmp(format, MODEL_REFERENCE_FORMAT) != 0)
        return refuse(reader, "", "format", "\"" MODEL_REFERENCE_FORMAT "\"");
    int r = read_whole(reader, root, "", "rows", &reference->rows);
    if (r == 0 && reference->rows == 0)
        r = refuse(reader, "", "rows", "at least 1");
    reader->rows = reference->rows;
    if (r == 0)
        r = read_time(reader, root, "from", &reference->from);
    if (r == 0)
        r = read_time(reader, root, "until", &reference->until);
    if (r == 0)
        r = read_inputs(reader, root, reference);
    return r < 0 ? r
                 : read_bins(reader, json_object_get(root, "score"), "score", &reference->score);
}

static int check_size(struct text file, struct error *ret_error) {
    size_t containers = 0, commas = 0;
    for (size_t i = 0; i < file.length && file.length <= MODEL_REFERENCE_BYTES_MAX; i++) {
        containers += file.data[i] == '[' || file.data[i] == '{';
        commas += file.data[i] == ',';
    }
    if (file.length > MODEL_REFERENCE_BYTES_MAX || containers > CONTAINERS_MAX ||
        commas > COMMAS_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "%zu bytes, %zu arrays and objects, %zu commas; expected at most %u, %u "
                         "and %zu in a reference of a model",
                         file.length, containers, commas, MODEL_REFERENCE_BYTES_MAX, CONTAINERS_MAX,
                         COMMAS_MAX);
    return 0;
}

int model_reference_read(struct text file, struct arena *arena,
                         struct model_reference *ret_reference, struct error *ret_error) {
    struct reference_reader reader = {.arena = arena, .error = ret_error};
    struct model_reference reference = {0};
    json_error_t where;
    int r = check_size(file, ret_error);
    if (r < 0)
        return r;
    json_t *root =
        json_loadb(file.data ? file.data : "", file.length, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        r = error_set(ret_error, ERROR_INVALID, "not JSON: line %d, column %d: %s", where.line,
                      where.column, where.text);
        error_make_printable(ret_error);
        return r;
    }
    r = read_document(&reader, root, &reference);
    json_decref(root);
    if (r == 0)
        *ret_reference = reference;
    return r;
}

/* ---- writing ---- */

static void write_bins(const struct model_bins *bins, struct buffer *out) {
    if (bins->name.length > 0)
        json_add_text(out, "name", bins->name);
    json_add_unsigned(out, "missing", bins->counts[0]);
    json_begin_array(out, "edges");
    for (size_t i = 0; i < bins->edge_count; i++) {
        char digits[DIGITS_SIZE];
        digits[digits_double(bins->edges[i], digits)] = '\0';
        json_add_number(out, NULL, digits);
    }
    json_end_array(out);
    json_begin_array(out, "counts");
    for (size_t i = 0; i <= bins->edge_count; i++)
        json_add_unsigned(out, NULL, bins->counts[i + 1]);
    json_end_array(out);
}

void model_reference_write(const struct model_reference *reference, struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_text(out, "format", TEXT_LITERAL(MODEL_REFERENCE_FORMAT));
    json_add_unsigned(out, "rows", reference->rows);
    json_add_text(out, "from", reference->from);
    json_add_text(out, "until", reference->until);
    json_begin_array(out, "inputs");
    for (size_t i = 0; i < reference->input_count; i++) {
        json_begin_object(out, NULL);
        write_bins(&reference->inputs[i], out);
        json_end_object(out);
    }
    json_end_array(out);
    json_begin_object(out, "score");
    write_bins(&reference->score, out);
    json_end_object(out);
    json_end_object(out);
    buffer_append_u8(out, '\n');
}

/* ---- bins ---- */

static int compare_numbers(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The values that are not missing, sorted, to the front. */
static size_t sort_present(double *values, size_t count) {
    size_t present = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[present++] = values[i];
    if (present > 1)
        qsort(values, present, sizeof *values, compare_numbers);
    return present;
}

static size_t count_distinct(const double *values, size_t count) {
    size_t distinct = count > 0;
    for (size_t i = 1; i < count && distinct <= DISTINCT_MAX; i++)
        distinct += values[i] > values[i - 1];
    return distinct;
}

/* An edge stands at the first value of its bin. A bin ends as soon as it has its share, so a value
 * that most rows have is not cut in two. */
static size_t find_edges(const double *values, size_t count, double *edges) {
    bool each = count_distinct(values, count) <= DISTINCT_MAX;
    size_t found = 0, begin = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_new = i == 0 || values[i] > values[i - 1];
        bool is_full = i == 0 || each || (i - begin) * SHARES >= count;
        if (!is_new || !is_full || !isfinite(values[i]))
            continue;
        edges[found++] = values[i];
        begin = i;
    }
    double above = count > 0 ? nextafter(values[count - 1], INFINITY) : INFINITY;
    if (found > 0 && isfinite(above))
        edges[found++] = above;
    return found;
}

void model_bins_make(struct text name, double *values, size_t count, struct arena *arena,
                     struct model_bins *ret_bins) {
    size_t present = sort_present(values, count);
    double *edges = arena_calloc(arena, MODEL_REFERENCE_EDGES_MAX, sizeof *edges);
    uint64_t *counts = arena_calloc(arena, MODEL_REFERENCE_BINS_MAX, sizeof *counts);
    check(edges && counts);
    struct model_bins bins = {.name = name, .edges = edges, .counts = counts};
    bins.edge_count = find_edges(values, present, edges);
    counts[0] = count - present;
    for (size_t i = 0; i < present; i++)
        counts[model_bins_of(&bins, values[i])]++;
    *ret_bins = bins;
}

/* Halving without a branch to mispredict: edges before `at` are not above the value, and those from
 * at + left on are. */
size_t model_bins_of(const struct model_bins *bins, double value) {
    const double *at = bins->edges;
    size_t left = bins->edge_count;
    if (isnan(value))
        return 0;
    while (left > 1) {
        size_t half = left / 2;
        at += at[half - 1] <= value ? half : 0;
        left -= half;
    }
    return (size_t)(at - bins->edges) + (left > 0 && at[0] <= value) + 1;
}

double model_bins_drift(const struct model_bins *bins, const uint64_t *counts) {
    return stability_index(bins->counts, counts, model_bins_count(bins));
}
