/* Evaluating one row. Walking a tree is a chain of loads, each waiting for the one before; so
 * several trees are walked at once, and their leaves are added afterwards, in order. */
#include "elementary.h"
#include "linear.h"
#include "model_layout.h"
#include "steps.h"

#include "core/base/check.h"

#include <float.h>
#include <math.h>

#define TREES 8 /* walked at once */

#define LN2 0x1.62e42fefa39efp-1

/* a, or b if the flag is 1: without a branch, as what is missing cannot be predicted. */
static inline double choose(double a, double b, uint64_t flag) {
    uint64_t a_bits, b_bits;
    memcpy(&a_bits, &a, sizeof a_bits);
    memcpy(&b_bits, &b, sizeof b_bits);
    a_bits ^= (a_bits ^ b_bits) & -flag;
    memcpy(&a, &a_bits, sizeof a);
    return a;
}

/* Without what is almost zero, and finite, as LightGBM has limits of +∞, which only missing values
 * are not below. */
static inline double tidied(double x, double near_zero) {
    x = choose(x, 0, (x >= -near_zero) & (x <= near_zero));
    x = choose(x, DBL_MAX, x > DBL_MAX);
    return choose(x, -DBL_MAX, x < -DBL_MAX);
}

void model_fill_columns(const struct model *model, const double *inputs, double *columns) {
    if (model->has_features) {
        steps_fill_columns(model, inputs, columns);
        return;
    }
    for (size_t i = 0; i < model->shape.column_count; i++) {
        const struct model_column *column = &model->columns[i];
        double x = inputs[column->input];
        x = model->is_float ? (double)(float)x : tidied(x, model->near_zero);
        uint64_t is_missing = (uint64_t)(x != x) | (column->is_zero_missing & (x == 0));
        columns[i] = choose(x, column->missing, is_missing);
    }
}

/* Codes are cut to whole numbers. Below zero, a code is no category: in XGBoost from just below, in
 * LightGBM from -1. */
uint32_t model_set_side(const struct model *model, const struct model_set *set, double value) {
    if (isnan(value))
        return !set->missing_left;
    bool is_member = false;
    if (value > (model->is_float ? -0x1p-1074 : -1) && value < 32.0 * set->word_count) {
        uint32_t code = (uint32_t)(value < 0 ? 0 : value);
        is_member = model->words[set->first_word + code / 32] >> code % 32 & 1;
    }
    return is_member != set->members_left;
}

/* `count` of the trees from `trees` on, at most TREES. The leaves that they end at. */
static inline void walk(const struct model *model, const struct model_tree *trees, size_t count,
                        const double *columns, uint32_t *ret_leaves) {
    const struct model_node *nodes = model->nodes;
    uint32_t at[TREES], depth = 0, shallow = 0;
    for (size_t k = 0; k < TREES; k++) {
        const struct model_tree *tree = &trees[k < count ? k : 0];
        at[k] = tree->root;
        depth = tree->depth > depth ? tree->depth : depth;
        shallow = tree->shallow > shallow ? tree->shallow : shallow;
    }
    for (uint32_t step = 0; step < shallow; step++)
#pragma GCC unroll 8
        for (size_t k = 0; k < TREES; k++)
            at[k] = model_next(nodes, columns, at[k]);
    for (uint32_t step = shallow, moved = 1; step < depth && moved; step++) {
        moved = 0;
#pragma GCC unroll 8
        for (size_t k = 0; k < TREES; k++) {
            uint32_t to = model_next(nodes, columns, at[k]);
            moved |= to ^ at[k];
            at[k] = to;
        }
    }
    memcpy(ret_leaves, at, sizeof at);
}

uint32_t model_walk_mixed(const struct model *model, const struct model_tree *tree,
                          const double *columns) {
    uint32_t at = tree->root;
    for (uint32_t step = 0; step < tree->depth; step++) {
        const struct model_node *node = &model->nodes[at];
        if (node->column & MODEL_CATEGORICAL) {
            const struct model_set *set = &model->sets[node->column & ~MODEL_CATEGORICAL];
            at = node->left + model_set_side(model, set, columns[set->column]);
        } else {
            at = model_next(model->nodes, columns, at);
        }
    }
    return at;
}

static void walk_trees(const struct model *model, size_t first, size_t count, const double *columns,
                       uint32_t *ret_leaves) {
    if (!model->shape.has_categories) {
        walk(model, &model->trees[first], count, columns, ret_leaves);
        return;
    }
    for (size_t k = 0; k < count; k++)
        ret_leaves[k] = model_walk_mixed(model, &model->trees[first + k], columns);
}

void model_margins(const struct model *model, const double *inputs, double *columns,
                   double *ret_margins) {
    const struct model_shape *shape = &model->shape;
    float sums[MODEL_OUTPUTS_MAX];
    uint32_t leaves[TREES];
    model_fill_columns(model, inputs, columns);
    if (shape->is_linear) {
        linear_margins(model, columns, ret_margins);
        return;
    }
    for (size_t i = 0; i < shape->output_count; i++) {
        ret_margins[i] = model->base[i];
        sums[i] = (float)model->base[i];
    }
    for (size_t first = 0; first < shape->tree_count; first += TREES) {
        size_t left = shape->tree_count - first, count = left < TREES ? left : TREES;
        walk_trees(model, first, count, columns, leaves);
        for (size_t k = 0; k < count; k++) {
            uint32_t output = model->trees[first + k].output;
            if (model->is_float)
                sums[output] += (float)model->values[leaves[k]];
            else
                ret_margins[output] += model->values[leaves[k]];
        }
    }
    for (size_t i = 0; i < shape->output_count && model->is_float; i++)
        ret_margins[i] = (double)sums[i];
    steps_finish_margins(model, ret_margins);
}

/* ---- what follows from margins ---- */

double model_logistic(double x) {
    return 1 / (1 + elementary_exp(-x));
}

static double rounded(const struct model *model, double x) {
    return model->is_float ? (double)(float)x : x;
}

static void softmax(const struct model *model, double *margins) {
    size_t count = model->shape.output_count;
    double greatest = margins[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        greatest = margins[i] > greatest ? margins[i] : greatest;
    for (size_t i = 0; i < count; i++) {
        margins[i] = rounded(model, elementary_exp(rounded(model, margins[i] - greatest)));
        sum += margins[i];
    }
    for (size_t i = 0; i < count; i++)
        margins[i] = rounded(model, margins[i] / rounded(model, sum));
}

static double predicted(const struct model *model, double margin) {
    switch (model->shape.link) {
    case FOREST_LINK_EXP:
        return elementary_exp(margin);
    case FOREST_LINK_ANOMALY:
        return elementary_exp(LN2 * margin);
    case FOREST_LINK_SQUARE:
        return margin < 0 ? -margin * margin : margin * margin;
    case FOREST_LINK_LOGISTIC:
    case FOREST_LINK_ONE_VERSUS_ALL:
        return model_logistic(model->sigmoid * margin);
    case FOREST_LINK_NONE:
    case FOREST_LINK_IDENTITY:
    case FOREST_LINK_SOFTMAX:
    case FOREST_LINK_PROBABILITY:
        break;
    }
    return margin;
}

void model_predict(const struct model *model, double *margins) {
    check(model->shape.link != FOREST_LINK_NONE);
    for (size_t i = 0; i < model->shape.output_count && model->divides; i++)
        margins[i] /= model->rounds;
    if (model->shape.link == FOREST_LINK_SOFTMAX)
        softmax(model, margins);
    else
        for (size_t i = 0; i < model->shape.output_count; i++)
            margins[i] = rounded(model, predicted(model, margins[i]));
    steps_finish_predictions(model, margins);
}
