/* Reading ONNX: a graph's nodes are taken in their order, and each value that flows between them is
 * known as one of a few kinds. Inputs become columns, which arithmetic gives steps; trees or a
 * linear model turn columns into scores, which arithmetic gives steps as well; labels are chosen
 * from scores, and not read. Private to the reader's files. */
#pragma once

#include "core/model/forest.h"

#include "onnx.pb-c.h"

#define ONNX_NODES_MAX  1000u /* of the graph; trees are attributes of one node */
#define ONNX_VALUES_MAX 4000u /* initializers, inputs and outputs of all nodes */

enum onnx_kind {
    ONNX_CONSTANT,
    ONNX_COLUMNS,
    ONNX_SCORES,
    ONNX_LABELS,
    ONNX_SIZES, /* absolute values of scores */
    ONNX_TOTALS /* the sum of these for each row */
};

/* One of the numbers of a row: an input after its steps, the last one first. */
struct onnx_step {
    struct forest_step step;
    const struct onnx_step *before;
};
struct onnx_column {
    uint32_t input;
    bool is_centred;
    size_t step_count;
    const struct onnx_step *last;
};

/* What the outputs went through, the last one first. */
enum onnx_function { ONNX_ARITHMETIC, ONNX_EXP, ONNX_LOGISTIC, ONNX_SOFTMAX };
struct onnx_finish {
    enum onnx_function function;
    struct forest_finish step; /* ONNX_ARITHMETIC */
    const struct onnx_finish *before;
    size_t length;
};

/* What is known of the first score of a pair. */
enum onnx_first {
    ONNX_FIRST_ANY,
    ONNX_FIRST_NEGATIVE, /* the second one times -1 */
    ONNX_FIRST_REST      /* 1 less the second one */
};

struct onnx_value {
    struct text name;
    enum onnx_kind kind;
    bool is_float; /* binary32; else double, or the whole numbers of a constant */
    /* ONNX_CONSTANT */
    const int64_t *sizes; /* [rank] */
    size_t rank;
    const double *numbers;
    /* how many numbers a constant or a row has. Scores of two classes are two if they are a pair */
    size_t count;
    const struct onnx_column *columns;
    /* scores */
    bool is_pair; /* of the second class and what is left for the first; the model has one output */
    enum onnx_first first;
    bool is_of_classes;
    const struct onnx_finish *last; /* NULL: as the model gives them */
};

struct onnx {
    struct forest *forest;
    struct error *error;
    const Onnx__Graph *graph;
    const Onnx__Node *node; /* that messages are about */
    struct onnx_value *values;
    size_t value_count;
    size_t step_count; /* of all columns */
    bool has_model;
    /* Of trees: each output's sum of leaves is between them. */
    bool has_bounds;
    double bounds[MODEL_OUTPUTS_MAX][2];
};

/* ---- onnx_file.c: protobuf, attributes, tensors ---- */

/* Unpacks into the arena. */
int onnx_unpack(struct text file, struct arena *arena, const Onnx__Model **ret_model,
                struct error *ret_error);

static inline struct text onnx_text(ProtobufCBinaryData bytes) {
    return (struct text){.data = (const char *)bytes.data, .length = bytes.len};
}

/* "node "name" (Operator): …" */
int onnx_refuse(struct onnx *onnx, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Zeroed memory of the load. */
void *onnx_room(struct onnx *onnx, size_t count, size_t size);

/* The attribute of this name; NULL: none. */
const Onnx__Attribute *onnx_attribute(const struct onnx *onnx, const char *name);
int64_t onnx_int(const struct onnx *onnx, const char *name, int64_t otherwise);
struct text onnx_string(const struct onnx *onnx, const char *name, const char *otherwise);
/* Floats, or the doubles of the tensor NAME_as_tensor: any, also NaN. */
int onnx_floats(struct onnx *onnx, const char *name, const double **ret_numbers, size_t *ret_count);

/* A constant of floats, doubles or whole numbers; of texts, ONNX_LABELS. */
int onnx_tensor(struct onnx *onnx, const Onnx__Tensor *tensor, size_t count_max,
                struct onnx_value *ret_value);

/* ---- values ---- */

/* What input `index` of the node is. NULL with an error: it is unknown, or of no such kind. */
const struct onnx_value *onnx_input(struct onnx *onnx, size_t index);
bool onnx_has_output(const struct onnx *onnx, size_t index);
/* As output `index` of the node; dropped if the node has no such output. */
int onnx_give(struct onnx *onnx, size_t index, struct onnx_value value);
/* '+', '-', '*' or '/' for Add, Sub, Mul and Div; 0 for any other type of node. */
char onnx_operation_of(struct text type);

/* ---- onnx_columns.c: operators on inputs ---- */
int onnx_columns_inputs(struct onnx *onnx);
/* Operators of which the first value that is not constant is columns. */
int onnx_columns_node(struct onnx *onnx, const struct onnx_value *columns);
/* The features of the forest: the trees' or the linear model's input. is_rounded: to floats. */
int onnx_columns_keep(struct onnx *onnx, const struct onnx_value *columns, bool is_rounded);
/* The same with features beyond the columns, which splits ask for. */
struct onnx_equal {
    uint32_t column;
    bool is_code; /* the column, or -1 if that is not whole; else: 0 if it is the number, else 1 */
    bool is_missing_equal;
    double number;
};
int onnx_columns_keep_with(struct onnx *onnx, const struct onnx_value *columns, bool is_rounded,
                           const struct onnx_equal *equals, size_t count);

/* ---- onnx_trees.c, onnx_linear.c: the model ---- */
int onnx_trees_node(struct onnx *onnx, const struct onnx_value *columns, bool is_classifier);
/* LinearClassifier, LinearRegressor, MatMul, Gemm */
int onnx_linear_node(struct onnx *onnx, const struct onnx_value *columns);

/* ---- onnx_scores.c: operators on scores ---- */
/* Adds a step; a: [output], NULL for none. */
void onnx_scores_add(struct onnx *onnx, struct onnx_value *scores, enum onnx_function function,
                     enum forest_step_kind kind, const double *a);
int onnx_scores_node(struct onnx *onnx, const struct onnx_value *scores);
/* Links and steps of the forest, of the graph's output. */
int onnx_scores_keep(struct onnx *onnx, const struct onnx_value *scores);
