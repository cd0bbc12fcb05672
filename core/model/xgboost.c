/* XGBoost's models, versions 1.7 to 3.x, as JSON and as UBJ (Universal Binary JSON): the same tree
 * of objects, so one reader serves both. doc/model.schema of XGBoost describes it.
 *
 * Only what predicts is read. A tree's arrays are parallel, one element a node: a leaf has left
 * child -1 and its value in split_conditions. Numbers are written with the fewest digits that read
 * back as the same float, so reading them as double and rounding gives that float. Nodes that
 * nothing refers to are left over from pruning. */
#include "elementary.h"
#include "forest.h"
#include "json_size.h"
#include "ubj.h"

#include "core/base/buffer.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

struct xgboost {
    struct forest *forest;
    struct error *error;
    const json_t *model;     /* learner.gradient_booster.model */
    bool is_base_kept_apart; /* since 3.2, a probability to begin with is kept from 0 and 1 */
};

static int refuse(struct xgboost *reader, const char *path, const char *expected) {
    return error_set(reader->error, ERROR_INVALID, "%s: missing or of another type; expected %s",
                     path, expected);
}

/* ---- parts of the document ---- */

static int find(struct xgboost *reader, const json_t *object, const char *key, const char *path,
                json_type type, const json_t **ret_value) {
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string"};
    const json_t *value = json_object_get(object, key);
    if (!value || json_typeof(value) != type)
        return refuse(reader, path, names[type]);
    *ret_value = value;
    return 0;
}

/* null stands for NaN, which XGBoost writes where a number means nothing. */
static bool is_number(const json_t *value) {
    return json_is_number(value) || json_is_boolean(value) || json_is_null(value);
}

static double number_of(const json_t *value) {
    if (json_is_null(value))
        return NAN;
    return json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value);
}

/* An array of the tree with one number for each node (count), or with any number (SIZE_MAX). */
static int find_numbers(struct xgboost *reader, const json_t *tree, size_t index, const char *key,
                        size_t count, const json_t **ret_array) {
    const json_t *array = json_object_get(tree, key);
    if (!json_is_array(array))
        return error_set(reader->error, ERROR_INVALID, "tree %zu: %s is not an array", index, key);
    if (count != SIZE_MAX && json_array_size(array) != count)
        return error_set(reader->error, ERROR_INVALID,
                         "tree %zu: %s has %zu elements; expected %zu, one for each node", index,
                         key, json_array_size(array), count);
    size_t i;
    const json_t *item;
    json_array_foreach((json_t *)(uintptr_t)array, i, item) if (!is_number(item)) return error_set(
        reader->error, ERROR_INVALID, "tree %zu: %s[%zu] is not a number", index, key, i);
    *ret_array = array;
    return 0;
}

static double at(const json_t *array, size_t i) {
    return number_of(json_array_get(array, i));
}

/* A number of the model's parameters, which are strings: "5E-1", since 3.1 also "[5E-1,2E-1]".
 * Returns how many, at most MODEL_OUTPUTS_MAX. */
static int parse_numbers(struct xgboost *reader, const char *path, const char *string,
                         double ret_numbers[MODEL_OUTPUTS_MAX], size_t *ret_count) {
    char list[4096];
    int length = snprintf(list, sizeof list, "%s%s%s", *string == '[' ? "" : "[", string,
                          *string == '[' ? "" : "]");
    json_t *numbers = length > 0 && (size_t)length < sizeof list
                          ? json_loads(list, JSON_DECODE_INT_AS_REAL, NULL)
                          : NULL;
    size_t count = json_array_size(numbers);
    bool good = count > 0 && count <= MODEL_OUTPUTS_MAX;
    for (size_t i = 0; i < count && good; i++) {
        good = json_is_number(json_array_get(numbers, i));
        ret_numbers[i] = at(numbers, i);
    }
    json_decref(numbers);
    *ret_count = count;
    return good ? 0 : refuse(reader, path, "a number or a list of numbers, in a string");
}

static int find_parameter(struct xgboost *reader, const json_t *object, const char *key,
                          const char *path, double least, double most, double *ret_number) {
    const json_t *value = NULL;
    double numbers[MODEL_OUTPUTS_MAX];
    size_t count = 0;
    int r = find(reader, object, key, path, JSON_STRING, &value);
    if (r == 0)
        r = parse_numbers(reader, path, json_string_value(value), numbers, &count);
    if (r < 0)
        return r;
    if (!(numbers[0] >= least && numbers[0] <= most) || numbers[0] != floor(numbers[0]))
        return error_set(reader->error, ERROR_TOO_LARGE,
                         "%s is %s; expected a whole number from %.0f to %.0f", path,
                         json_string_value(value), least, most);
    *ret_number = numbers[0];
    return 0;
}

/* ---- one tree ---- */

struct arrays {
    const json_t *left, *right, *inputs, *limits, *defaults, *covers, *types;
    const json_t *categories, *category_nodes, *category_segments, *category_sizes;
};

static int find_arrays(struct xgboost *reader, const json_t *tree, size_t index,
                       struct arrays *ret_arrays) {
    struct arrays arrays = {0};
    int r = find_numbers(reader, tree, index, "left_children", SIZE_MAX, &arrays.left);
    size_t count = r == 0 ? json_array_size(arrays.left) : 0;
    const struct {
        const char *key;
        const json_t **array;
        bool is_per_node;
    } others[] = {
        {"right_children", &arrays.right, true},
        {"split_indices", &arrays.inputs, true},
        {"split_conditions", &arrays.limits, true},
        {"default_left", &arrays.defaults, true},
        {"sum_hessian", &arrays.covers, true},
        {"split_type", &arrays.types, true},
        {"categories", &arrays.categories, false},
        {"categories_nodes", &arrays.category_nodes, false},
        {"categories_segments", &arrays.category_segments, false},
        {"categories_sizes", &arrays.category_sizes, false},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others && r == 0; i++)
        r = find_numbers(reader, tree, index, others[i].key,
                         others[i].is_per_node ? count : SIZE_MAX, others[i].array);
    if (r == 0)
        *ret_arrays = arrays;
    return r;
}

/* A child's index as the file has it; SIZE_MAX: not a whole number from 0 up. */
static size_t child_of(double index) {
    return index >= 0 && index < (double)MODEL_NODES_MAX && index == floor(index) ? (size_t)index
                                                                                  : SIZE_MAX;
}

static int read_node(struct xgboost *reader, const struct arrays *arrays, size_t tree, size_t i,
                     struct forest_node *node) {
    double limit = at(arrays->limits, i), left = at(arrays->left, i);
    *node = (struct forest_node){
        .test = FOREST_LEAF, .value = (double)(float)limit, .cover = at(arrays->covers, i)};
    if (left == -1)
        return 0;
    double input = at(arrays->inputs, i), type = at(arrays->types, i);
    node->left = child_of(left);
    node->right = child_of(at(arrays->right, i));
    node->default_left = at(arrays->defaults, i) != 0;
    /* What a pruned node has is an error only if anything leads there. */
    bool is_input = input >= 0 && input < (double)reader->forest->input_count;
    node->input = is_input && input == floor(input) ? (uint32_t)input : UINT32_MAX;
    if (type != 0 && type != 1)
        return error_set(reader->error, ERROR_UNSUPPORTED,
                         "tree %zu: split_type of node %zu is %g; expected 0 or 1", tree, i, type);
    node->test = type == 0 ? FOREST_LESS : FOREST_CATEGORY;
    if (type == 1)
        node->value = 0; /* it has no limit; 1.7 writes NaN */
    return 0;
}

/* The categories of one node, which go to its right child. */
static int read_categories(struct xgboost *reader, const struct arrays *arrays, size_t tree,
                           size_t index, struct forest_node *nodes, size_t node_count) {
    size_t i = child_of(at(arrays->category_nodes, index));
    double begin = at(arrays->category_segments, index), size = at(arrays->category_sizes, index);
    size_t total = json_array_size(arrays->categories);
    if (i >= node_count || nodes[i].test != FOREST_CATEGORY)
        return error_set(reader->error, ERROR_INVALID,
                         "tree %zu: categories_nodes[%zu] is no categorical split", tree, index);
    if (!(begin >= 0 && size >= 1 && begin + size <= (double)total) || begin != floor(begin) ||
        size != floor(size))
        return error_set(reader->error, ERROR_INVALID,
                         "tree %zu: node %zu: categories %g to %g; there are %zu", tree, i, begin,
                         begin + size, total);
    size_t first = (size_t)begin, count = (size_t)size;
    double greatest = 0;
    for (size_t c = first; c < first + count; c++) {
        double category = at(arrays->categories, c);
        if (!(category >= 0 && category < MODEL_CATEGORIES_MAX) || category != floor(category))
            return error_set(reader->error, ERROR_INVALID,
                             "tree %zu: node %zu: category %g; expected 0 to %u", tree, i, category,
                             MODEL_CATEGORIES_MAX - 1);
        greatest = category > greatest ? category : greatest;
    }
    uint32_t *words = NULL;
    nodes[i].word_count = (size_t)greatest / 32 + 1;
    int r = forest_add_words(reader->forest, nodes[i].word_count, &nodes[i].first_word, &words,
                             reader->error);
    for (size_t c = first; c < first + count && r == 0; c++) {
        uint32_t category = (uint32_t)at(arrays->categories, c);
        words[category / 32] |= UINT32_C(1) << category % 32;
    }
    return r;
}

static int read_tree(struct xgboost *reader, size_t index, const json_t *tree, size_t output) {
    const json_t *parameters = json_object_get(tree, "tree_param");
    const char *width = json_string_value(json_object_get(parameters, "size_leaf_vector"));
    if (width && atoi(width) > 1)
        return error_set(reader->error, ERROR_UNSUPPORTED,
                         "tree %zu has a vector in each leaf (multi_strategy multi_output_tree); "
                         "expected one output per tree",
                         index);
    struct arrays arrays = {0};
    struct forest_node *nodes = NULL;
    int r = find_arrays(reader, tree, index, &arrays);
    size_t count = r == 0 ? json_array_size(arrays.left) : 0;
    if (r == 0)
        r = forest_add_tree(reader->forest, output, count, &nodes, reader->error);
    for (size_t i = 0; i < count && r == 0; i++)
        r = read_node(reader, &arrays, index, i, &nodes[i]);
    if (r < 0)
        return r;
    size_t sets = json_array_size(arrays.category_nodes);
    if (json_array_size(arrays.category_segments) != sets ||
        json_array_size(arrays.category_sizes) != sets)
        return error_set(reader->error, ERROR_INVALID,
                         "tree %zu: categories_nodes, categories_segments and categories_sizes "
                         "differ in length",
                         index);
    for (size_t i = 0; i < sets && r == 0; i++)
        r = read_categories(reader, &arrays, index, i, nodes, count);
    for (size_t i = 0; i < count && r == 0; i++)
        if (nodes[i].test == FOREST_CATEGORY && nodes[i].word_count == 0)
            r = error_set(reader->error, ERROR_INVALID,
                          "tree %zu: node %zu is a categorical split without categories", index, i);
    return r;
}

/* ---- the whole ---- */

static int read_trees(struct xgboost *reader) {
    const json_t *trees = NULL, *outputs = NULL;
    int r = find(reader, reader->model, "trees", "learner.gradient_booster.model.trees", JSON_ARRAY,
                 &trees);
    if (r == 0)
        r = find(reader, reader->model, "tree_info", "learner.gradient_booster.model.tree_info",
                 JSON_ARRAY, &outputs);
    if (r < 0)
        return r;
    if (json_array_size(outputs) != json_array_size(trees))
        return error_set(reader->error, ERROR_INVALID, "%zu trees, but tree_info has %zu elements",
                         json_array_size(trees), json_array_size(outputs));
    for (size_t i = 0; i < json_array_size(trees) && r == 0; i++) {
        const json_t *output = json_array_get(outputs, i);
        double number = is_number(output) ? number_of(output) : -1;
        if (!(number >= 0 && number < (double)reader->forest->output_count))
            return error_set(reader->error, ERROR_INVALID,
                             "tree_info[%zu] is not a class below %zu", i,
                             reader->forest->output_count);
        r = read_tree(reader, i, json_array_get(trees, i), (size_t)number);
    }
    return r;
}

/* Without names in the file, inputs are called f0, f1 …, as XGBoost does. */
static int read_names(struct xgboost *reader, const json_t *learner) {
    struct forest *forest = reader->forest;
    const json_t *names = json_object_get(learner, "feature_names");
    size_t count = json_array_size(names);
    if (count != 0 && count != forest->input_count)
        return error_set(reader->error, ERROR_INVALID,
                         "learner.feature_names has %zu elements; expected %zu", count,
                         forest->input_count);
    for (size_t i = 0; i < forest->input_count; i++) {
        const json_t *name = json_array_get(names, i);
        size_t length = json_string_length(name);
        if (count > 0 && (length == 0 || length > MODEL_NAME_MAX))
            return error_set(reader->error, ERROR_INVALID,
                             "learner.feature_names[%zu]: expected a name of at most %u bytes", i,
                             MODEL_NAME_MAX);
        forest->inputs[i] =
            count > 0 ? arena_text(forest->arena,
                                   (struct text){.data = json_string_value(name), .length = length})
                      : arena_printf(forest->arena, "f%zu", i);
    }
    return 0;
}

/* How an objective turns its margin into a prediction, and a base score into a margin. */
enum base_margin { BASE_IDENTITY, BASE_LOGIT, BASE_LOG };
static const struct objective {
    const char *name;
    enum forest_link link;
    enum base_margin base;
} objectives[] = {
    {"binary:logistic", FOREST_LINK_LOGISTIC, BASE_LOGIT},
    {"binary:logitraw", FOREST_LINK_NONE, BASE_IDENTITY},
    {"binary:hinge", FOREST_LINK_NONE, BASE_IDENTITY},
    {"reg:logistic", FOREST_LINK_LOGISTIC, BASE_LOGIT},
    {"reg:squarederror", FOREST_LINK_IDENTITY, BASE_IDENTITY},
    {"reg:squaredlogerror", FOREST_LINK_IDENTITY, BASE_IDENTITY},
    {"reg:absoluteerror", FOREST_LINK_IDENTITY, BASE_IDENTITY},
    {"reg:pseudohubererror", FOREST_LINK_IDENTITY, BASE_IDENTITY},
    {"count:poisson", FOREST_LINK_EXP, BASE_LOG},
    {"reg:gamma", FOREST_LINK_EXP, BASE_LOG},
    {"reg:tweedie", FOREST_LINK_EXP, BASE_LOG},
    {"multi:softprob", FOREST_LINK_SOFTMAX, BASE_IDENTITY},
    {"multi:softmax", FOREST_LINK_SOFTMAX, BASE_IDENTITY},
};

static int find_objective(struct xgboost *reader, const json_t *learner,
                          const struct objective **ret_objective) {
    const json_t *objective = NULL, *name = NULL;
    int r = find(reader, learner, "objective", "learner.objective", JSON_OBJECT, &objective);
    if (r == 0)
        r = find(reader, objective, "name", "learner.objective.name", JSON_STRING, &name);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++)
        if (strcmp(objectives[i].name, json_string_value(name)) == 0) {
            *ret_objective = &objectives[i];
            return 0;
        }
    return error_set(reader->error, ERROR_UNSUPPORTED,
                     "objective \"%.60s\" is not supported; expected binary:logistic, "
                     "multi:softprob, reg:squarederror or another of docs/MODELS.md",
                     json_string_value(name));
}

/* In float, as XGBoost computes it. */
static int base_margin(struct xgboost *reader, const struct objective *objective, float score,
                       double *ret_margin) {
    const float near = 1e-6f; /* XGBoost's kRtEps */
    bool good = isfinite(score);
    if (good && objective->base == BASE_LOGIT && reader->is_base_kept_apart)
        score = score < near ? near : score > 1.0f - near ? 1.0f - near : score;
    if (objective->base == BASE_LOGIT)
        good = score > 0 && score < 1;
    else if (objective->base == BASE_LOG)
        good = good && score > 0;
    if (!good)
        return error_set(reader->error, ERROR_INVALID, "base_score %g does not fit objective %s",
                         (double)score, objective->name);
    float margin = score;
    if (objective->base == BASE_LOGIT)
        margin = -elementary_log_float(1.0f / score - 1.0f);
    else if (objective->base == BASE_LOG)
        margin = elementary_log_float(score);
    *ret_margin = (double)margin;
    return 0;
}

static int read_base(struct xgboost *reader, const json_t *parameters,
                     const struct objective *objective) {
    struct forest *forest = reader->forest;
    const char *path = "learner.learner_model_param.base_score";
    const json_t *value = NULL;
    double scores[MODEL_OUTPUTS_MAX];
    size_t count = 0;
    int r = find(reader, parameters, "base_score", path, JSON_STRING, &value);
    if (r == 0)
        r = parse_numbers(reader, path, json_string_value(value), scores, &count);
    if (r == 0 && count != 1 && count != forest->output_count)
        r = error_set(reader->error, ERROR_INVALID, "%s has %zu elements; expected 1 or %zu", path,
                      count, forest->output_count);
    for (size_t i = 0; i < forest->output_count && r == 0; i++)
        r = base_margin(reader, objective, (float)scores[count == 1 ? 0 : i], &forest->base[i]);
    return r;
}

/* Sizes, names, objective and base score. */
static int read_learner(struct xgboost *reader, const json_t *learner) {
    struct forest *forest = reader->forest;
    const json_t *parameters = NULL;
    const struct objective *objective = NULL;
    double inputs = 0, classes = 0, targets = 1;
    int r = find(reader, learner, "learner_model_param", "learner.learner_model_param", JSON_OBJECT,
                 &parameters);
    if (r == 0)
        r = find_parameter(reader, parameters, "num_feature",
                           "learner.learner_model_param.num_feature", 1, MODEL_INPUTS_MAX, &inputs);
    if (r == 0)
        r = find_parameter(reader, parameters, "num_class", "learner.learner_model_param.num_class",
                           0, MODEL_OUTPUTS_MAX, &classes);
    if (r == 0 && json_object_get(parameters, "num_target"))
        r = find_parameter(reader, parameters, "num_target",
                           "learner.learner_model_param.num_target", 0, 1000000, &targets);
    if (r == 0 && targets > 1)
        r = error_set(reader->error, ERROR_UNSUPPORTED, "%.0f targets; expected one", targets);
    if (r == 0)
        r = find_objective(reader, learner, &objective);
    if (r < 0)
        return r;
    forest->input_count = (size_t)inputs;
    forest->output_count = classes > 1 ? (size_t)classes : 1;
    forest->link = objective->link;
    if ((objective->link == FOREST_LINK_SOFTMAX) != (forest->output_count > 1))
        return error_set(reader->error, ERROR_INVALID, "num_class is %.0f, but the objective is %s",
                         classes, objective->name);
    forest->inputs = arena_calloc(forest->arena, forest->input_count, sizeof *forest->inputs);
    forest->base = arena_calloc(forest->arena, forest->output_count, sizeof *forest->base);
    r = read_names(reader, learner);
    return r < 0 ? r : read_base(reader, parameters, objective);
}

static int check_booster(struct xgboost *reader, const json_t *booster) {
    const json_t *name = NULL;
    int r = find(reader, booster, "name", "learner.gradient_booster.name", JSON_STRING, &name);
    if (r == 0 && strcmp(json_string_value(name), "gbtree") != 0)
        r = error_set(reader->error, ERROR_UNSUPPORTED,
                      "booster \"%.40s\" is not supported; expected gbtree",
                      json_string_value(name));
    return r;
}

static int check_version(struct xgboost *reader, const json_t *root) {
    const json_t *version = NULL;
    int r = find(reader, root, "version", "version", JSON_ARRAY, &version);
    if (r < 0)
        return r;
    json_int_t major = json_integer_value(json_array_get(version, 0)),
               minor = json_integer_value(json_array_get(version, 1));
    if (major < 1 || major > 3 || (major == 1 && minor < 7))
        return error_set(reader->error, ERROR_UNSUPPORTED,
                         "written by XGBoost %lld.%lld; expected 1.7 to 3.x", (long long)major,
                         (long long)minor);
    reader->is_base_kept_apart = major == 3 && minor >= 2;
    return 0;
}

static int read_document(struct forest *forest, const json_t *root, struct error *ret_error) {
    struct xgboost reader = {.forest = forest, .error = ret_error};
    const json_t *learner = NULL, *booster = NULL;
    if (!json_is_object(root))
        return error_set(ret_error, ERROR_INVALID, "not an object; expected a model of XGBoost");
    int r = find(&reader, root, "learner", "learner", JSON_OBJECT, &learner);
    if (r == 0)
        r = check_version(&reader, root);
    if (r == 0)
        r = find(&reader, learner, "gradient_booster", "learner.gradient_booster", JSON_OBJECT,
                 &booster);
    if (r == 0)
        r = check_booster(&reader, booster);
    if (r == 0)
        r = find(&reader, booster, "model", "learner.gradient_booster.model", JSON_OBJECT,
                 &reader.model);
    if (r < 0)
        return r;
    forest->is_float = true;
    r = read_learner(&reader, learner);
    return r < 0 ? r : read_trees(&reader);
}

/* JSON has no NaN: null instead, outside of strings. */
static void replace_nan(struct text file, struct buffer *out) {
    bool in_string = false;
    for (size_t i = 0; i < file.length; i++) {
        char c = file.data[i];
        if (!in_string && file.length - i >= 3 && memcmp(file.data + i, "NaN", 3) == 0) {
            buffer_append_string(out, "null");
            i += 2;
            continue;
        }
        if (c == '"')
            in_string = !in_string;
        buffer_append_u8(out, (uint8_t)c);
        if (in_string && c == '\\' && i + 1 < file.length)
            buffer_append_u8(out, (uint8_t)file.data[++i]);
    }
}

/* *ret_root: json_decref() it. */
static int parse_json(struct text file, json_t **ret_root, struct error *ret_error) {
    json_error_t where;
    struct buffer replaced;
    buffer_init(&replaced);
    if (file.length > 0 && memmem(file.data, file.length, "NaN", 3)) {
        replace_nan(file, &replaced);
        file = buffer_text(&replaced);
    }
    json_t *root = json_loadb(file.data, file.length, 0, &where);
    buffer_deinit(&replaced);
    if (!root)
        return error_set(ret_error, ERROR_INVALID, "not JSON: line %d, column %d: %s", where.line,
                         where.column, where.text);
    *ret_root = root;
    return 0;
}

int xgboost_read_json(struct text file, struct forest *forest, struct error *ret_error) {
    json_t *root;
    int r = json_size_check(file, ret_error);
    if (r == 0)
        r = parse_json(file, &root, ret_error);
    if (r < 0)
        return r;
    r = read_document(forest, root, ret_error);
    json_decref(root);
    return r;
}

int xgboost_read_ubj(struct text file, struct forest *forest, struct error *ret_error) {
    json_t *root;
    int r = ubj_read(file, &root, ret_error);
    if (r < 0)
        return r;
    r = read_document(forest, root, ret_error);
    json_decref(root);
    return r;
}
