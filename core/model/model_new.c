/* A forest → a model: checks that every tree is one (each node is reached once, nothing leads out
 * of it, no limit or leaf is infinite or NaN) and lays it out. */
#include "model_layout.h"
#include "steps.h"

#include "core/base/check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct builder {
    const struct forest *forest;
    struct arena *arena;
    struct error *error;
    struct model *model;
    struct model_node *nodes;
    double *values, *covers;
    struct model_tree *trees;
    struct model_set *sets;
    struct model_column *columns;
    size_t feature_count;
    uint32_t *column_of; /* [feature × COLUMN_KINDS + kind]: its number + 1 */
    bool *is_categorical;
    size_t node_count, set_count, column_count;
    uint32_t *queue; /* of one tree: nodes of the forest, in the order of the model */
    uint32_t *levels;
    double *means;
    bool *is_reached;
};

/* The next greater double, so that value <= limit is value < above(limit). +∞ stays: values
 * end at DBL_MAX, and only what is missing is as great. */
static double above(double limit) {
    int64_t bits;
    if (limit == 0)
        return 0x1p-1074;
    if (isinf(limit))
        return limit;
    memcpy(&bits, &limit, sizeof bits);
    bits += limit > 0 ? 1 : -1;
    memcpy(&limit, &bits, sizeof bits);
    return limit;
}

static enum column_kind kind_of(const struct forest_node *node) {
    if (node->test == FOREST_CATEGORY)
        return COLUMN_PLAIN;
    switch (node->missing) {
    case FOREST_MISSING_NONE:
        return COLUMN_NAN_ZERO;
    case FOREST_MISSING_ZERO:
        return node->default_left ? COLUMN_ZERO_LOW : COLUMN_ZERO_HIGH;
    case FOREST_MISSING_NAN:
        break;
    }
    return node->default_left ? COLUMN_NAN_LOW : COLUMN_NAN_HIGH;
}

/* A forest without features has its inputs. */
static struct forest_feature feature_of(const struct forest *forest, uint32_t index) {
    return forest->features ? forest->features[index] : (struct forest_feature){.input = index};
}

static struct model_column column_of_kind(struct forest_feature feature, enum column_kind kind) {
    static const double missing[COLUMN_KINDS] = {
        [COLUMN_NAN_LOW] = -HUGE_VAL,  [COLUMN_NAN_HIGH] = HUGE_VAL,  [COLUMN_NAN_ZERO] = 0,
        [COLUMN_ZERO_LOW] = -HUGE_VAL, [COLUMN_ZERO_HIGH] = HUGE_VAL, [COLUMN_PLAIN] = NAN};
    return (struct model_column){.input = feature.input,
                                 .is_zero_missing =
                                     kind == COLUMN_ZERO_LOW || kind == COLUMN_ZERO_HIGH,
                                 .missing = missing[kind],
                                 .first_step = (uint32_t)feature.first_step,
                                 .step_count = (uint32_t)feature.step_count};
}

static uint32_t column_of(struct builder *builder, uint32_t feature, enum column_kind kind) {
    uint32_t *number = &builder->column_of[(size_t)feature * COLUMN_KINDS + (size_t)kind];
    if (*number == 0) {
        builder->columns[builder->column_count] =
            column_of_kind(feature_of(builder->forest, feature), kind);
        *number = (uint32_t)++builder->column_count;
    }
    return *number - 1;
}

static int refuse(struct builder *builder, size_t tree, size_t node, const char *what) {
    return error_set(builder->error, ERROR_INVALID, "tree %zu: node %zu: %s", tree, node, what);
}

static int check_node(struct builder *builder, size_t tree, size_t index,
                      const struct forest_node *node, size_t node_count) {
    bool may_be_infinite = node->test == FOREST_AT_MOST && node->value > 0;
    if (!isfinite(node->value) && !(may_be_infinite && isinf(node->value)))
        return refuse(builder, tree, index,
                      node->test == FOREST_LEAF ? "the leaf's value is not finite"
                                                : "the split's limit is not finite");
    if (node->test == FOREST_LEAF)
        return 0;
    if (node->input >= builder->feature_count)
        return refuse(builder, tree, index, "there is no input with the number of its split");
    if (node->left >= node_count || node->right >= node_count || node->left == node->right)
        return refuse(builder, tree, index, "a child is outside of the tree");
    if (builder->is_reached[node->left] || builder->is_reached[node->right])
        return refuse(builder, tree, index, "a child has another parent, or is the root");
    builder->is_reached[node->left] = builder->is_reached[node->right] = true;
    return 0;
}

static void lay_out_split(struct builder *builder, const struct forest_node *node,
                          struct model_node *out) {
    uint32_t column = column_of(builder, node->input, kind_of(node));
    if (node->test == FOREST_CATEGORY) {
        builder->sets[builder->set_count] =
            (struct model_set){.column = column,
                               .word_count = (uint32_t)node->word_count,
                               .first_word = node->first_word,
                               .members_left = node->members_left,
                               .missing_left = node->default_left};
        out->limit = NAN;
        out->column = MODEL_CATEGORICAL | (uint32_t)builder->set_count++;
        builder->is_categorical[feature_of(builder->forest, node->input).input] = true;
        return;
    }
    out->limit = node->test == FOREST_LESS ? node->value : above(node->value);
    out->column = column;
}

/* Breadth first: children get the next two places of the queue, which are adjacent. */
static int lay_out_tree(struct builder *builder, size_t index) {
    const struct forest_tree *tree = &builder->forest->trees[index];
    const struct forest_node *nodes = &builder->forest->nodes[tree->first_node];
    struct model_tree *out = &builder->trees[index];
    *out = (struct model_tree){.root = (uint32_t)builder->node_count,
                               .output = (uint32_t)tree->output,
                               .shallow = UINT32_MAX};
    memset(builder->is_reached, 0, tree->node_count * sizeof *builder->is_reached);
    size_t count = 1;
    builder->queue[0] = 0;
    builder->levels[0] = 0;
    builder->is_reached[0] = true;
    for (size_t i = 0; i < count; i++) {
        size_t from = builder->queue[i], to = builder->node_count + i;
        const struct forest_node *node = &nodes[from];
        int r = check_node(builder, index, from, node, tree->node_count);
        if (r < 0)
            return r;
        uint32_t level = builder->levels[i];
        builder->covers[to] = node->cover;
        builder->model->shape.has_covers &= isfinite(node->cover) && node->cover > 0;
        if (node->test == FOREST_LEAF) {
            builder->nodes[to] = (struct model_node){.limit = NAN, .left = (uint32_t)to - 1};
            builder->values[to] = node->value;
            out->leaf_count++;
            out->shallow = level < out->shallow ? level : out->shallow;
            continue;
        }
        if (level == MODEL_DEPTH_MAX)
            return error_set(builder->error, ERROR_TOO_LARGE, "tree %zu is deeper than %u", index,
                             MODEL_DEPTH_MAX);
        lay_out_split(builder, node, &builder->nodes[to]);
        builder->nodes[to].left = (uint32_t)(builder->node_count + count);
        builder->queue[count] = (uint32_t)node->left;
        builder->queue[count + 1] = (uint32_t)node->right;
        builder->levels[count] = builder->levels[count + 1] = level + 1;
        out->depth = level + 1;
        count += 2;
    }
    out->node_count = (uint32_t)count;
    builder->node_count += count;
    return 0;
}

/* No sum of leaves may overflow: of what is infinite, or then NaN, predictions would not be the
 * same on every machine. */
static int check_sums(const struct builder *builder) {
    const struct forest *forest = builder->forest;
    double sums[MODEL_OUTPUTS_MAX], most = forest->is_float ? (double)FLT_MAX / 2 : DBL_MAX / 2;
    for (size_t i = 0; i < forest->output_count; i++)
        sums[i] = fabs(forest->base[i]);
    for (size_t i = 0; i < forest->tree_count; i++) {
        const struct model_tree *tree = &builder->trees[i];
        double greatest = 0;
        for (uint32_t k = 0; k < tree->node_count; k++)
            greatest = fmax(greatest, fabs(builder->values[tree->root + k]));
        sums[tree->output] += greatest;
        if (!(sums[tree->output] <= most))
            return error_set(builder->error, ERROR_TOO_LARGE,
                             "tree %zu: the sum of the greatest leaves is more than %g", i, most);
    }
    for (size_t i = 0; i < forest->output_count; i++)
        for (size_t k = 1; k <= forest->margin_finish; k++) {
            double bounds[2] = {-sums[i], sums[i]};
            steps_finish_bounds(forest->finish, k, i, bounds);
            if (!(-bounds[0] <= most && bounds[1] <= most))
                return error_set(builder->error, ERROR_TOO_LARGE,
                                 "the greatest margin of output %zu is more than %g", i, most);
        }
    return 0;
}

/* A column for each feature, in order. */
static void lay_out_linear(struct builder *builder) {
    bool *has_covers = &builder->model->shape.has_covers;
    for (size_t i = 0; i < builder->feature_count; i++) {
        column_of(builder, (uint32_t)i, COLUMN_PLAIN);
        *has_covers &= builder->forest->features[i].is_centred;
    }
}

/* Steps of columns and outputs, and products. */
static size_t count_arithmetic(const struct builder *builder) {
    const struct forest *forest = builder->forest;
    size_t count = forest->finish_count * forest->output_count;
    if (forest->weights)
        count += forest->output_count * builder->column_count;
    for (size_t i = 0; i < builder->column_count; i++)
        count += builder->columns[i].step_count;
    return count;
}

static int lay_out(struct builder *builder) {
    struct model_shape *shape = &builder->model->shape;
    for (size_t i = 0; i < builder->forest->tree_count; i++) {
        int r = lay_out_tree(builder, i);
        if (r < 0)
            return r;
        const struct model_tree *tree = &builder->trees[i];
        shape->leaf_count += tree->leaf_count;
        shape->steps += tree->depth;
        shape->depth = tree->depth > shape->depth ? tree->depth : shape->depth;
    }
    if (builder->forest->weights)
        lay_out_linear(builder);
    shape->steps += count_arithmetic(builder);
    shape->tree_count = builder->forest->tree_count;
    shape->node_count = builder->node_count;
    shape->column_count = builder->column_count;
    shape->has_categories = builder->set_count > 0;
    return check_sums(builder);
}

static void *room(struct arena *arena, size_t count, size_t size) {
    void *memory = arena_calloc(arena, count ? count : 1, size);
    check(memory);
    return memory;
}

static void *copy(struct arena *arena, const void *from, size_t count, size_t size) {
    void *memory = room(arena, count, size);
    if (count > 0)
        memcpy(memory, from, count * size);
    return memory;
}

/* The mean of a tree's leaves, each weighted as its rows are: bottom up, as children follow their
 * parents. The share of a child is taken of both children's covers, not of the parent's, which may
 * be rounded. */
static double expected_of(const struct builder *builder, const struct model_tree *tree,
                          double *means) {
    for (uint32_t i = tree->node_count; i-- > 0;) {
        const struct model_node *node = &builder->nodes[tree->root + i];
        uint32_t left = node->left - tree->root;
        if (node->left + 1 == tree->root + i) {
            means[i] = builder->values[tree->root + i];
            continue;
        }
        double cover = builder->covers[node->left], other = builder->covers[node->left + 1];
        means[i] =
            cover / (cover + other) * means[left] + other / (cover + other) * means[left + 1];
    }
    return means[0];
}

/* Contributions divide by the share of rows that come to a node if nothing is known. Where covers
 * do not add up, or are of many magnitudes, it could come out as 0. */
#define SHARE_LEAST 1e-250

static bool has_shares(const struct builder *builder, const struct model_tree *tree,
                       double *shares) {
    double least = 1;
    shares[0] = 1;
    for (uint32_t i = 0; i < tree->node_count; i++) {
        const struct model_node *node = &builder->nodes[tree->root + i];
        uint32_t left = node->left - tree->root;
        if (node->left + 1 == tree->root + i)
            continue;
        double cover = builder->covers[node->left], other = builder->covers[node->left + 1];
        shares[left] = shares[i] * (cover / (cover + other));
        shares[left + 1] = shares[i] * (other / (cover + other));
        least = fmin(least, fmin(shares[left], shares[left + 1]));
    }
    return least >= SHARE_LEAST;
}

static void find_expected(struct builder *builder) {
    const struct forest *forest = builder->forest;
    bool *has_covers = &builder->model->shape.has_covers;
    for (size_t i = 0; i < forest->tree_count && *has_covers; i++)
        *has_covers = has_shares(builder, &builder->trees[i], builder->means);
    double *expected = copy(builder->arena, forest->base, forest->output_count, sizeof *expected);
    for (size_t i = 0; i < forest->tree_count && builder->model->shape.has_covers; i++) {
        expected[builder->trees[i].output] +=
            expected_of(builder, &builder->trees[i], builder->means);
    }
    steps_finish_margins(builder->model, expected);
    builder->model->expected = expected;
}

static void keep_inputs(struct builder *builder) {
    const struct forest *forest = builder->forest;
    struct text *names = room(builder->arena, forest->input_count, sizeof *names);
    for (size_t i = 0; i < forest->input_count; i++) {
        names[i] = arena_text(builder->arena, forest->inputs[i]);
        check(names[i].data);
    }
    builder->model->shape.inputs = names;
}

static void keep_steps(struct builder *builder) {
    const struct forest *forest = builder->forest;
    struct model *model = builder->model;
    struct forest_finish *finish =
        copy(builder->arena, forest->finish, forest->finish_count, sizeof *finish);
    for (size_t i = 0; i < forest->finish_count; i++)
        finish[i].a = copy(builder->arena, finish[i].a, forest->output_count, sizeof *finish[i].a);
    model->finish = finish;
    model->finish_count = forest->finish_count;
    model->margin_finish = forest->margin_finish;
    model->has_features = forest->features != NULL;
    model->steps = copy(builder->arena, forest->steps, forest->step_count, sizeof *model->steps);
    if (forest->weights)
        model->weights =
            copy(builder->arena, forest->weights, forest->output_count * builder->feature_count,
                 sizeof *model->weights);
}

static int check_inputs(const struct forest *forest, struct error *ret_error) {
    for (size_t i = 0; i < forest->input_count; i++)
        for (size_t j = 0; j < i; j++)
            if (text_equal(forest->inputs[i], forest->inputs[j]))
                return error_set(ret_error, ERROR_INVALID,
                                 "two inputs are called \"%" TEXT_FORMAT "\"",
                                 TEXT_ARGS(forest->inputs[i]));
    return 0;
}

static int make(struct builder *builder) {
    const struct forest *forest = builder->forest;
    struct model *model = builder->model;
    int r = check_inputs(forest, builder->error);
    if (r == 0)
        r = lay_out(builder);
    if (r < 0)
        return r;
    keep_steps(builder);
    find_expected(builder);
    keep_inputs(builder);
    model->nodes = builder->nodes;
    model->values = builder->values;
    model->covers = builder->covers;
    model->trees = builder->trees;
    model->is_categorical = builder->is_categorical;
    model->columns =
        copy(builder->arena, builder->columns, builder->column_count, sizeof *model->columns);
    model->sets = copy(builder->arena, builder->sets, builder->set_count, sizeof *model->sets);
    model->words = copy(builder->arena, forest->words, forest->word_count, sizeof *model->words);
    model->base = copy(builder->arena, forest->base, forest->output_count, sizeof *model->base);
    return 0;
}

int model_new(const struct forest *forest, struct arena *arena, struct model **ret_model,
              struct error *ret_error) {
    check(forest->input_count <= MODEL_INPUTS_MAX && forest->output_count <= MODEL_OUTPUTS_MAX);
    struct model *model = room(arena, 1, sizeof *model);
    *model = (struct model){.is_float = forest->is_float,
                            .divides = forest->divides,
                            .near_zero = forest->near_zero,
                            .sigmoid = forest->sigmoid,
                            .rounds = (double)forest->tree_count / (double)forest->output_count};
    model->shape.input_count = forest->input_count;
    model->shape.output_count = forest->output_count;
    model->shape.link = forest->link;
    model->shape.has_covers = true;
    model->shape.is_linear = forest->weights != NULL;
    size_t features = forest->features ? forest->feature_count : forest->input_count;
    struct arena scratch;
    arena_init(&scratch, SIZE_MAX / 4);
    struct builder builder = {
        .forest = forest,
        .arena = arena,
        .error = ret_error,
        .model = model,
        .feature_count = features,
        .nodes = room(arena, forest->node_count, sizeof *builder.nodes),
        .values = room(arena, forest->node_count, sizeof *builder.values),
        .covers = room(arena, forest->node_count, sizeof *builder.covers),
        .trees = room(arena, forest->tree_count, sizeof *builder.trees),
        .is_categorical = room(arena, forest->input_count, sizeof *builder.is_categorical),
        .sets = room(&scratch, forest->node_count, sizeof *builder.sets),
        .columns = room(&scratch, features * COLUMN_KINDS, sizeof *builder.columns),
        .column_of = room(&scratch, features * COLUMN_KINDS, sizeof *builder.column_of),
        .queue = room(&scratch, forest->node_count + 2, sizeof *builder.queue),
        .levels = room(&scratch, forest->node_count + 2, sizeof *builder.levels),
        .means = room(&scratch, forest->node_count + 2, sizeof *builder.means),
        .is_reached = room(&scratch, forest->node_count, sizeof *builder.is_reached),
    };
    int r = make(&builder);
    arena_deinit(&scratch);
    if (r == 0)
        *ret_model = model;
    return r;
}

int model_read(enum model_format format, struct text file, struct arena *arena,
               struct model **ret_model, struct error *ret_error) {
    static int (*const readers[])(struct text, struct forest *, struct error *) = {
        [MODEL_XGBOOST_JSON] = xgboost_read_json, [MODEL_XGBOOST_UBJ] = xgboost_read_ubj,
        [MODEL_LIGHTGBM] = lightgbm_read,         [MODEL_ONNX] = onnx_read,
        [MODEL_ISOLATION] = isolation_read,
    };
    struct arena scratch;
    struct forest forest;
    arena_init(&scratch, SIZE_MAX / 4);
    forest_init(&forest, &scratch);
    int r = readers[format](file, &forest, ret_error);
    if (r == 0)
        r = model_new(&forest, arena, ret_model, ret_error);
    if (r < 0)
        error_make_printable(ret_error);
    arena_deinit(&scratch);
    return r;
}

const struct model_shape *model_shape(const struct model *model) {
    return &model->shape;
}

void model_name_inputs(struct model *model, const struct text *names) {
    model->shape.inputs = names;
}

bool model_input_is_categorical(const struct model *model, size_t input) {
    return model->is_categorical[input];
}
