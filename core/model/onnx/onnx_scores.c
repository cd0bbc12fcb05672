/* Operators on what a model gave: arithmetic, links, and what only selects or renames. */
#include "onnx.h"

#include "core/model/steps.h"

#include <math.h>

enum { TYPE_FLOAT = 1, TYPE_DOUBLE = 11 };

/* The logistic functions of a number and of its negative add up to 1. */
static enum onnx_first first_after(enum onnx_first first, enum onnx_function function,
                                   enum forest_step_kind kind) {
    if (function == ONNX_LOGISTIC)
        return first == ONNX_FIRST_NEGATIVE ? ONNX_FIRST_REST : ONNX_FIRST_ANY;
    return function == ONNX_ARITHMETIC && kind == FOREST_STEP_ROUND ? first : ONNX_FIRST_ANY;
}

void onnx_scores_add(struct onnx *onnx, struct onnx_value *scores, enum onnx_function function,
                     enum forest_step_kind kind, const double *a) {
    struct onnx_finish *added = onnx_room(onnx, 1, sizeof *added);
    if (!a)
        a = onnx_room(onnx, onnx->forest->output_count, sizeof *a);
    *added = (struct onnx_finish){
        .function = function,
        .step = {.kind = kind, .is_float = scores->is_float, .a = a},
        .before = scores->last,
        .length = scores->last ? scores->last->length + 1 : 1,
    };
    scores->last = added;
    scores->first = first_after(scores->first, function, kind);
}

static int give_function(struct onnx *onnx, const struct onnx_value *in,
                         enum onnx_function function) {
    struct onnx_value out = *in;
    onnx_scores_add(onnx, &out, function, FOREST_STEP_ROUND, NULL);
    return onnx_give(onnx, 0, out);
}

/* The constant's number for each output of the model: of a pair, that for its second. */
static int operands(struct onnx *onnx, const struct onnx_value *constant,
                    const struct onnx_value *scores, const double **ret_a) {
    size_t outputs = onnx->forest->output_count;
    double *a = onnx_room(onnx, outputs, sizeof *a);
    if (constant->count != 1 && constant->count != scores->count)
        return onnx_refuse(onnx, ERROR_INVALID, "the constant has %zu numbers for %zu scores",
                           constant->count, scores->count);
    for (size_t i = 0; i < outputs; i++) {
        size_t from = constant->count == 1 ? 0 : scores->is_pair ? 1 : i;
        a[i] = constant->numbers[from];
        if (!isfinite(a[i]))
            return onnx_refuse(onnx, ERROR_INVALID, "number %zu of the constant is not finite",
                               from);
    }
    *ret_a = a;
    return 0;
}

static bool is_after_logistic(const struct onnx_value *scores) {
    return scores->last && scores->last->function == ONNX_LOGISTIC;
}

/* Each score's share of their sum. Of a pair of probabilities that add up to 1, that is the score.
 */
static int share(struct onnx *onnx, const struct onnx_value *in) {
    struct onnx_value out = *in;
    if (in->is_pair && (!is_after_logistic(in) || in->first != ONNX_FIRST_REST))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "shares of two scores that are not of the logistic function, or do not "
                           "add up to 1");
    if (!in->is_pair)
        onnx_scores_add(onnx, &out, ONNX_ARITHMETIC, FOREST_STEP_SHARE, NULL);
    return onnx_give(onnx, 0, out);
}

static int arithmetic(struct onnx *onnx, char operation) {
    const struct onnx_value *left = onnx_input(onnx, 0), *right = left ? onnx_input(onnx, 1) : NULL;
    if (!right)
        return -onnx->error->code;
    if (operation == '/' && left->kind == ONNX_SCORES && right->kind == ONNX_TOTALS &&
        right->last == left->last)
        return share(onnx, left);
    bool is_turned = left->kind == ONNX_CONSTANT;
    const struct onnx_value *in = is_turned ? right : left, *constant = is_turned ? left : right;
    if (in->kind != ONNX_SCORES || constant->kind != ONNX_CONSTANT || onnx->node->n_input != 2)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected scores and one constant");
    if (is_turned && operation == '/')
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "a constant divided by scores");
    const double *a = NULL;
    int r = operands(onnx, constant, in, &a);
    if (r < 0)
        return r;
    enum forest_step_kind kind = operation == '*'                ? FOREST_STEP_MULTIPLY
                                 : operation == '/'              ? FOREST_STEP_DIVIDE
                                 : is_turned && operation == '-' ? FOREST_STEP_FROM
                                                                 : FOREST_STEP_ADD;
    for (size_t i = 0; i < onnx->forest->output_count; i++) {
        if (operation == '/' && a[i] == 0)
            return onnx_refuse(onnx, ERROR_INVALID, "number %zu of the constant is 0", i);
        if (operation == '-' && !is_turned)
            ((double *)(uintptr_t)a)[i] = -a[i];
    }
    struct onnx_value out = *in;
    onnx_scores_add(onnx, &out, ONNX_ARITHMETIC, kind, a);
    return onnx_give(onnx, 0, out);
}

/* [1 - p, p] or [-s, s]: a pair. */
static int concat(struct onnx *onnx) {
    const struct onnx_value *first = onnx_input(onnx, 0),
                            *second = first ? onnx_input(onnx, 1) : NULL;
    int64_t axis = onnx_int(onnx, "axis", 1);
    if (!second)
        return -onnx->error->code;
    const struct onnx_finish *turned = first->kind == ONNX_SCORES ? first->last : NULL;
    bool is_turned = turned && turned->function == ONNX_ARITHMETIC &&
                     (turned->step.kind == FOREST_STEP_FROM ||
                      (turned->step.kind == FOREST_STEP_MULTIPLY && turned->step.a[0] == -1));
    if (onnx->node->n_input != 2 || (axis != 1 && axis != -1) || second->kind != ONNX_SCORES ||
        second->count != 1 || !is_turned || turned->before != second->last)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "expected two scores along axis 1, the first of which is a constant "
                           "less the second, or the second times -1");
    struct onnx_value out = *second;
    out.count = 2;
    out.is_pair = out.is_of_classes = true;
    out.first = turned->step.kind == FOREST_STEP_MULTIPLY ? ONNX_FIRST_NEGATIVE
                : turned->step.a[0] == 1                  ? ONNX_FIRST_REST
                                                          : ONNX_FIRST_ANY;
    return onnx_give(onnx, 0, out);
}

static int reshape(struct onnx *onnx, const struct onnx_value *in) {
    const struct onnx_value *shape = onnx_input(onnx, 1);
    if (!shape)
        return -onnx->error->code;
    bool is_flat = shape->count == 1 && in->count == 1;
    if (shape->kind != ONNX_CONSTANT || shape->numbers[0] != -1 ||
        (!is_flat && (shape->count != 2 || shape->numbers[1] != (double)in->count)))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected the shape [-1, %zu]", in->count);
    return onnx_give(onnx, 0, *in);
}

static int cast(struct onnx *onnx, const struct onnx_value *in) {
    int64_t to = onnx_int(onnx, "to", 0);
    struct onnx_value out = *in;
    if (to != TYPE_FLOAT && to != TYPE_DOUBLE)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "scores as type %lld; expected float (1) or double (11)", (long long)to);
    if (to == TYPE_FLOAT && !in->is_float)
        onnx_scores_add(onnx, &out, ONNX_ARITHMETIC, FOREST_STEP_ROUND, NULL);
    out.is_float = to == TYPE_FLOAT;
    return onnx_give(onnx, 0, out);
}

static int softmax(struct onnx *onnx, const struct onnx_value *in) {
    int64_t axis = onnx_int(onnx, "axis", 1);
    if (in->is_pair || in->count < 2 || (axis != 1 && axis != -1))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "expected the scores of all classes, along axis 1");
    return give_function(onnx, in, ONNX_SOFTMAX);
}

static int normalizer(struct onnx *onnx, const struct onnx_value *in) {
    struct text norm = onnx_string(onnx, "norm", "MAX");
    if (!text_is(norm, "L1"))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "norm \"%.*s\"; expected L1",
                           (int)(norm.length < 20 ? norm.length : 20), norm.data);
    return share(onnx, in);
}

static int give_kind(struct onnx *onnx, const struct onnx_value *in, enum onnx_kind kind) {
    struct onnx_value out = *in;
    out.kind = kind;
    return onnx_give(onnx, 0, out);
}

static int zip_map(struct onnx *onnx, const struct onnx_value *in) {
    struct onnx_value out = *in;
    out.is_of_classes = true;
    return onnx_give(onnx, 0, out);
}

int onnx_scores_node(struct onnx *onnx, const struct onnx_value *in) {
    struct text type = onnx_text(onnx->node->op_type);
    if (in->kind == ONNX_SIZES && text_is(type, "ReduceSum"))
        return give_kind(onnx, in, ONNX_TOTALS);
    if (in->kind == ONNX_SCORES) {
        if (text_is(type, "Identity"))
            return onnx_give(onnx, 0, *in);
        if (text_is(type, "ZipMap"))
            return zip_map(onnx, in);
        if (text_is(type, "Cast"))
            return cast(onnx, in);
        if (text_is(type, "Reshape"))
            return reshape(onnx, in);
        if (text_is(type, "Concat"))
            return concat(onnx);
        if (text_is(type, "Normalizer"))
            return normalizer(onnx, in);
        if (text_is(type, "Exp"))
            return give_function(onnx, in, ONNX_EXP);
        if (text_is(type, "Sigmoid"))
            return give_function(onnx, in, ONNX_LOGISTIC);
        if (text_is(type, "Softmax"))
            return softmax(onnx, in);
        if (text_is(type, "Abs"))
            return give_kind(onnx, in, ONNX_SIZES);
        if (text_is(type, "ArgMax"))
            return give_kind(onnx, in, ONNX_LABELS);
        char operation = onnx_operation_of(type);
        if (operation)
            return arithmetic(onnx, operation);
    }
    return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                       "not supported after the model; expected Identity, ZipMap, Cast, Reshape, "
                       "Concat, Normalizer, Exp, Sigmoid, Softmax, Abs and ReduceSum, ArgMax, Add, "
                       "Sub, Mul or Div");
}

/* ---- the graph's output ---- */

static bool is_times_one(const struct forest_finish *step, size_t outputs) {
    for (size_t i = 0; i < outputs; i++)
        if (step->a[i] != 1)
            return false;
    return step->kind == FOREST_STEP_MULTIPLY;
}

/* Are the trees' sums, after the steps, within 0 and 1, up to rounding? */
static bool are_probabilities(const struct onnx *onnx) {
    const struct forest *forest = onnx->forest;
    bool are = onnx->has_bounds;
    for (size_t i = 0; i < forest->output_count && are; i++) {
        double bounds[2] = {onnx->bounds[i][0], onnx->bounds[i][1]};
        steps_finish_bounds(forest->finish, forest->margin_finish, i, bounds);
        are = bounds[0] >= -1e-3 && bounds[1] <= 1 + 1e-3;
    }
    return are;
}

static enum forest_link link_of(const struct onnx *onnx, const struct onnx_value *scores,
                                const struct onnx_finish *link) {
    if (!link)
        return !scores->is_of_classes    ? FOREST_LINK_IDENTITY
               : are_probabilities(onnx) ? FOREST_LINK_PROBABILITY
                                         : FOREST_LINK_NONE;
    switch (link->function) {
    case ONNX_EXP:
        return FOREST_LINK_EXP;
    case ONNX_SOFTMAX:
        return FOREST_LINK_SOFTMAX;
    case ONNX_LOGISTIC:
    case ONNX_ARITHMETIC:
        break;
    }
    return onnx->forest->output_count > 1 ? FOREST_LINK_ONE_VERSUS_ALL : FOREST_LINK_LOGISTIC;
}

/* May this follow the link? Then the predictions are still what the link says: probabilities, or a
 * regression's value. */
static bool may_follow(const struct onnx_finish *link, const struct onnx_finish *finish) {
    return finish->function == ONNX_ARITHMETIC &&
           (finish->step.kind == FOREST_STEP_ROUND ||
            (link->function == ONNX_EXP ? finish->step.kind != FOREST_STEP_SHARE
                                        : finish->step.kind == FOREST_STEP_SHARE));
}

int onnx_scores_keep(struct onnx *onnx, const struct onnx_value *scores) {
    struct forest *forest = onnx->forest;
    size_t count = scores->last ? scores->last->length : 0, at = count;
    const struct onnx_finish **all = onnx_room(onnx, count, sizeof *all), *link = NULL;
    struct forest_finish *finish = onnx_room(onnx, count, sizeof *finish);
    for (const struct onnx_finish *one = scores->last; one; one = one->before)
        all[--at] = one;
    for (size_t i = 0; i < count; i++) {
        const struct onnx_finish *one = all[i];
        bool is_link = !link && one->function != ONNX_ARITHMETIC;
        if (is_link)
            link = one;
        if (is_link ||
            (one->function == ONNX_ARITHMETIC && is_times_one(&one->step, forest->output_count)))
            continue;
        if (link ? !may_follow(link, one) : one->step.kind == FOREST_STEP_SHARE)
            return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                               "the output goes through arithmetic that is no probability and no "
                               "value of a regression");
        finish[forest->finish_count++] = one->step;
        forest->margin_finish += !link;
    }
    forest->finish = finish;
    if (!link && scores->count > 1 && !scores->is_pair && !scores->is_of_classes)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "%zu values; expected one, or classes",
                           scores->count);
    forest->link = link_of(onnx, scores, link);
    return 0;
}
