/* Evaluating one row. Walking a tree is a chain of loads, each waiting for the one before; so
 * several trees are walked at once, and their leaves are added afterwards, in order. */
#include "elementary.h"
#include "model_layout.h"

#include "core/base/check.h"

#include <float.h>
#include <math.h>

#define TREES       8 /* walked at once */
#define STEPS_BLIND 4 /* between two looks whether all are at a leaf */

/* LightGBM's kZeroThreshold, a float. */
#define NEAR_ZERO ((double)1e-35f)

static double column_value(enum column_kind kind, double x) {
    bool is_missing = isnan(x), is_zero = x >= -NEAR_ZERO && x <= NEAR_ZERO;
    switch (kind) {
    case COLUMN_NAN_LOW:
        return is_missing ? -HUGE_VAL : x;
    case COLUMN_NAN_HIGH:
        return is_missing ? HUGE_VAL : x;
    case COLUMN_NAN_ZERO:
        return is_missing ? 0 : x;
    case COLUMN_ZERO_LOW:
        return is_missing || is_zero ? -HUGE_VAL : x;
    case COLUMN_ZERO_HIGH:
        return is_missing || is_zero ? HUGE_VAL : x;
    case COLUMN_PLAIN:
    case COLUMN_KINDS:
        break;
    }
    return x;
}

/* As the libraries take a row: XGBoost as floats, LightGBM without what is almost zero. LightGBM
 * has limits of +∞, which only missing values are not below; so infinite values are made finite. */
void model_fill_columns(const struct model *model, const double *inputs, double *columns) {
    for (size_t i = 0; i < model->shape.column_count; i++) {
        double x = inputs[model->columns[i].input];
        if (model->is_float)
            x = (double)(float)x;
        else if (x >= -NEAR_ZERO && x <= NEAR_ZERO)
            x = 0;
        else if (isinf(x))
            x = x < 0 ? -DBL_MAX : DBL_MAX;
        columns[i] = column_value(model->columns[i].kind, x);
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

static inline uint32_t next(const struct model_node *nodes, const double *columns, uint32_t at) {
    const struct model_node *node = &nodes[at];
    return node->left + !(columns[node->column] < node->limit);
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
    for (uint32_t step = 0; step < depth;) {
        uint32_t before = 0, after = 0;
        uint32_t end = step < shallow ? shallow : step + STEPS_BLIND;
        for (end = end < depth ? end : depth; step < end; step++) {
            before = after;
            after = 0;
#pragma GCC unroll 8
            for (size_t k = 0; k < TREES; k++) {
                uint32_t to = next(nodes, columns, at[k]);
                after |= to ^ at[k];
                at[k] = to;
            }
        }
        (void)before;
        if (after == 0)
            break;
    }
    memcpy(ret_leaves, at, sizeof at);
}

/* The same where splits may be by categories. */
static uint32_t walk_mixed(const struct model *model, const struct model_tree *tree,
                           const double *columns) {
    uint32_t at = tree->root;
    for (uint32_t step = 0; step < tree->depth; step++) {
        const struct model_node *node = &model->nodes[at];
        if (node->column & MODEL_CATEGORICAL) {
            const struct model_set *set = &model->sets[node->column & ~MODEL_CATEGORICAL];
            at = node->left + model_set_side(model, set, columns[set->column]);
        } else {
            at = next(model->nodes, columns, at);
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
        ret_leaves[k] = walk_mixed(model, &model->trees[first + k], columns);
}

void model_margins(const struct model *model, const double *inputs, double *columns,
                   double *ret_margins) {
    const struct model_shape *shape = &model->shape;
    float sums[MODEL_OUTPUTS_MAX];
    uint32_t leaves[TREES];
    model_fill_columns(model, inputs, columns);
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
    case FOREST_LINK_SQUARE:
        return margin < 0 ? -margin * margin : margin * margin;
    case FOREST_LINK_LOGISTIC:
    case FOREST_LINK_ONE_VERSUS_ALL:
        return model_logistic(model->sigmoid * margin);
    case FOREST_LINK_NONE:
    case FOREST_LINK_IDENTITY:
    case FOREST_LINK_SOFTMAX:
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
}
