/* A model: a sum of decision trees, from XGBoost, LightGBM, ONNX, an isolation forest or a
 * scorecard, or a linear model from ONNX, ready to be evaluated.
 *
 * A file → a reader (forest.h) → model_new(), which checks everything and lays the trees out for
 * the processor's cache → struct model, immutable. The same inputs give the same bits on every
 * machine: leaves are added one by one in the order of the file, as the library does it, in the
 * library's precision (float for XGBoost and most of ONNX, double for all else).
 *
 * Knows nothing of policies or transactions. */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "forest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_format {
    MODEL_XGBOOST_JSON,
    MODEL_XGBOOST_UBJ,
    MODEL_LIGHTGBM,
    MODEL_ONNX,
    MODEL_ISOLATION
};

struct model; /* lives in its arena */

/* Reads a file of this format, which may be anything. The model is in `arena`, and so are its
 * texts. */
int model_read(enum model_format format, struct text file, struct arena *arena,
               struct model **ret_model, struct error *ret_error);
/* The same of trees that are there already. */
int model_new(const struct forest *forest, struct arena *arena, struct model **ret_model,
              struct error *ret_error);

struct model_shape {
    const struct text *inputs; /* names, in the order of the file */
    size_t input_count;
    size_t output_count; /* 1, or the number of classes */
    size_t column_count; /* what evaluating needs as scratch memory */
    size_t tree_count, node_count, leaf_count;
    size_t steps; /* splits from root to leaf of all trees, at worst; with the arithmetic of ONNX */
    size_t depth; /* of the deepest */
    enum forest_link link;
    bool has_categories;
    bool has_covers; /* weights of all nodes, above zero: contributions can be computed. A linear
                        model: its features are centred */
    bool is_linear;  /* margins may be NaN or infinite: what is missing or too great */
};
const struct model_shape *model_shape(const struct model *model);
/* Does any split ask whether this input is one of some categories? */
bool model_input_is_categorical(const struct model *model, size_t input);

/* Other names for the inputs, which must differ; the texts outlive the model. */
void model_name_inputs(struct model *model, const struct text *names);

/* The margins of one row: inputs in the shape's order, NaN where one is missing. columns: room for
 * column_count. ret_margins: one for each output. Pure. */
void model_margins(const struct model *model, const double *inputs, double *columns,
                   double *ret_margins);

/* The same of many rows at once: row i's inputs begin at inputs[i × input_count], its margins at
 * ret_margins[i × output_count]. rows: at most MODEL_ROWS_MAX. Bit for bit as model_margins(). */
#define MODEL_ROWS_MAX 64
struct model_batch;
struct model_batch *model_batch_new(const struct model *model); /* scratch memory; one thread */
void model_batch_free(struct model_batch *batch);               /* NULL is allowed */
void model_margins_of_rows(const struct model *model, struct model_batch *batch,
                           const double *inputs, size_t rows, double *ret_margins);

/* What the library's predict() makes of margins: probabilities, a regression's value, or an anomaly
 * score from 0 to 1. In place.
 * Not for FOREST_LINK_NONE. */
void model_predict(const struct model *model, double *margins);

/* 1 / (1 + exp(-x)), the same on every machine. */
double model_logistic(double x);
