/* Trees as a reader of a file has found them, before anything is checked: what every format comes
 * to. model.h makes a model of it.
 *
 * One node of a tree sends a value to its left or right child:
 *
 *   FOREST_LESS       left if value < limit     (XGBoost)
 *   FOREST_AT_MOST    left if value <= limit    (LightGBM)
 *   FOREST_CATEGORY   by whether the value, a category's code, is among the node's words
 *
 * and what is missing to its default child. Private to core/model and to readers. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_INPUTS_MAX     1000u
#define MODEL_TREES_MAX      10000u
#define MODEL_NODES_MAX      2000000u /* of all trees */
#define MODEL_DEPTH_MAX      128u     /* splits above a leaf */
#define MODEL_OUTPUTS_MAX    64u      /* classes */
#define MODEL_CATEGORIES_MAX 65536u   /* codes below it */
#define MODEL_WORDS_MAX      4000000u /* of all category splits: 32 categories each */
#define MODEL_NAME_MAX       256u     /* bytes of an input's name */
#define MODEL_FEATURES_MAX   8192u    /* that are computed from inputs */
#define MODEL_STEPS_MAX      1000000u /* of all features */

enum forest_test { FOREST_LEAF, FOREST_LESS, FOREST_AT_MOST, FOREST_CATEGORY };

enum forest_missing {
    FOREST_MISSING_NAN,  /* NaN goes to the default child */
    FOREST_MISSING_ZERO, /* NaN and zero do */
    FOREST_MISSING_NONE, /* NaN is zero */
};

struct forest_node {
    enum forest_test test;
    enum forest_missing missing;
    bool default_left;
    bool members_left;  /* FOREST_CATEGORY */
    uint32_t input;     /* index; of a forest with features: the feature's */
    size_t left, right; /* nodes of the same tree */
    double value;       /* limit; of a leaf, what it adds */
    double cover;       /* weight of the training rows that came here; contributions need it */
    size_t first_word, word_count; /* FOREST_CATEGORY: bit c % 32 of word c / 32 is category c */
};

struct forest_tree {
    size_t first_node, node_count; /* node 0 is the root */
    size_t output;
};

/* Arithmetic before and after the trees, as ONNX has it: x is a number of the row, or an output. */
enum forest_step_kind {
    FOREST_STEP_ROUND,    /* x as binary32 */
    FOREST_STEP_ADD,      /* x + a */
    FOREST_STEP_FROM,     /* a - x */
    FOREST_STEP_MULTIPLY, /* x × a */
    FOREST_STEP_DIVIDE,   /* x / a */
    FOREST_STEP_REPLACE,  /* a if x is b, else x; b NaN: if x is missing. Features only */
    FOREST_STEP_UNEQUAL,  /* 0 if x is a, else 1. Features only */
    FOREST_STEP_WHOLE,    /* x, or -1 if it is not a whole number. Features only */
    FOREST_STEP_SHARE,    /* x / the sum of all outputs' absolute values. After the link only */
};

struct forest_step {
    enum forest_step_kind kind;
    bool is_float; /* the result is rounded to binary32 */
    double a, b;
};

/* What splits and linear models ask for: an input after some steps. */
struct forest_feature {
    uint32_t input;
    size_t first_step, step_count;
    bool
        is_centred; /* linear models: its 0 is a reference, such as the mean of the training rows */
};

/* A step of all outputs. */
struct forest_finish {
    enum forest_step_kind kind;
    bool is_float;
    const double *a; /* [output] */
};

/* What the library does with a sum of leaves. */
enum forest_link {
    FOREST_LINK_NONE,           /* nothing, or nothing is known: the margin is all there is */
    FOREST_LINK_IDENTITY,       /* a regression's value */
    FOREST_LINK_EXP,            /* likewise, of a logarithm */
    FOREST_LINK_SQUARE,         /* likewise, of a square root with its sign */
    FOREST_LINK_LOGISTIC,       /* a probability */
    FOREST_LINK_SOFTMAX,        /* probabilities of classes */
    FOREST_LINK_ONE_VERSUS_ALL, /* a probability for each class, which do not add up to 1 */
    FOREST_LINK_PROBABILITY,    /* nothing: the margins are probabilities */
    FOREST_LINK_ANOMALY, /* 2 to this power: an isolation forest's score, 0 to 1, no probability */
};

struct forest {
    struct arena *arena; /* of everything here */
    bool is_float;       /* inputs, limits and sums are binary32: XGBoost */
    bool divides; /* before the link, sums are divided by the number of rounds: LightGBM's random
                     forests, whose raw scores are sums */
    double near_zero;    /* inputs of doubles that are no further from 0 are taken as 0: LightGBM */
    struct text *inputs; /* names */
    size_t input_count;
    size_t output_count;
    double *base; /* [output]: what a sum begins with */
    enum forest_link link;
    double sigmoid; /* of the logistic links: 1 / (1 + exp(-sigmoid × margin)) */
    struct forest_node *nodes;
    size_t node_count, node_capacity;
    struct forest_tree *trees;
    size_t tree_count, tree_capacity;
    uint32_t *words;
    size_t word_count, word_capacity;
    /* ONNX. Without features, each input is one. */
    const struct forest_feature *features;
    size_t feature_count;
    const struct forest_step *steps;
    size_t step_count;
    const struct forest_finish
        *finish; /* the first ones give the margins, the others follow the link */
    size_t finish_count, margin_finish;
    const double *weights; /* [output × feature]: a linear model instead of trees */
};

void forest_init(struct forest *forest, struct arena *arena);

/* Room for the nodes of one more tree, zeroed; valid until the next call. */
int forest_add_tree(struct forest *forest, size_t output, size_t node_count,
                    struct forest_node **ret_nodes, struct error *ret_error);
/* Room for the words of one more set of categories, zeroed; valid until the next call. */
int forest_add_words(struct forest *forest, size_t count, size_t *ret_first, uint32_t **ret_words,
                     struct error *ret_error);

/* Readers of files. The bytes may be anything. On failure the text says what is unfit, in the
 * file's own terms. */
int xgboost_read_json(struct text file, struct forest *forest, struct error *ret_error);
int xgboost_read_ubj(struct text file, struct forest *forest, struct error *ret_error);
int lightgbm_read(struct text file, struct forest *forest, struct error *ret_error);
int onnx_read(struct text file, struct forest *forest, struct error *ret_error);
int isolation_read(struct text file, struct forest *forest, struct error *ret_error);
