/* Evaluating many rows: tree by tree, so that the nodes of a tree stay in the nearest cache while
 * all rows pass through it, and several rows at once. Each row's leaves are added in the order of
 * the trees, so the sums are those of model_margins().
 *
 * The first steps of a tree are taken by vectors of rows: there are few nodes, so all of them are
 * compared for each row, and only then chosen from. Each further step is four loads, a comparison
 * that takes one of them, and an addition of its carry. For that, what is compared are whole
 * numbers with the order of the numbers that they stand for, of 32 bits where the library computes
 * in floats ("narrow"), else of 64 bits ("wide"). Rows are in groups, and a group's keys are
 * adjacent, column by column, so that they are all read relative to one address. */
#include "linear.h"
#include "model_layout.h"
#include "steps.h"

#include "core/base/check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define ROWS 8 /* walked at once: a group */

/* Trees that are not deeper are walked to their ends. In deeper ones most rows end much earlier
 * than the deepest does: after some steps, only those go on that are not at a leaf. */
#define VECTOR_STEPS 2
#define FULL_DEPTH   8
#define FIRST_STEPS  7
#define NEXT_STEPS   3

#define ALWAYS_INLINE inline __attribute__((always_inline))

_Static_assert(MODEL_ROWS_MAX % ROWS == 0, "rows are walked in groups");

typedef uint32_t ints __attribute__((vector_size(16)));

struct model_batch {
    /* [row × column_count + column]. Where splits are by categories; the other arrays are NULL. */
    double *columns;
    bool is_narrow;        /* the arrays of the other width are NULL */
    float *narrow_inputs;  /* [input × MODEL_ROWS_MAX + row] */
    uint64_t *wide_inputs; /* likewise: keys of tidied numbers; 0: missing */
    uint32_t *narrow_keys; /* [(group × column_count + column) × ROWS + row of the group] */
    uint64_t *wide_keys;
    uint32_t *narrow_limits; /* [node]: right if below the key. A leaf: nothing is greater */
    uint64_t *wide_limits;
    uint32_t *first_keys; /* [node]: where its column begins in a group's keys */
    uint32_t *lefts;      /* [node]: a leaf's is itself */
    float *narrow_values; /* [node]: what a leaf adds */
    double sums[MODEL_ROWS_MAX];
    float float_sums[MODEL_ROWS_MAX];
    uint32_t begins[1 << VECTOR_STEPS]; /* nodes that steps begin at */
    uint32_t sides[MODEL_ROWS_MAX];     /* at which of them each row does */
    uint32_t ends[MODEL_ROWS_MAX];      /* where each row is in a tree, and then its leaf */
};

/* a < b ⇔ key_of(a) < key_of(b). Not for NaN. -0 is made 0. */
static inline uint64_t key_of(double x) {
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | UINT64_C(1) << 63);
}

static inline uint32_t narrow_key_of(float x) {
    uint32_t bits;
    x += 0.0F;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((uint32_t)((int32_t)bits >> 31) | UINT32_C(1) << 31);
}

/* The least float that is not below this. */
static float float_above(double limit) {
    float x = (float)limit;
    return (double)x < limit ? nextafterf(x, INFINITY) : x;
}

static void lay_out_node(struct model_batch *batch, const struct model *model, uint32_t at) {
    const struct model_node *node = &model->nodes[at];
    bool is_leaf = node->left + 1 == at; /* no key is 0: that would be a NaN */
    if (batch->is_narrow) {
        batch->narrow_limits[at] =
            is_leaf ? UINT32_MAX : narrow_key_of(float_above(node->limit)) - 1;
        batch->narrow_values[at] = (float)model->values[at];
    } else
        batch->wide_limits[at] = is_leaf ? UINT64_MAX : key_of(node->limit) - 1;
    batch->first_keys[at] = is_leaf ? 0 : node->column * ROWS;
    batch->lefts[at] = is_leaf ? at : node->left;
}

/* Are the columns of each row filled one by one? Of categories, because they are no numbers to
 * compare; of ONNX, because steps come before the trees. */
static bool fills_columns(const struct model *model) {
    return model->shape.has_categories || model->shape.is_linear || model->has_features;
}

static bool walks_keys(const struct model *model) {
    return !model->shape.has_categories && !model->shape.is_linear;
}

/* Inputs of ONNX may be wider than its floats before the steps. */
static bool is_narrow(const struct model *model) {
    return model->is_float && !model->has_features;
}

struct model_batch *model_batch_new(const struct model *model) {
    const struct model_shape *shape = &model->shape;
    struct model_batch *batch = check_calloc(1, sizeof *batch);
    if (fills_columns(model))
        batch->columns =
            check_calloc(MODEL_ROWS_MAX * (shape->column_count + 1), sizeof *batch->columns);
    if (!walks_keys(model))
        return batch;
    size_t nodes = shape->node_count + 1, keys = (shape->column_count + 1) * MODEL_ROWS_MAX;
    size_t numbers = (shape->input_count + 1) * MODEL_ROWS_MAX;
    batch->is_narrow = is_narrow(model);
    if (batch->is_narrow) {
        batch->narrow_inputs = check_calloc(numbers, sizeof *batch->narrow_inputs);
        batch->narrow_values = check_calloc(nodes, sizeof *batch->narrow_values);
        batch->narrow_keys = check_calloc(keys, sizeof *batch->narrow_keys);
        batch->narrow_limits = check_calloc(nodes, sizeof *batch->narrow_limits);
    } else {
        batch->wide_inputs = check_calloc(numbers, sizeof *batch->wide_inputs);
        batch->wide_keys = check_calloc(keys, sizeof *batch->wide_keys);
        batch->wide_limits = check_calloc(nodes, sizeof *batch->wide_limits);
    }
    batch->first_keys = check_calloc(nodes, sizeof *batch->first_keys);
    batch->lefts = check_calloc(nodes, sizeof *batch->lefts);
    for (size_t i = 0; i < shape->node_count; i++)
        lay_out_node(batch, model, (uint32_t)i);
    return batch;
}

void model_batch_free(struct model_batch *batch) {
    if (!batch)
        return;
    free(batch->columns);
    free(batch->narrow_inputs);
    free(batch->wide_inputs);
    free(batch->narrow_values);
    free(batch->narrow_keys);
    free(batch->narrow_limits);
    free(batch->wide_keys);
    free(batch->wide_limits);
    free(batch->first_keys);
    free(batch->lefts);
    free(batch);
}

/* ---- a row's numbers ---- */

/* tidied() of model_eval.c, but of keys, as it takes longer of doubles. NaN: 0. */
static inline uint64_t tidied_key(double x, double near_zero) {
    uint64_t least = key_of(-near_zero), greatest = key_of(near_zero), key = key_of(x);
    key = key - least <= greatest - least ? key_of(0) : key;
    key = key > key_of(DBL_MAX) ? key_of(DBL_MAX) : key;
    key = key < key_of(-DBL_MAX) ? key_of(-DBL_MAX) : key;
    return x != x ? 0 : key;
}

static void set_inputs(struct model_batch *batch, const struct model *model, const double *inputs,
                       size_t rows) {
    size_t count = model->shape.input_count;
    for (size_t row = 0; row < rows; row++, inputs += count) {
        for (size_t i = 0; i < count && batch->is_narrow; i++)
            batch->narrow_inputs[i * MODEL_ROWS_MAX + row] = (float)inputs[i];
        for (size_t i = 0; i < count && !batch->is_narrow; i++)
            batch->wide_inputs[i * MODEL_ROWS_MAX + row] = tidied_key(inputs[i], model->near_zero);
    }
}

static inline size_t place_of(const struct model *model, size_t column, size_t row) {
    return (row / ROWS * model->shape.column_count + column) * ROWS + row % ROWS;
}

/* As model_fill_columns() does, but with masks, which compilers make vector instructions of. */
static inline void set_narrow_keys(const struct model_column *column, const float *inputs,
                                   uint32_t *ret_keys) {
    uint32_t missing = narrow_key_of((float)column->missing), zeros = -column->is_zero_missing;
    for (size_t k = 0; k < ROWS; k++) {
        float x = inputs[k];
        uint32_t key = narrow_key_of(x);
        uint32_t is_missing = -(uint32_t)(x != x) | (-(uint32_t)(x == 0) & zeros);
        ret_keys[k] = key ^ ((key ^ missing) & is_missing);
    }
}

static inline void set_wide_keys(const struct model_column *column, const uint64_t *inputs,
                                 uint64_t *ret_keys) {
    uint64_t missing = key_of(column->missing), zeros = -(uint64_t)column->is_zero_missing;
    for (size_t k = 0; k < ROWS; k++) {
        uint64_t key = inputs[k];
        uint64_t is_missing = -(uint64_t)(key == 0) | (-(uint64_t)(key == key_of(0)) & zeros);
        ret_keys[k] = key ^ ((key ^ missing) & is_missing);
    }
}

static void set_keys(struct model_batch *batch, const struct model *model, size_t rows) {
    for (size_t i = 0; i < model->shape.column_count; i++) {
        const struct model_column *column = &model->columns[i];
        for (size_t row = 0; row < rows; row += ROWS) {
            size_t from = column->input * MODEL_ROWS_MAX + row, to = place_of(model, i, row);
            if (batch->is_narrow)
                set_narrow_keys(column, batch->narrow_inputs + from, batch->narrow_keys + to);
            else
                set_wide_keys(column, batch->wide_inputs + from, batch->wide_keys + to);
        }
    }
}

/* What is missing has its value in the columns already. */
static void set_keys_of_columns(struct model_batch *batch, const struct model *model, size_t rows) {
    size_t count = model->shape.column_count;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < count; i++) {
            batch->wide_keys[place_of(model, i, row)] = key_of(batch->columns[row * count + i]);
        }
}

/* ---- through a tree ---- */

/* Where the first VECTOR_STEPS lead each row to. A leaf that is higher up is its own child. */
_Static_assert(VECTOR_STEPS == 2, "a root and its two children");

struct narrow_test {
    const uint32_t *keys;
    ints limit;
};

static struct narrow_test test_of(const struct model_batch *batch, uint32_t at) {
    return (struct narrow_test){.keys = batch->narrow_keys + batch->first_keys[at],
                                .limit = (ints){0} + batch->narrow_limits[at]};
}

/* All bits where a row goes right. */
static inline ints goes_right(const struct narrow_test *test, size_t place) {
    ints keys;
    memcpy(&keys, test->keys + place, sizeof keys);
    return (ints)(keys > test->limit);
}

static uint32_t right_of(const struct model_batch *batch, uint32_t at) {
    return batch->lefts[at] + (batch->lefts[at] != at);
}

static void begin_narrow(struct model_batch *batch, size_t keys, uint32_t root, size_t rows) {
    uint32_t left = batch->lefts[root], right = right_of(batch, root);
    batch->begins[0] = batch->lefts[left];
    batch->begins[1] = right_of(batch, left);
    batch->begins[2] = batch->lefts[right];
    batch->begins[3] = right_of(batch, right);
    struct narrow_test of_root = test_of(batch, root);
    struct narrow_test of_left = test_of(batch, left), of_right = test_of(batch, right);
    size_t width = sizeof(ints) / sizeof(uint32_t);
    for (size_t row = 0; row < rows; row += width) {
        size_t place = row / ROWS * keys + row % ROWS;
        ints first = goes_right(&of_root, place);
        ints second =
            (first & goes_right(&of_right, place)) | (~first & goes_right(&of_left, place));
        ints side = -(first + first + second);
        memcpy(batch->sides + row, &side, sizeof side);
    }
}

/* The keys of a row: column c is at [ROWS × c] of those that are not NULL. */
struct row_keys {
    const uint32_t *narrow;
    const uint64_t *wide;
};

/* The compiler does not know what a pointer has come from: else it keeps an index for each of
 * ROWS, which are more than there are registers. */
static ALWAYS_INLINE const void *hidden(const void *pointer) {
    __asm__("" : "+r"(pointer));
    return pointer;
}

static ALWAYS_INLINE struct row_keys keys_of(const struct model_batch *batch, bool is_narrow,
                                             size_t first) {
    return is_narrow ? (struct row_keys){.narrow = hidden(batch->narrow_keys + first)}
                     : (struct row_keys){.wide = hidden(batch->wide_keys + first)};
}

static ALWAYS_INLINE size_t next_of(const struct model_batch *batch, bool is_narrow,
                                    struct row_keys keys, size_t k, size_t at) {
    size_t key = batch->first_keys[at];
    return (size_t)batch->lefts[at] + (is_narrow ? batch->narrow_limits[at] < keys.narrow[key + k]
                                                 : batch->wide_limits[at] < keys.wide[key + k]);
}

static ALWAYS_INLINE void walk_first(struct model_batch *batch, bool is_narrow, size_t keys,
                                     uint32_t steps, size_t rows) {
    for (size_t i = 0; i * ROWS < rows; i++) {
        struct row_keys group = keys_of(batch, is_narrow, i * keys);
        size_t at[ROWS];
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++)
            at[k] = batch->begins[batch->sides[i * ROWS + k]];
        for (uint32_t step = 0; step < steps; step++)
#pragma GCC unroll 8
            for (size_t k = 0; k < ROWS; k++)
                at[k] = next_of(batch, is_narrow, group, k, at[k]);
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++)
            batch->ends[i * ROWS + k] = (uint32_t)at[k];
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

static ALWAYS_INLINE void walk_next(struct model_batch *batch, bool is_narrow, size_t keys,
                                    const uint32_t *rows) {
    struct row_keys of_rows[ROWS];
    size_t at[ROWS];
#pragma GCC unroll 8
    for (size_t k = 0; k < ROWS; k++) {
        of_rows[k] = keys_of(batch, is_narrow, rows[k] / ROWS * keys + rows[k] % ROWS);
        at[k] = batch->ends[rows[k]];
    }
    for (size_t step = 0; step < NEXT_STEPS; step++)
#pragma GCC unroll 8
        for (size_t k = 0; k < ROWS; k++)
            at[k] = next_of(batch, is_narrow, of_rows[k], 0, at[k]);
#pragma GCC unroll 8
    for (size_t k = 0; k < ROWS; k++)
        batch->ends[rows[k]] = (uint32_t)at[k];
}

/* `steps` of all rows have been walked already. `keys`: of a group. */
static ALWAYS_INLINE void walk_steps(struct model_batch *batch, bool is_narrow, size_t keys,
                                     uint32_t depth, uint32_t steps, size_t rows) {
    uint32_t unfinished[MODEL_ROWS_MAX + ROWS];
    bool is_deep = depth > FULL_DEPTH;
    uint32_t end = is_deep ? FIRST_STEPS : depth;
    walk_first(batch, is_narrow, keys, end > steps ? end - steps : 0, rows);
    if (!is_deep)
        return;
    for (size_t i = 0; i < rows; i++)
        unfinished[i] = (uint32_t)i;
    size_t count = rows;
    while ((count = find_unfinished(batch, unfinished, count, unfinished)) > 0) {
        for (size_t k = 0; k < ROWS; k++) /* the last group is full: a row may walk twice */
            unfinished[count + k] = unfinished[0];
        for (size_t i = 0; i < count; i += ROWS)
            walk_next(batch, is_narrow, keys, unfinished + i);
    }
}

static void walk_tree(struct model_batch *batch, const struct model *model,
                      const struct model_tree *tree, size_t rows) {
    size_t keys = model->shape.column_count * ROWS;
    if (model->shape.has_categories) {
        for (size_t i = 0; i < rows; i++)
            batch->ends[i] =
                model_walk_mixed(model, tree, batch->columns + i * model->shape.column_count);
        return;
    }
    if (batch->is_narrow) {
        begin_narrow(batch, keys, tree->root, rows);
        walk_steps(batch, true, keys, tree->depth, VECTOR_STEPS, rows);
        return;
    }
    batch->begins[0] = tree->root; /* all sides are 0 */
    walk_steps(batch, false, keys, tree->depth, 0, rows);
}

/* ---- all trees ---- */

static void add_leaf_values(const struct model *model, struct model_batch *batch, size_t rows) {
    if (batch->is_narrow)
        for (size_t i = 0; i < rows; i++)
            batch->float_sums[i] += batch->narrow_values[batch->ends[i]];
    else if (model->is_float)
        for (size_t i = 0; i < rows; i++)
            batch->float_sums[i] += (float)model->values[batch->ends[i]];
    else
        for (size_t i = 0; i < rows; i++)
            batch->sums[i] += model->values[batch->ends[i]];
}

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
        add_leaf_values(model, batch, rows);
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
        set_keys(batch, model, rows);
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
