/* Reading an isolation forest. What a leaf adds to the margin depends on its depth and its rows
 * alone, so it is computed here, and the trees are like any others. Children stand behind their
 * parents, which makes depths known in one pass and rules out cycles. */
#include "isolation.h"

#include "elementary.h"
#include "forest.h"
#include "json_size.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

struct isolation {
    struct forest *forest;
    struct error *error;
    const json_t *trees;
    double unit; /* what one split adds to a margin */
};

double isolation_mean_path(double n) {
    static const double euler = 0.5772156649015329;
    if (n <= 1)
        return 0;
    if (n <= 2)
        return 1;
    return 2 * (elementary_log(n - 1) + euler) - 2 * (n - 1) / n;
}

static int refuse(struct isolation *reader, const char *path, const char *expected) {
    return error_set(reader->error, ERROR_INVALID, "%s: missing or of another type; expected %s",
                     path, expected);
}

/* ---- one tree ---- */

enum array { LEFT, INPUT, LIMIT, MISSING_LEFT, ROWS, ARRAYS };

struct tree_arrays {
    const json_t *arrays[ARRAYS];
    size_t count; /* of nodes */
};

static int find_arrays(struct isolation *reader, const json_t *tree, size_t index,
                       struct tree_arrays *ret_arrays) {
    static const char *const names[ARRAYS] = {"left", "input", "limit", "missing_left", "rows"};
    struct tree_arrays found = {0};
    for (size_t a = 0; a < ARRAYS; a++) {
        const json_t *array = json_object_get(tree, names[a]), *item;
        size_t i;
        if (!json_is_array(array))
            return error_set(reader->error, ERROR_INVALID, "tree %zu: %s is not an array", index,
                             names[a]);
        if (a == 0)
            found.count = json_array_size(array);
        if (json_array_size(array) != found.count)
            return error_set(reader->error, ERROR_INVALID,
                             "tree %zu: %s has %zu elements; expected %zu, one for each node",
                             index, names[a], json_array_size(array), found.count);
        json_array_foreach((json_t *)(uintptr_t)array, i, item) {
            if (a == LIMIT ? !json_is_number(item) : !json_is_integer(item))
                return error_set(reader->error, ERROR_INVALID, "tree %zu: %s[%zu] is not %s", index,
                                 names[a], i, a == LIMIT ? "a number" : "a whole number");
        }
        found.arrays[a] = array;
    }
    *ret_arrays = found;
    return 0;
}

static int64_t integer_at(const struct tree_arrays *tree, enum array array, size_t node) {
    return json_integer_value(json_array_get(tree->arrays[array], node));
}

static int refuse_node(struct isolation *reader, size_t tree, size_t node, const char *what) {
    return error_set(reader->error, ERROR_INVALID, "tree %zu: node %zu: %s", tree, node, what);
}

static int read_split(struct isolation *reader, const struct tree_arrays *tree, size_t index,
                      size_t i, struct forest_node *node) {
    int64_t left = integer_at(tree, LEFT, i), input = integer_at(tree, INPUT, i),
            missing_left = integer_at(tree, MISSING_LEFT, i);
    if (left <= (int64_t)i || left >= (int64_t)tree->count - 1)
        return refuse_node(reader, index, i,
                           "left is neither -1 nor a node behind this one with another after it");
    if (input < 0 || input >= (int64_t)reader->forest->input_count)
        return refuse_node(reader, index, i, "there is no input with the number of its split");
    if (missing_left != 0 && missing_left != 1)
        return refuse_node(reader, index, i, "missing_left is neither 0 nor 1");
    if (integer_at(tree, ROWS, (size_t)left) + integer_at(tree, ROWS, (size_t)left + 1) !=
        integer_at(tree, ROWS, i))
        return refuse_node(reader, index, i, "its rows are not those of its children together");
    node->test = FOREST_LESS;
    node->left = (size_t)left;
    node->right = (size_t)left + 1;
    node->input = (uint32_t)input;
    node->default_left = missing_left == 1;
    node->value = json_number_value(json_array_get(tree->arrays[LIMIT], i));
    return 0;
}

/* Of all nodes before any sum of them. */
static int check_rows(struct isolation *reader, const struct tree_arrays *tree, size_t index) {
    for (size_t i = 0; i < tree->count; i++) {
        int64_t rows = integer_at(tree, ROWS, i);
        if (rows < 1 || rows > ISOLATION_SAMPLE_MAX)
            return error_set(reader->error, ERROR_INVALID,
                             "tree %zu: node %zu has %lld rows; expected 1 to %u", index, i,
                             (long long)rows, ISOLATION_SAMPLE_MAX);
    }
    return 0;
}

static int read_node(struct isolation *reader, const struct tree_arrays *tree, size_t index,
                     size_t i, struct forest_node *nodes, uint32_t *depths) {
    double rows = (double)integer_at(tree, ROWS, i);
    nodes[i].cover = rows;
    if (integer_at(tree, LEFT, i) == -1) {
        nodes[i].test = FOREST_LEAF;
        nodes[i].value = reader->unit * (depths[i] + isolation_mean_path(rows));
        return 0;
    }
    int r = read_split(reader, tree, index, i, &nodes[i]);
    if (r == 0)
        depths[nodes[i].left] = depths[nodes[i].right] = depths[i] + 1;
    return r;
}

static int read_tree(struct isolation *reader, const json_t *tree, size_t index) {
    struct tree_arrays arrays = {0};
    struct forest_node *nodes = NULL;
    int r = find_arrays(reader, tree, index, &arrays);
    if (r == 0)
        r = check_rows(reader, &arrays, index);
    if (r == 0)
        r = forest_add_tree(reader->forest, 0, arrays.count, &nodes, reader->error);
    if (r < 0)
        return r;
    uint32_t *depths = arena_calloc(reader->forest->arena, arrays.count, sizeof *depths);
    for (size_t i = 0; i < arrays.count && r == 0; i++)
        r = read_node(reader, &arrays, index, i, nodes, depths);
    return r;
}

/* ---- the whole ---- */

static int read_names(struct isolation *reader, const json_t *root) {
    struct forest *forest = reader->forest;
    const json_t *names = json_object_get(root, "inputs");
    size_t count = json_array_size(names);
    if (count == 0 || count > MODEL_INPUTS_MAX)
        return error_set(reader->error, ERROR_INVALID, "inputs: expected a list of 1 to %u names",
                         MODEL_INPUTS_MAX);
    forest->inputs = arena_calloc(forest->arena, count, sizeof *forest->inputs);
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(names, i);
        size_t length = json_string_length(name);
        if (length == 0 || length > MODEL_NAME_MAX)
            return error_set(reader->error, ERROR_INVALID,
                             "inputs[%zu]: expected a name of at most %u bytes", i, MODEL_NAME_MAX);
        forest->inputs[i] = arena_text(
            forest->arena, (struct text){.data = json_string_value(name), .length = length});
    }
    forest->input_count = count;
    return 0;
}

static int read_head(struct isolation *reader, const json_t *root) {
    const char *format = json_string_value(json_object_get(root, "format"));
    if (!format || strcmp(format, "isolation-forest") != 0)
        return refuse(reader, "format", "\"isolation-forest\"");
    const json_t *version = json_object_get(root, "version"),
                 *sample = json_object_get(root, "sample");
    reader->trees = json_object_get(root, "trees");
    if (!json_is_integer(version))
        return refuse(reader, "version", "1");
    if (json_integer_value(version) != 1)
        return error_set(reader->error, ERROR_UNSUPPORTED, "version %lld; expected 1",
                         (long long)json_integer_value(version));
    json_int_t rows = json_integer_value(sample);
    if (!json_is_integer(sample) || rows < 2 || rows > ISOLATION_SAMPLE_MAX)
        return error_set(reader->error, ERROR_INVALID,
                         "sample: expected a whole number from 2 to %u", ISOLATION_SAMPLE_MAX);
    size_t trees = json_array_size(reader->trees);
    if (trees == 0)
        return refuse(reader, "trees", "a list of at least one tree");
    reader->unit = -1 / ((double)trees * isolation_mean_path((double)rows));
    return 0;
}

static int read_document(struct isolation *reader, const json_t *root) {
    struct forest *forest = reader->forest;
    int r = read_head(reader, root);
    if (r == 0)
        r = read_names(reader, root);
    if (r < 0)
        return r;
    forest->output_count = 1;
    forest->base = arena_calloc(forest->arena, 1, sizeof *forest->base);
    forest->link = FOREST_LINK_ANOMALY;
    for (size_t i = 0; i < json_array_size(reader->trees) && r == 0; i++)
        r = read_tree(reader, json_array_get(reader->trees, i), i);
    return r;
}

int isolation_read(struct text file, struct forest *forest, struct error *ret_error) {
    struct isolation reader = {.forest = forest, .error = ret_error};
    json_error_t where;
    int r = json_size_check(file, ret_error);
    if (r < 0)
        return r;
    json_t *root = json_loadb(file.data, file.length, 0, &where);
    if (!root)
        return error_set(ret_error, ERROR_INVALID, "not JSON: line %d, column %d: %s", where.line,
                         where.column, where.text);
    r = read_document(&reader, root);
    json_decref(root);
    return r;
}
