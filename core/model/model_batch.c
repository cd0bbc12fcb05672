/* Evaluating many rows: tree by tree, so that the nodes of a tree stay in the nearest cache while
 * all rows pass through it, and several rows at once. Each row's leaves are added in the order of
 * the trees, so the sums are those of model_margins().
 *
 * What is compared are whole numbers with the order of the doubles that they stand for: a step from
 * a node to its child is then four loads, a comparison that takes one of them, and an addition of
 * its carry. The keys are column by column, so that those of all rows are read relative to one
 * address. */
#include "linear.h"
#include "model_layout.h"
#include "steps.h"

#include "core/base/check.h"

#include <float.h>
#include <stdlib.h>

#define ROWS 8 /* walked at once */

/* Trees that are not deeper are walked to their ends. In deeper ones most rows end much earlier
 * than the deepest does: after some steps, only those go on that are not at a leaf. */
#define FULL_DEPTH  8
#define FIRST_STEPS 7
#define NEXT_STEPS  3

_Static_assert(MODEL_ROWS_MAX % ROWS == 0, "rows are walked in groups");

/* An input of a row: its number, and what is missing about it, as masks of all bits or none. */
struct batch_input {
    uint64_t keys[MODEL_ROWS_MAX], nans[MODEL_ROWS_MAX], zeros[MODEL_ROWS_MAX];
};

struct model_batch {
    /* [row × column_count + column]. Where splits are by categories; the other arrays are NULL. */
    double *columns;
    struct batch_input *inputs; /* [input] */
    uint64_t *keys;             /* [column × MODEL_ROWS_MAX + row] */
    uint64_t *limits;           /* [node]: right if below the key. A leaf: nothing is greater */
    uint32_t *first_keys;       /* [node]: where its column begins in `keys` */
    uint32_t *lefts;            /* [node]: a leaf's is itself */
    double sums[MODEL_ROWS_MAX];
    float float_sums[MODEL_ROWS_MAX];
    uint32_t ends[MODEL_ROWS_MAX]; /* where each row is in a tree, and then its leaf */
};

/* a < b ⇔ key_of(a) < key_of(b). Not for NaN. -0 is made 0. */
static inline uint64_t key_of(double x) {
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | UINT64_C(1) << 63);
}

static void lay_out_node(struct model_batch *batch, const struct model *model, uint32_t at) {
    const struct model_node *node = &model->nodes[at];
    if (node->left + 1 == at) {
        batch->limits[at] = UINT64_MAX;
        batch->lefts[at] = at;
        return;
    }
    batch->limits[at] = key_of(node->limit) - 1; /* no key is 0: that would be a NaN */
    batch->first_keys[at] = node->column * MODEL_ROWS_MAX;
    batch->lefts[at] = node->left;
}

/* Are the columns of each row filled one by one? Of categories, because they are no numbers to
 * compare; of ONNX, because steps come before the trees. */
static bool fills_columns(const struct model *model) {
    return model->shape.has_categories || model->shape.is_linear || model->has_features;
}

static bool walks_keys(const struct model *model) {
    return !model->shape.has_categories && !model->shape.is_linear;
}

struct model_batch *model_batch_new(const struct model *model) {
    const struct model_shape *shape = &model->shape;
    struct model_batch *batch = check_calloc(1, sizeof *batch);
    if (fills_columns(model))
        batch->columns =
            check_calloc(MODEL_ROWS_MAX * (shape->column_count + 1), sizeof *batch->columns);
    if (!walks_keys(model))
        return batch;
    batch->inputs = check_calloc(shape->input_count + 1, sizeof *batch->inputs);
    batch->keys = check_calloc((shape->column_count + 1) * MODEL_ROWS_MAX, sizeof *batch->keys);
    batch->limits = check_calloc(shape->node_count + 1, sizeof *batch->limits);
    batch->first_keys = check_calloc(shape->node_count + 1, sizeof *batch->first_keys);
    batch->lefts = check_calloc(shape->node_count + 1, sizeof *batch->lefts);
    for (size_t i = 0; i < shape->node_count; i++)
        lay_out_node(batch, model, (uint32_t)i);
    return batch;
}

void model_batch_free(struct model_batch *batch) {
    if (!batch)
        return;
    free(batch->columns);
    free(batch->inputs);
    free(batch->keys);
    free(batch->limits);
    free(batch->first_keys);
    free(batch->lefts);
    free(batch);
}

/* ---- a row's numbers ---- */

/* tidied() of model_eval.c, but of keys, as it takes longer of doubles. */
static inline uint64_t tidied_key(uint64_t key, double near_zero) {
    uint64_t zero = key_of(0), least = key_of(-near_zero), greatest = key_of(near_zero);
    key = key - least <= greatest - least ? zero : key;
    key = key > key_of(DBL_MAX) ? key_of(DBL_MAX) : key;
    return key < key_of(-DBL_MAX) ? key_of(-DBL_MAX) : key;
}

static inline void set_input(struct batch_input *input, size_t row, double x, uint64_t key) {
    input->keys[row] = key;
    input->nans[row] = -(uint64_t)(x != x);
    input->zeros[row] = -(uint64_t)(key == key_of(0));
}

static void set_inputs(struct model_batch *batch, const struct model *model, const double *inputs,
                       size_t rows) {
    size_t count = model->shape.input_count;
    for (size_t row = 0; row < rows; row++, inputs += count) {
        for (size_t i = 0; i < count && model->is_float; i++)
            set_input(&batch->inputs[i], row, inputs[i], key_of((double)(float)inputs[i]));
        for (size_t i = 0; i < count && !model->is_float; i++)
            set_input(&batch->inputs[i], row, inputs[i],
                      tidied_key(key_of(inputs[i]), model->near_zero));
    }
}

/* Of the whole batch, which compilers make vector instructions of. */
static void set_keys(struct model_batch *batch, const struct model *model) {
    for (size_t i = 0; i < model->shape.column_count; i++) {
        const struct model_column *column = &model->columns[i];
        const struct batch_input *input = &batch->inputs[column->input];
        uint64_t missing = key_of(column->missing);
        uint64_t zero_mask = -(uint64_t)column->is_zero_missing;
        uint64_t *restrict keys = &batch->keys[i * MODEL_ROWS_MAX];
        for (size_t row = 0; row < MODEL_ROWS_MAX; row++) {
            uint64_t is_missing = input->nans[row] | (input->zeros[row] & zero_mask);
            keys[row] = input->keys[row] ^ ((input->keys[row] ^ missing) & is_missing);
        }
    }
}

/* What is missing has its value in the columns already. */
static void set_keys_of_columns(struct model_batch *batch, const struct model *model, size_t rows) {
    size_t count = model->shape.column_count;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < count; i++)
            batch->keys[i * MODEL_ROWS_MAX + row] = key_of(batch->columns[row * count + i]);
}

/* ---- through a tree ---- */

/* One step of a row whose column c is at keys[c]. */
static inline size_t next_of(const struct model_batch *batch, const uint64_t *keys, size_t at) {
    return (size_t)batch->lefts[at] + (batch->limits[at] < keys[batch->first_keys[at]]);
}

static void walk_first(struct model_batch *batch, uint32_t root, uint32_t steps, size_t rows) {
    for (size_t i = 0; i < rows; i += ROWS) {
        const uint64_t *keys = batch->keys + i;
        size_t at[ROWS];
        for (size_t k = 0; k < ROWS; k++)
            at[k] = root;
        for (uint32_t step = 0; step < steps; step++)
#pragma GCC unroll 8
            for (size_t k = 0; k < ROWS; k++)
                at[k] = next_of(batch, keys + k, at[k]);
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++)
            batch->ends[i + k] = (uint32_t)at[k];
    }
}

/* The rows of `from` that are not at a leaf. `ret_rows` may be `from`. */
static size_t find_unfinished(const struct model_batch *batch, const uint32_t *from, size_t count,
                              uint32_t *ret_rows) {
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = from[i], at = batch->ends[row];
        ret_rows[left] = row;
        left += batch->lefts[at] != at;
    }
    return left;
}

static void walk_next(struct model_batch *batch, const uint32_t *rows) {
    const uint64_t *keys[ROWS];
    size_t at[ROWS];
#pragma GCC unroll 8
    for (size_t k = 0; k < ROWS; k++) {
        keys[k] = batch->keys + rows[k];
        at[k] = batch->ends[rows[k]];
    }
    for (size_t step = 0; step < NEXT_STEPS; step++)
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++)
            at[k] = next_of(batch, keys[k], at[k]);
#pragma GCC unroll 8
    for (size_t k = 0; k < ROWS; k++)
        batch->ends[rows[k]] = (uint32_t)at[k];
}

static void walk_tree(struct model_batch *batch, const struct model *model,
                      const struct model_tree *tree, size_t rows) {
    uint32_t unfinished[MODEL_ROWS_MAX + ROWS];
    if (model->shape.has_categories) {
        for (size_t i = 0; i < rows; i++)
            batch->ends[i] =
                model_walk_mixed(model, tree, batch->columns + i * model->shape.column_count);
        return;
    }
    if (tree->depth <= FULL_DEPTH) {
        walk_first(batch, tree->root, tree->depth, rows);
        return;
    }
    walk_first(batch, tree->root, FIRST_STEPS, rows);
    for (size_t i = 0; i < rows; i++)
        unfinished[i] = (uint32_t)i;
    size_t count = rows;
    while ((count = find_unfinished(batch, unfinished, count, unfinished)) > 0) {
        for (size_t k = 0; k < ROWS; k++) /* the last group is full: a row may walk twice */
            unfinished[count + k] = unfinished[0];
        for (size_t i = 0; i < count; i += ROWS)
            walk_next(batch, unfinished + i);
    }
}

/* ---- all trees ---- */

/* The trees of one output. */
static void add_output(const struct model *model, struct model_batch *batch, size_t output,
                       size_t rows, double *margins) {
    for (size_t i = 0; i < rows; i++) {
        batch->sums[i] = model->base[output];
        batch->float_sums[i] = (float)model->base[output];
    }
    for (size_t t = 0; t < model->shape.tree_count; t++) {
        const struct model_tree *tree = &model->trees[t];
        if (tree->output != output)
            continue;
        walk_tree(batch, model, tree, rows);
        for (size_t i = 0; i < rows && model->is_float; i++)
            batch->float_sums[i] += (float)model->values[batch->ends[i]];
        for (size_t i = 0; i < rows && !model->is_float; i++)
            batch->sums[i] += model->values[batch->ends[i]];
    }
    for (size_t i = 0; i < rows; i++)
        margins[i * model->shape.output_count] =
            model->is_float ? (double)batch->float_sums[i] : batch->sums[i];
}

/* A group that is not full walks with what earlier rows have left in the keys. */
void model_margins_of_rows(const struct model *model, struct model_batch *batch,
                           const double *inputs, size_t rows, double *ret_margins) {
    const struct model_shape *shape = &model->shape;
    check(rows <= MODEL_ROWS_MAX);
    for (size_t i = 0; i < rows && fills_columns(model); i++)
        model_fill_columns(model, inputs + i * shape->input_count,
                           batch->columns + i * shape->column_count);
    if (walks_keys(model) && fills_columns(model)) {
        set_keys_of_columns(batch, model, rows);
    } else if (walks_keys(model)) {
        set_inputs(batch, model, inputs, rows);
        set_keys(batch, model);
    }
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
