/* A TreeEnsemble node of ONNX while it becomes trees of a forest: its lists (onnx_trees.c), and its
 * branches (onnx_branches.c). Private to these two. */
#pragma once

#include "onnx.h"

#define MODEL_CHAIN_STEPS_MAX 20000000u

struct key {
    int64_t tree, node; /* ids */
    size_t index;
};

struct weight {
    size_t node; /* index */
    size_t output;
    double value;
};

struct tree {
    size_t first, count;
    uint64_t outputs; /* bit i: some leaf has a weight for output i */
};

struct ensemble {
    struct onnx *onnx;
    const struct onnx_value *columns;
    bool is_classifier;
    /* Of nodes */
    size_t count;
    const int64_t *tree_ids, *node_ids, *features, *true_ids, *false_ids;
    const int64_t *missing; /* NULL: nothing is */
    const ProtobufCBinaryData *modes;
    const double *limits, *hits; /* hits NULL: none */
    struct key *keys;            /* sorted */
    uint32_t *equals;            /* [node]: its feature, of BRANCH_EQ and BRANCH_NEQ */
    bool *is_chain;              /* [node]: it begins a chain of BRANCH_EQ */
    struct place *places;        /* of the tree that is added */
    size_t place_count, place_capacity;
    size_t chain_steps; /* that were followed, of all trees */
    struct tree *trees;
    size_t tree_count;
    /* Of leaves */
    struct weight *weights; /* sorted by node and output */
    size_t weight_count;
    size_t *first_weight; /* [node], and one more */
    const double *base;
    size_t base_count;
    size_t outputs; /* classes or targets of the file */
};

/* How the classes of the file become outputs of the model. */
struct outputs {
    size_t count; /* of the forest */
    size_t first; /* output 0 of the forest is this one of the file */
    bool is_pair; /* the second of two classes alone */
};

int ensemble_compare_keys(const void *left, const void *right);

/* The index of a node; SIZE_MAX: there is none. */
size_t ensemble_find(const struct ensemble *ensemble, int64_t tree, int64_t node);

static inline bool ensemble_is_mode(const struct ensemble *ensemble, size_t node,
                                    const char *mode) {
    return text_is(onnx_text(ensemble->modes[node]), mode);
}

/* The features and trees of the forest, of lists that have been read. */
int ensemble_add_trees(struct ensemble *ensemble, const struct outputs *outputs);
