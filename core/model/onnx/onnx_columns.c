/* Inputs, and the operators that prepare them: each number of a row is an input after some steps.
 *
 * One tensor of several columns: f0, f1, …, as XGBoost names what has no names. Several tensors:
 * each that has one column has its own name, and the columns of others are NAME_0, NAME_1, … */
#include "onnx.h"

#include "core/base/check.h"

#include <math.h>

enum { TYPE_FLOAT = 1, TYPE_DOUBLE = 11 };

/* ---- the graph's inputs ---- */

/* [N, columns] of floats or doubles. */
static int check_input(struct onnx *onnx, const Onnx__Value *input, size_t *ret_columns) {
    struct text name = onnx_text(input->name);
    const Onnx__TensorType *type = input->type ? input->type->tensor_type : NULL;
    const Onnx__Shape *shape = type ? type->shape : NULL;
    if (name.length == 0 || name.length > MODEL_NAME_MAX)
        return onnx_refuse(onnx, ERROR_INVALID, "an input's name is empty or longer than %u bytes",
                           MODEL_NAME_MAX);
    int length = (int)(name.length < 60 ? name.length : 60);
    if (!type || (type->elem_type != TYPE_FLOAT && type->elem_type != TYPE_DOUBLE))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "input \"%.*s\" is of type %d; expected a tensor of floats (1) or "
                           "doubles (11)",
                           length, name.data, type ? type->elem_type : 0);
    if (!shape || shape->n_dim != 2 || shape->dim[1]->dim_value < 1)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "input \"%.*s\" has no known number of columns; expected the shape "
                           "[rows, columns]",
                           length, name.data);
    if (shape->dim[1]->dim_value > MODEL_INPUTS_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "input \"%.*s\" has more than %u columns", length,
                           name.data, MODEL_INPUTS_MAX);
    *ret_columns = (size_t)shape->dim[1]->dim_value;
    return 0;
}

/* Old files list initializers among the inputs, too. */
static bool is_initializer(const struct onnx *onnx, struct text name) {
    for (size_t i = 0; i < onnx->value_count; i++)
        if (text_equal(onnx->values[i].name, name))
            return true;
    return false;
}

static struct text name_of_column(struct onnx *onnx, struct text tensor, bool is_alone,
                                  size_t columns, size_t column) {
    if (columns == 1)
        return tensor;
    struct text name = is_alone ? arena_printf(onnx->forest->arena, "f%zu", column)
                                : arena_printf(onnx->forest->arena, "%" TEXT_FORMAT "_%zu",
                                               TEXT_ARGS(tensor), column);
    check(name.data);
    return name;
}

static void give_input(struct onnx *onnx, const Onnx__Value *input, size_t columns, bool is_alone) {
    struct forest *forest = onnx->forest;
    bool is_float = input->type->tensor_type->elem_type == TYPE_FLOAT;
    struct onnx_column *out = onnx_room(onnx, columns, sizeof *out);
    struct onnx_step *round = onnx_room(onnx, 1, sizeof *round);
    round->step.kind = FOREST_STEP_ROUND;
    for (size_t i = 0; i < columns; i++) {
        out[i] = (struct onnx_column){.input = (uint32_t)forest->input_count,
                                      .step_count = is_float,
                                      .last = is_float ? round : NULL};
        forest->inputs[forest->input_count++] =
            name_of_column(onnx, onnx_text(input->name), is_alone, columns, i);
    }
    onnx->values[onnx->value_count++] = (struct onnx_value){.name = onnx_text(input->name),
                                                            .kind = ONNX_COLUMNS,
                                                            .is_float = is_float,
                                                            .count = columns,
                                                            .columns = out};
}

int onnx_columns_inputs(struct onnx *onnx) {
    const Onnx__Graph *graph = onnx->graph;
    size_t columns[MODEL_INPUTS_MAX], tensors = 0, total = 0;
    if (graph->n_input > MODEL_INPUTS_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u inputs", MODEL_INPUTS_MAX);
    for (size_t i = 0; i < graph->n_input; i++) {
        columns[i] = 0;
        if (is_initializer(onnx, onnx_text(graph->input[i]->name)))
            continue;
        int r = check_input(onnx, graph->input[i], &columns[i]);
        if (r < 0)
            return r;
        tensors++;
        total += columns[i];
    }
    if (total == 0 || total > MODEL_INPUTS_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "%zu inputs; expected 1 to %u", total,
                           MODEL_INPUTS_MAX);
    onnx->forest->inputs = onnx_room(onnx, total, sizeof *onnx->forest->inputs);
    for (size_t i = 0; i < graph->n_input; i++)
        if (columns[i] > 0)
            give_input(onnx, graph->input[i], columns[i], tensors == 1);
    return 0;
}

/* ---- steps ---- */

static int add_step(struct onnx *onnx, struct onnx_column *column, struct forest_step step) {
    if (onnx->step_count++ == MODEL_STEPS_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u steps of arithmetic",
                           MODEL_STEPS_MAX);
    struct onnx_step *added = onnx_room(onnx, 1, sizeof *added);
    *added = (struct onnx_step){.step = step, .before = column->last};
    column->last = added;
    column->step_count++;
    return 0;
}

/* A value with copies of the columns, to be given steps. */
static struct onnx_value copied(struct onnx *onnx, const struct onnx_value *from,
                                struct onnx_column **ret_columns) {
    struct onnx_value value = *from;
    *ret_columns = onnx_room(onnx, from->count, sizeof **ret_columns);
    memcpy(*ret_columns, from->columns, from->count * sizeof **ret_columns);
    value.columns = *ret_columns;
    return value;
}

/* Operand of column i: an array has one number, or one for each column. */
static double operand(const double *numbers, size_t count, size_t i) {
    return numbers[count == 1 ? 0 : i];
}

static int check_operands(struct onnx *onnx, const char *what, const double *numbers, size_t count,
                          size_t columns) {
    if (count != 1 && count != columns)
        return onnx_refuse(onnx, ERROR_INVALID, "%s has %zu numbers for %zu columns", what, count,
                           columns);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return onnx_refuse(onnx, ERROR_INVALID, "number %zu of %s is not finite", i, what);
    return 0;
}

/* (x - offset) × scale */
static int scaler(struct onnx *onnx, const struct onnx_value *in) {
    const double *offset, *scale;
    size_t offsets, scales;
    struct onnx_column *columns;
    int r = onnx_floats(onnx, "offset", &offset, &offsets);
    if (r == 0)
        r = onnx_floats(onnx, "scale", &scale, &scales);
    if (r == 0)
        r = check_operands(onnx, "offset", offset, offsets, in->count);
    if (r == 0)
        r = check_operands(onnx, "scale", scale, scales, in->count);
    if (r < 0)
        return r;
    struct onnx_value out = copied(onnx, in, &columns);
    for (size_t i = 0; i < in->count && r == 0; i++) {
        /* The operator computes in the type that it is given, and gives floats. */
        struct forest_step subtract = {.kind = FOREST_STEP_ADD,
                                       .is_float = in->is_float,
                                       .a = -operand(offset, offsets, i)},
                           multiply = {.kind = FOREST_STEP_MULTIPLY,
                                       .is_float = true,
                                       .a = operand(scale, scales, i)};
        columns[i].is_centred = true;
        r = add_step(onnx, &columns[i], subtract);
        if (r == 0)
            r = add_step(onnx, &columns[i], multiply);
    }
    out.is_float = true;
    return r < 0 ? r : onnx_give(onnx, 0, out);
}

static int imputer(struct onnx *onnx, const struct onnx_value *in) {
    const double *values;
    size_t count;
    struct onnx_column *columns;
    const Onnx__Attribute *replaced = onnx_attribute(onnx, "replaced_value_float");
    int r = onnx_floats(onnx, "imputed_value_floats", &values, &count);
    if (r == 0 && count == 0)
        r = onnx_refuse(onnx, ERROR_UNSUPPORTED,
                        "it has no imputed_value_floats; other values are not supported");
    /* The runtime takes the first number if there is not one for each column. */
    if (r == 0)
        r = check_operands(onnx, "imputed_value_floats", values, count, in->count);
    if (r < 0)
        return r;
    struct onnx_value out = copied(onnx, in, &columns);
    for (size_t i = 0; i < in->count && r == 0; i++) {
        struct forest_step step = {.kind = FOREST_STEP_REPLACE,
                                   .a = operand(values, count, i),
                                   .b = replaced && replaced->has_f ? (double)replaced->f : 0};
        columns[i].is_centred = false;
        r = add_step(onnx, &columns[i], step);
    }
    return r < 0 ? r : onnx_give(onnx, 0, out);
}

/* Add, Sub, Mul and Div with a constant on either side. */
static int arithmetic(struct onnx *onnx, char operation) {
    const struct onnx_value *left = onnx_input(onnx, 0), *right = left ? onnx_input(onnx, 1) : NULL;
    if (!right)
        return -onnx->error->code;
    bool is_turned = left->kind == ONNX_CONSTANT;
    const struct onnx_value *in = is_turned ? right : left, *constant = is_turned ? left : right;
    if (constant->kind != ONNX_CONSTANT || onnx->node->n_input != 2)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected columns and one constant");
    if (is_turned && operation == '/')
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "a constant divided by columns");
    int r = check_operands(onnx, "the constant", constant->numbers, constant->count, in->count);
    struct onnx_column *columns;
    struct onnx_value out = copied(onnx, in, &columns);
    for (size_t i = 0; i < in->count && r == 0; i++) {
        double a = operand(constant->numbers, constant->count, i);
        struct forest_step step = {.is_float = in->is_float, .a = a};
        step.kind = operation == '*'                ? FOREST_STEP_MULTIPLY
                    : operation == '/'              ? FOREST_STEP_DIVIDE
                    : is_turned && operation == '-' ? FOREST_STEP_FROM
                                                    : FOREST_STEP_ADD;
        if (operation == '-' && !is_turned)
            step.a = -a;
        if (operation == '/' && a == 0)
            return onnx_refuse(onnx, ERROR_INVALID, "number %zu of the constant is 0", i);
        columns[i].is_centred = false;
        r = add_step(onnx, &columns[i], step);
    }
    return r < 0 ? r : onnx_give(onnx, 0, out);
}

/* To float or double. */
static int cast(struct onnx *onnx, const struct onnx_value *in) {
    int64_t to = onnx_int(onnx, "to", 0);
    struct onnx_column *columns;
    if (to != TYPE_FLOAT && to != TYPE_DOUBLE)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "columns as type %lld; expected float (1) or double (11)",
                           (long long)to);
    struct onnx_value out = copied(onnx, in, &columns);
    int r = 0;
    for (size_t i = 0; i < in->count && r == 0 && to == TYPE_FLOAT && !in->is_float; i++)
        r = add_step(onnx, &columns[i], (struct forest_step){.kind = FOREST_STEP_ROUND});
    out.is_float = to == TYPE_FLOAT;
    return r < 0 ? r : onnx_give(onnx, 0, out);
}

/* ---- which columns ---- */

/* All columns of all inputs; dimensions: NULL, or how many each input must have. */
static int join(struct onnx *onnx, const Onnx__Attribute *dimensions) {
    struct onnx_value out = {.kind = ONNX_COLUMNS};
    struct onnx_column *columns = onnx_room(onnx, MODEL_INPUTS_MAX, sizeof *columns);
    for (size_t i = 0; i < onnx->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(onnx, i);
        if (!in)
            return -onnx->error->code;
        if (in->kind != ONNX_COLUMNS || (i > 0 && in->is_float != out.is_float))
            return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                               "input %zu is not of columns of the same type", i + 1);
        if (dimensions && (i >= dimensions->n_ints || dimensions->ints[i] != (int64_t)in->count))
            return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                               "inputdimensions does not say %zu for input %zu", in->count, i + 1);
        if (in->count > MODEL_INPUTS_MAX - out.count)
            return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u columns", MODEL_INPUTS_MAX);
        memcpy(&columns[out.count], in->columns, in->count * sizeof *columns);
        out.count += in->count;
        out.is_float = in->is_float;
    }
    int r = 0;
    for (size_t i = 0; i < out.count && r == 0 && dimensions && !out.is_float; i++)
        r = add_step(onnx, &columns[i], (struct forest_step){.kind = FOREST_STEP_ROUND});
    out.is_float |= dimensions != NULL;
    out.columns = columns;
    return r < 0 ? r : onnx_give(onnx, 0, out);
}

static int concat(struct onnx *onnx) {
    int64_t axis = onnx_int(onnx, "axis", 1);
    return axis == 1 || axis == -1
               ? join(onnx, NULL)
               : onnx_refuse(onnx, ERROR_UNSUPPORTED, "axis %lld; expected 1", (long long)axis);
}

/* Like Concat, and gives floats. */
static int feature_vectorizer(struct onnx *onnx) {
    const Onnx__Attribute *dimensions = onnx_attribute(onnx, "inputdimensions");
    return dimensions ? join(onnx, dimensions)
                      : onnx_refuse(onnx, ERROR_INVALID, "it has no inputdimensions");
}

static int extract(struct onnx *onnx, const struct onnx_value *in) {
    const struct onnx_value *which = onnx_input(onnx, 1);
    if (!which)
        return -onnx->error->code;
    if (which->kind != ONNX_CONSTANT || which->count > MODEL_INPUTS_MAX)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected the numbers of at most %u columns",
                           MODEL_INPUTS_MAX);
    struct onnx_value out = *in;
    struct onnx_column *columns = onnx_room(onnx, which->count, sizeof *columns);
    for (size_t i = 0; i < which->count; i++) {
        double number = which->numbers[i];
        if (!(number >= 0 && number < (double)in->count && number == floor(number)))
            return onnx_refuse(onnx, ERROR_INVALID, "there is no column %g of %zu", number,
                               in->count);
        columns[i] = in->columns[(size_t)number];
    }
    out.columns = columns;
    out.count = which->count;
    return onnx_give(onnx, 0, out);
}

/* To the shape [rows, columns] that they have. */
static int reshape(struct onnx *onnx, const struct onnx_value *in) {
    const struct onnx_value *shape = onnx_input(onnx, 1);
    if (!shape)
        return -onnx->error->code;
    if (shape->kind != ONNX_CONSTANT || shape->count != 2 || shape->numbers[0] != -1 ||
        shape->numbers[1] != (double)in->count)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected the shape [-1, %zu]", in->count);
    return onnx_give(onnx, 0, *in);
}

int onnx_columns_node(struct onnx *onnx, const struct onnx_value *columns) {
    struct text type = onnx_text(onnx->node->op_type);
    if (text_is(type, "Scaler"))
        return scaler(onnx, columns);
    if (text_is(type, "Imputer"))
        return imputer(onnx, columns);
    if (text_is(type, "Cast"))
        return cast(onnx, columns);
    if (text_is(type, "Concat"))
        return concat(onnx);
    if (text_is(type, "FeatureVectorizer"))
        return feature_vectorizer(onnx);
    if (text_is(type, "ArrayFeatureExtractor"))
        return extract(onnx, columns);
    if (text_is(type, "Reshape"))
        return reshape(onnx, columns);
    if (text_is(type, "Identity"))
        return onnx_give(onnx, 0, *columns);
    char operation = onnx_operation_of(type);
    if (operation)
        return arithmetic(onnx, operation);
    return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                       "not supported for inputs; expected Scaler, Imputer, Cast, Concat, "
                       "FeatureVectorizer, ArrayFeatureExtractor, Reshape, Identity, Add, Sub, "
                       "Mul, Div or a model");
}

/* ---- features ---- */

static size_t copy_steps(const struct onnx_column *column, struct forest_step *steps) {
    size_t at = column->step_count;
    for (const struct onnx_step *step = column->last; step; step = step->before)
        steps[--at] = step->step;
    return column->step_count;
}

int onnx_columns_keep_with(struct onnx *onnx, const struct onnx_value *in, bool is_rounded,
                           const struct onnx_equal *equals, size_t count) {
    struct forest *forest = onnx->forest;
    size_t total = 0;
    if (in->count + count > MODEL_FEATURES_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE,
                           "its trees compare columns with more than %u different numbers by == "
                           "or !=",
                           MODEL_FEATURES_MAX - MODEL_INPUTS_MAX);
    for (size_t i = 0; i < in->count; i++)
        total += in->columns[i].step_count + 1;
    for (size_t i = 0; i < count; i++)
        total += in->columns[equals[i].column].step_count + 3;
    if (total > MODEL_STEPS_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u steps of arithmetic",
                           MODEL_STEPS_MAX);
    struct forest_feature *features = onnx_room(onnx, in->count + count, sizeof *features);
    struct forest_step *steps = onnx_room(onnx, total, sizeof *steps);
    for (size_t i = 0; i < in->count + count; i++) {
        const struct onnx_equal *equal = i < in->count ? NULL : &equals[i - in->count];
        const struct onnx_column *column = &in->columns[equal ? equal->column : i];
        features[i] = (struct forest_feature){.input = column->input,
                                              .first_step = forest->step_count,
                                              .is_centred = column->is_centred};
        forest->step_count += copy_steps(column, &steps[forest->step_count]);
        if (is_rounded && !in->is_float)
            steps[forest->step_count++].kind = FOREST_STEP_ROUND;
        if (equal && equal->is_missing_equal)
            steps[forest->step_count++] = (struct forest_step){
                .kind = FOREST_STEP_REPLACE, .a = equal->number, .b = (double)NAN};
        if (equal)
            steps[forest->step_count++] = (struct forest_step){
                .kind = equal->is_code ? FOREST_STEP_WHOLE : FOREST_STEP_UNEQUAL,
                .a = equal->number};
        features[i].step_count = forest->step_count - features[i].first_step;
    }
    forest->features = features;
    forest->feature_count = in->count + count;
    forest->steps = steps;
    return 0;
}

int onnx_columns_keep(struct onnx *onnx, const struct onnx_value *columns, bool is_rounded) {
    return onnx_columns_keep_with(onnx, columns, is_rounded, NULL, 0);
}
