/* How a model lies in memory. Private to core/model.
 *
 * A split reads one column. Columns are computed from the inputs before any tree is walked, so that
 * a split is one comparison, whatever its library says of missing values: what goes left when it is
 * missing is −∞ in its column, what goes right is +∞. An input has as many columns as its splits
 * treat it in different ways, mostly one or two.
 *
 * A tree's nodes are level by level, so that the upper levels share cache lines, and siblings are
 * adjacent: the next node is `left`, or the one after it. A leaf leads to itself: its limit is NaN,
 * which nothing is below, and its `left` is the node before it. So trees are walked in fixed
 * numbers of steps without branches, several of them at once. */
#pragma once

#include "model.h"

/* How an input becomes a column. */
enum column_kind {
    COLUMN_NAN_LOW,   /* missing is −∞ */
    COLUMN_NAN_HIGH,  /* missing is +∞ */
    COLUMN_NAN_ZERO,  /* missing is 0 */
    COLUMN_ZERO_LOW,  /* missing and 0 are −∞ */
    COLUMN_ZERO_HIGH, /* missing and 0 are +∞ */
    COLUMN_PLAIN,     /* as it is: for categories */
    COLUMN_KINDS
};

struct model_column {
    uint32_t input;
    uint32_t is_zero_missing;        /* 0 or 1 */
    double missing;                  /* what stands for it */
    uint32_t first_step, step_count; /* of a model with features */
};

#define MODEL_CATEGORICAL UINT32_C(0x80000000) /* of struct model_node.column */

struct model_node {
    double limit;    /* left if the column is below it. NaN: a leaf, or by categories */
    uint32_t column; /* with MODEL_CATEGORICAL: which set, and the column is the set's */
    uint32_t left;
};

/* The categories of one split. */
struct model_set {
    uint32_t column;
    uint32_t word_count;
    size_t first_word;
    bool members_left, missing_left;
};

struct model_tree {
    uint32_t root;
    uint32_t depth;   /* steps that certainly end at a leaf */
    uint32_t shallow; /* steps above the nearest leaf */
    uint32_t output;
    uint32_t node_count, leaf_count;
};

struct model {
    struct model_shape shape;
    bool is_float;
    bool divides;
    double near_zero; /* inputs that are no further from 0 are taken as 0 */
    double rounds;    /* trees for each output */
    double sigmoid;
    const double *base; /* [output] */
    const struct model_column *columns;
    const struct model_node *nodes;
    const double *values;   /* [node]: what a leaf adds */
    const double *covers;   /* [node] */
    const double *expected; /* [output]: the margin before any input is known; of has_covers */
    const struct model_tree *trees;
    const struct model_set *sets;
    const uint32_t *words;
    const bool *is_categorical; /* [input] */
    /* ONNX: steps.h, linear.h */
    bool has_features;
    const struct forest_step *steps;
    const struct forest_finish *finish;
    size_t finish_count, margin_finish;
    const double *weights; /* [output × column]; NULL: trees */
};

static inline uint32_t model_next(const struct model_node *nodes, const double *columns,
                                  uint32_t at) {
    const struct model_node *node = &nodes[at];
    return node->left + !(columns[node->column] < node->limit);
}

/* The leaf at which a row ends, where splits may be by categories. */
uint32_t model_walk_mixed(const struct model *model, const struct model_tree *tree,
                          const double *columns);

void model_fill_columns(const struct model *model, const double *inputs, double *columns);
/* Which child does a value lead to? 0: left. */
uint32_t model_set_side(const struct model *model, const struct model_set *set, double value);
