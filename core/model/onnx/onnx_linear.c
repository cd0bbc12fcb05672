/* LinearClassifier, LinearRegressor, and MatMul or Gemm with a constant: columns times weights. */
#include "onnx.h"

#include "core/base/check.h"

#include <math.h>

/* The model: `outputs` scores of the columns, the weights in rows of outputs. */
static int keep(struct onnx *onnx, const struct onnx_value *columns, bool is_rounded,
                const double *weights, size_t outputs, const double *intercepts) {
    struct forest *forest = onnx->forest;
    if (outputs == 0 || outputs > MODEL_OUTPUTS_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "%zu scores; expected 1 to %u", outputs,
                           MODEL_OUTPUTS_MAX);
    double *base = onnx_room(onnx, outputs, sizeof *base);
    for (size_t i = 0; i < outputs; i++) {
        base[i] = intercepts ? intercepts[i] : 0;
        if (!isfinite(base[i]))
            return onnx_refuse(onnx, ERROR_INVALID, "intercept %zu is not finite", i);
    }
    for (size_t i = 0; i < outputs * columns->count; i++)
        if (!isfinite(weights[i]))
            return onnx_refuse(onnx, ERROR_INVALID, "coefficient %zu is not finite", i);
    int r = onnx_columns_keep(onnx, columns, is_rounded);
    if (r < 0)
        return r;
    forest->is_float = is_rounded || columns->is_float;
    forest->output_count = outputs;
    forest->base = base;
    forest->weights = weights;
    onnx->has_model = true;
    return 0;
}

static struct onnx_value scores_of(const struct onnx *onnx, size_t count) {
    return (struct onnx_value){
        .kind = ONNX_SCORES, .is_float = onnx->forest->is_float, .count = count};
}

static int check_counts(struct onnx *onnx, size_t weights, size_t rows, size_t columns) {
    return weights == rows * columns
               ? 0
               : onnx_refuse(onnx, ERROR_INVALID, "%zu coefficients for %zu scores of %zu columns",
                             weights, rows, columns);
}

/* Does the first of two scores come out as the second one times -1? */
static bool are_opposite(const double *weights, size_t columns, const double *intercepts) {
    bool are = intercepts[0] == -intercepts[1];
    for (size_t k = 0; k < columns && are; k++)
        are = weights[k] == -weights[columns + k];
    return are;
}

static int classifier(struct onnx *onnx, const struct onnx_value *columns) {
    const double *weights, *intercepts;
    size_t count, rows;
    int r = onnx_floats(onnx, "coefficients", &weights, &count);
    if (r == 0)
        r = onnx_floats(onnx, "intercepts", &intercepts, &rows);
    if (r < 0)
        return r;
    struct text transform = onnx_string(onnx, "post_transform", "NONE");
    bool is_logistic = text_is(transform, "LOGISTIC"), is_softmax = text_is(transform, "SOFTMAX");
    if (!is_logistic && !is_softmax && !text_is(transform, "NONE"))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "post_transform \"%.*s\"; expected NONE, LOGISTIC or SOFTMAX",
                           (int)(transform.length < 20 ? transform.length : 20), transform.data);
    const Onnx__Attribute *ints = onnx_attribute(onnx, "classlabels_ints"),
                          *strings = onnx_attribute(onnx, "classlabels_strings");
    size_t labels = strings && strings->n_strings ? strings->n_strings : ints ? ints->n_ints : 0;
    /* Of one score for two classes, onnxruntime gives 1 - score and score, and no more. */
    bool is_single = rows == 1 && labels == 2;
    if ((rows < 2 && !is_single) || labels != (is_single ? 2 : rows) ||
        (is_single && (is_logistic || is_softmax)))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "%zu scores for %zu classes, with post_transform %.*s; expected a score "
                           "for each",
                           rows, labels, (int)(transform.length < 20 ? transform.length : 20),
                           transform.data);
    r = check_counts(onnx, count, rows, columns->count);
    /* Of two classes that are not compared with each other, the second alone is of interest. */
    bool is_pair = rows <= 2 && !is_softmax;
    size_t skipped = is_pair && rows == 2;
    if (r == 0)
        r = keep(onnx, columns, true, weights + skipped * columns->count, is_pair ? 1 : rows,
                 intercepts + skipped);
    if (r < 0)
        return r;
    struct onnx_value scores = scores_of(onnx, is_pair ? 2 : rows), label = {.kind = ONNX_LABELS};
    scores.is_pair = is_pair;
    scores.is_of_classes = true;
    if (skipped && are_opposite(weights, columns->count, intercepts))
        scores.first = ONNX_FIRST_NEGATIVE;
    if (is_logistic || is_softmax)
        onnx_scores_add(onnx, &scores, is_logistic ? ONNX_LOGISTIC : ONNX_SOFTMAX,
                        FOREST_STEP_ROUND, NULL);
    r = onnx_give(onnx, 0, label);
    return r < 0 ? r : onnx_give(onnx, 1, scores);
}

static int regressor(struct onnx *onnx, const struct onnx_value *columns) {
    const double *weights, *intercepts;
    size_t count, rows;
    int64_t targets = onnx_int(onnx, "targets", 1);
    if (targets != 1 || !text_is(onnx_string(onnx, "post_transform", "NONE"), "NONE"))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "%lld targets or a post_transform; expected 1 target and NONE",
                           (long long)targets);
    int r = onnx_floats(onnx, "coefficients", &weights, &count);
    if (r == 0)
        r = onnx_floats(onnx, "intercepts", &intercepts, &rows);
    if (r == 0)
        r = check_counts(onnx, count, 1, columns->count);
    if (r == 0 && rows > 1)
        r = onnx_refuse(onnx, ERROR_INVALID, "%zu intercepts for 1 target", rows);
    if (r == 0)
        r = keep(onnx, columns, true, weights, 1, rows ? intercepts : NULL);
    return r < 0 ? r : onnx_give(onnx, 0, scores_of(onnx, 1));
}

/* A matrix of [columns, outputs], or turned, as rows of outputs. */
static int read_matrix(struct onnx *onnx, const struct onnx_value *columns, bool is_turned,
                       const double **ret_weights, size_t *ret_outputs) {
    const struct onnx_value *matrix = onnx_input(onnx, 1);
    if (!matrix)
        return -onnx->error->code;
    size_t outputs = matrix->kind == ONNX_CONSTANT ? matrix->count / columns->count : 0;
    if (outputs == 0 || outputs > MODEL_OUTPUTS_MAX || matrix->rank > 2 || matrix->rank == 0 ||
        (size_t)matrix->sizes[is_turned && matrix->rank == 2] != columns->count ||
        outputs * columns->count != matrix->count)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "expected columns times a constant matrix of %zu rows and at most %u "
                           "columns",
                           columns->count, MODEL_OUTPUTS_MAX);
    double *weights = onnx_room(onnx, matrix->count, sizeof *weights);
    for (size_t i = 0; i < outputs; i++)
        for (size_t k = 0; k < columns->count; k++)
            weights[i * columns->count + k] =
                matrix->numbers[is_turned ? i * columns->count + k : k * outputs + i];
    *ret_weights = weights;
    *ret_outputs = outputs;
    return 0;
}

static int matmul(struct onnx *onnx, const struct onnx_value *columns) {
    const double *weights;
    size_t outputs;
    int r = read_matrix(onnx, columns, false, &weights, &outputs);
    if (r == 0)
        r = keep(onnx, columns, false, weights, outputs, NULL);
    return r < 0 ? r : onnx_give(onnx, 0, scores_of(onnx, outputs));
}

static int gemm(struct onnx *onnx, const struct onnx_value *columns) {
    const Onnx__Attribute *alpha = onnx_attribute(onnx, "alpha"),
                          *beta = onnx_attribute(onnx, "beta");
    const double *weights;
    size_t outputs;
    if ((alpha && alpha->f != 1) || (beta && beta->f != 1) || onnx_int(onnx, "transA", 0) != 0)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected alpha 1, beta 1 and transA 0");
    int r = read_matrix(onnx, columns, onnx_int(onnx, "transB", 0) != 0, &weights, &outputs);
    if (r < 0)
        return r;
    double *intercepts = onnx_room(onnx, outputs, sizeof *intercepts);
    if (onnx->node->n_input > 2) {
        const struct onnx_value *constant = onnx_input(onnx, 2);
        if (!constant)
            return -onnx->error->code;
        if (constant->kind != ONNX_CONSTANT || (constant->count != 1 && constant->count != outputs))
            return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected a constant for each score");
        for (size_t i = 0; i < outputs; i++)
            intercepts[i] = constant->numbers[constant->count == 1 ? 0 : i];
    }
    r = keep(onnx, columns, false, weights, outputs, intercepts);
    return r < 0 ? r : onnx_give(onnx, 0, scores_of(onnx, outputs));
}

int onnx_linear_node(struct onnx *onnx, const struct onnx_value *columns) {
    struct text type = onnx_text(onnx->node->op_type);
    return text_is(type, "LinearClassifier")  ? classifier(onnx, columns)
           : text_is(type, "LinearRegressor") ? regressor(onnx, columns)
           : text_is(type, "MatMul")          ? matmul(onnx, columns)
                                              : gemm(onnx, columns);
}
