/* The path from the root to a node is an array of the inputs that were split on, each with the
 * share of rows that go along if the input is unknown (zero) and whether this row goes along (one),
 * and with the weight of all subsets of them that have as many members. Each level has its own
 * copy, as one input may be split on again, which takes it out of the path and puts it back. All of
 * it is in the caller's scratch memory: four doubles an element. */
#include "contributions.h"

#include "linear.h"
#include "model_layout.h"
#include "steps.h"

struct element {
    double input, zero, one, weight; /* input: its number; -1 for the root */
};

_Static_assert(sizeof(struct element) == 4 * sizeof(double), "elements are counted as doubles");

/* Paths of depth 0 … d take (d + 1)(d + 2) / 2 elements, and one more for the last level. */
static size_t path_elements(const struct model *model) {
    size_t depth = model->shape.depth + 2;
    return depth * (depth + 1) / 2;
}

size_t contributions_scratch(const struct model *model) {
    return model->shape.column_count + 4 * path_elements(model);
}

struct shap {
    const struct model *model;
    const double *columns;
    double *contributions;
};

static void extend(struct element *path, size_t depth, struct element next) {
    path[depth] = next;
    path[depth].weight = depth == 0;
    for (size_t i = depth; i-- > 0;) {
        path[i + 1].weight += next.one * path[i].weight * (double)(i + 1) / (double)(depth + 1);
        path[i].weight = next.zero * path[i].weight * (double)(depth - i) / (double)(depth + 1);
    }
}

/* Takes an element out again: the path is as if it had never been extended by it. */
static void unwind(struct element *path, size_t depth, size_t index) {
    double one = path[index].one, zero = path[index].zero, next = path[depth].weight;
    for (size_t i = depth; i-- > 0;) {
        if (one != 0) {
            double weight = path[i].weight;
            path[i].weight = next * (double)(depth + 1) / ((double)(i + 1) * one);
            next = weight - path[i].weight * zero * (double)(depth - i) / (double)(depth + 1);
        } else {
            path[i].weight = path[i].weight * (double)(depth + 1) / (zero * (double)(depth - i));
        }
    }
    for (size_t i = index; i < depth; i++) {
        path[i].input = path[i + 1].input;
        path[i].zero = path[i + 1].zero;
        path[i].one = path[i + 1].one;
    }
}

/* The sum of the weights that unwind() would leave. */
static double unwound_sum(const struct element *path, size_t depth, size_t index) {
    double one = path[index].one, zero = path[index].zero, next = path[depth].weight, total = 0;
    for (size_t i = depth; i-- > 0;) {
        if (one != 0) {
            double weight = next * (double)(depth + 1) / ((double)(i + 1) * one);
            total += weight;
            next = path[i].weight - weight * zero * (double)(depth - i) / (double)(depth + 1);
        } else {
            total += path[i].weight * (double)(depth + 1) / (zero * (double)(depth - i));
        }
    }
    return total;
}

/* Which input a split asks for, and which child this row takes. */
static uint32_t input_of(const struct model *model, const struct model_node *node) {
    uint32_t column = node->column & MODEL_CATEGORICAL
                          ? model->sets[node->column & ~MODEL_CATEGORICAL].column
                          : node->column;
    return model->columns[column].input;
}

static uint32_t side_of(const struct shap *shap, const struct model_node *node) {
    if (!(node->column & MODEL_CATEGORICAL))
        return !(shap->columns[node->column] < node->limit);
    const struct model_set *set = &shap->model->sets[node->column & ~MODEL_CATEGORICAL];
    return model_set_side(shap->model, set, shap->columns[set->column]);
}

static bool is_leaf(const struct model_node *nodes, uint32_t at) {
    return nodes[at].left + 1 == at;
}

static void add_leaf(struct shap *shap, const struct element *path, size_t depth, uint32_t at) {
    double value = shap->model->values[at];
    for (size_t i = 1; i <= depth; i++)
        shap->contributions[(size_t)path[i].input] +=
            unwound_sum(path, depth, i) * (path[i].one - path[i].zero) * value;
}

/* parent: the path of the level above, which has `depth` elements; this level's lies behind it. */
static void descend(struct shap *shap, uint32_t at, const struct element *parent, size_t depth,
                    struct element next) {
    const struct model *model = shap->model;
    struct element *path = (struct element *)(uintptr_t)parent + depth;
    memcpy(path, parent, depth * sizeof *path);
    extend(path, depth, next);
    if (is_leaf(model->nodes, at)) {
        add_leaf(shap, path, depth, at);
        return;
    }
    const struct model_node *node = &model->nodes[at];
    struct element again = {.zero = 1, .one = 1};
    double input = input_of(model, node);
    uint32_t side = side_of(shap, node);
    size_t index = 1;
    while (index <= depth && path[index].input != input)
        index++;
    if (index <= depth) {
        again = path[index];
        unwind(path, depth, index);
        depth--;
    }
    double hot = model->covers[node->left + side], cold = model->covers[node->left + !side];
    struct element to_hot = {.input = input,
                             .zero = hot / (hot + cold) * again.zero,
                             .one = again.one},
                   to_cold = {.input = input, .zero = cold / (hot + cold) * again.zero};
    descend(shap, node->left + side, path, depth + 1, to_hot);
    descend(shap, node->left + !side, path, depth + 1, to_cold);
}

void contributions_of_row(const struct model *model, const double *inputs, size_t output,
                          double *scratch, double *ret_contributions) {
    const struct model_shape *shape = &model->shape;
    struct element *paths = (struct element *)(scratch + shape->column_count);
    struct shap shap = {.model = model, .columns = scratch, .contributions = ret_contributions};
    model_fill_columns(model, inputs, scratch);
    memset(ret_contributions, 0, (shape->input_count + 1) * sizeof *ret_contributions);
    for (size_t i = 0; i < shape->tree_count; i++)
        if (model->trees[i].output == output)
            descend(&shap, model->trees[i].root, paths, 0,
                    (struct element){.input = -1, .zero = 1, .one = 1});
    if (shape->is_linear)
        linear_contributions(model, scratch, output, ret_contributions);
    else if (model->margin_finish > 0)
        for (size_t i = 0; i < shape->input_count; i++)
            ret_contributions[i] *= steps_slope(model, output);
    ret_contributions[shape->input_count] = model->expected[output];
}

uint64_t contributions_steps(const struct model *model) {
    uint64_t steps = 0;
    for (size_t i = 0; i < model->shape.tree_count; i++) {
        const struct model_tree *tree = &model->trees[i];
        steps += (uint64_t)tree->leaf_count * (tree->depth + 1) * (tree->depth + 1);
    }
    return steps;
}
