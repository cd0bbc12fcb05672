/* Evaluating many rows: tree by tree, so that the nodes of a tree stay in the nearest cache while
 * all rows pass through it, and several rows at once. Each row's leaves are added in the order of
 * the trees, so the sums are those of model_margins(). */
#include "linear.h"
#include "model_layout.h"
#include "steps.h"

#include "core/base/check.h"

#include <stdlib.h>

#define ROWS 8 /* walked at once */

_Static_assert(MODEL_ROWS_MAX % ROWS == 0, "rows are walked in groups");

struct model_batch {
    double *columns;               /* [row][column] */
    float sums[MODEL_ROWS_MAX];    /* of one output */
    uint32_t ends[MODEL_ROWS_MAX]; /* the leaf of each row */
};

struct model_batch *model_batch_new(const struct model *model) {
    struct model_batch *batch = check_calloc(1, sizeof *batch);
    batch->columns =
        check_calloc(MODEL_ROWS_MAX * (model->shape.column_count + 1), sizeof *batch->columns);
    return batch;
}

void model_batch_free(struct model_batch *batch) {
    if (!batch)
        return;
    free(batch->columns);
    free(batch);
}

/* ROWS rows through one tree. */
static inline void walk_rows(const struct model_node *nodes, const struct model_tree *tree,
                             const double *columns, size_t stride, uint32_t *ret_ends) {
    uint32_t at[ROWS];
    for (size_t k = 0; k < ROWS; k++)
        at[k] = tree->root;
    for (uint32_t step = 0; step < tree->shallow; step++)
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++)
            at[k] = model_next(nodes, columns + k * stride, at[k]);
    for (uint32_t step = tree->shallow, moved = 1; step < tree->depth && moved; step++) {
        moved = 0;
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++) {
            uint32_t to = model_next(nodes, columns + k * stride, at[k]);
            moved |= to ^ at[k];
            at[k] = to;
        }
    }
    memcpy(ret_ends, at, sizeof at);
}

static void walk_all(const struct model *model, const struct model_tree *tree,
                     struct model_batch *batch, size_t rows) {
    size_t stride = model->shape.column_count;
    if (model->shape.has_categories) {
        for (size_t i = 0; i < rows; i++)
            batch->ends[i] = model_walk_mixed(model, tree, batch->columns + i * stride);
        return;
    }
    for (size_t i = 0; i < rows; i += ROWS)
        walk_rows(model->nodes, tree, batch->columns + i * stride, stride, batch->ends + i);
}

/* The trees of one output. */
static void add_output(const struct model *model, struct model_batch *batch, size_t output,
                       size_t rows, double *margins) {
    size_t outputs = model->shape.output_count;
    for (size_t i = 0; i < rows; i++) {
        margins[i * outputs] = model->base[output];
        batch->sums[i] = (float)model->base[output];
    }
    for (size_t t = 0; t < model->shape.tree_count; t++) {
        const struct model_tree *tree = &model->trees[t];
        if (tree->output != output)
            continue;
        walk_all(model, tree, batch, rows);
        for (size_t i = 0; i < rows && model->is_float; i++)
            batch->sums[i] += (float)model->values[batch->ends[i]];
        for (size_t i = 0; i < rows && !model->is_float; i++)
            margins[i * outputs] += model->values[batch->ends[i]];
    }
    for (size_t i = 0; i < rows && model->is_float; i++)
        margins[i * outputs] = (double)batch->sums[i];
}

/* A group that is not full walks with what earlier rows have left in the columns. */
void model_margins_of_rows(const struct model *model, struct model_batch *batch,
                           const double *inputs, size_t rows, double *ret_margins) {
    const struct model_shape *shape = &model->shape;
    check(rows <= MODEL_ROWS_MAX);
    for (size_t i = 0; i < rows; i++)
        model_fill_columns(model, &inputs[i * shape->input_count],
                           batch->columns + i * shape->column_count);
    if (shape->is_linear) {
        for (size_t i = 0; i < rows; i++)
            linear_margins(model, batch->columns + i * shape->column_count,
                           ret_margins + i * shape->output_count);
        return;
    }
    for (size_t i = 0; i < shape->output_count; i++)
        add_output(model, batch, i, rows, ret_margins + i);
    for (size_t i = 0; i < rows && model->margin_finish > 0; i++)
        steps_finish_margins(model, ret_margins + i * shape->output_count);
}
