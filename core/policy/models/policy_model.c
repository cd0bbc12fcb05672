/* Frame → inputs → margins → values. A text's category is found by halving: an input such as a
 * merchant's category code has hundreds, and a model may have tens of thousands. */
#include "policy_model.h"

#include "core/base/check.h"
#include "core/model/contributions.h"
#include "core/policy/eval/expression_reads.h"

#include <math.h>
#include <stdlib.h>

static int compare_categories(const void *left, const void *right) {
    const struct model_category *a = left, *b = right;
    int order = text_compare(a->text, b->text);
    return order != 0 ? order : (a->code > b->code) - (a->code < b->code);
}

size_t model_binding_sort(struct model_binding *binding, struct arena *arena) {
    size_t count = binding->category_count, twice = SIZE_MAX;
    struct model_category *sorted = arena_calloc(arena, count + 1, sizeof *sorted);
    check(sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct model_category){.text = binding->categories[i], .code = i};
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, compare_categories);
    for (size_t i = 1; i < count; i++)
        if (text_equal(sorted[i - 1].text, sorted[i].text) && sorted[i].code < twice)
            twice = sorted[i].code;
    binding->sorted = sorted;
    return twice;
}

size_t policy_model_scratch(const struct policy_model *model) {
    const struct model_shape *shape = model_shape(model->model);
    size_t evaluates = shape->input_count + shape->column_count + shape->output_count + 1;
    size_t explains = 2 * shape->input_count + 1 + contributions_scratch(model->model);
    return evaluates > explains ? evaluates : explains;
}

bool policy_model_explain(const struct policy_model *model, size_t output,
                          const struct value *frame, struct arena *arena, double *scratch,
                          struct model_explanation *ret_explanation) {
    const struct model_shape *shape = model_shape(model->model);
    double *contributions = scratch + shape->input_count;
    struct value error;
    if (!shape->has_covers || !policy_model_inputs(model, frame, arena, scratch, &error))
        return false;
    contributions_of_row(model->model, scratch, output, contributions + shape->input_count + 1,
                         contributions);
    for (size_t i = 0; i <= shape->input_count && shape->is_linear; i++)
        if (!isfinite(contributions[i]))
            return false;
    *ret_explanation =
        (struct model_explanation){.inputs = scratch, .contributions = contributions};
    return true;
}

void policy_model_reads(const struct policy_model *model, bool *reads, size_t slot_count) {
    for (size_t i = 0; i < model_shape(model->model)->input_count; i++) {
        expression_reads(model->bindings[i].expression, reads, slot_count);
        const struct model_sentence *sentence =
            model->reasons.top > 0 ? &model->reasons.sentences[i] : NULL;
        for (size_t k = 0; sentence && k < sentence->count; k++)
            if (sentence->pieces[k].expression)
                expression_reads(sentence->pieces[k].expression, reads, slot_count);
    }
}

static double category_of(const struct model_binding *binding, struct text t) {
    size_t begin = 0, end = binding->category_count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        int order = text_compare(binding->sorted[middle].text, t);
        if (order == 0)
            return (double)binding->sorted[middle].code;
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return NAN;
}

static double number_of(const struct model_binding *binding, struct value v) {
    switch (v.type) {
    case VALUE_BOOL:
        return v.boolean;
    case VALUE_INT:
        return (double)v.integer;
    case VALUE_DOUBLE:
        return v.number;
    case VALUE_TEXT:
        return category_of(binding, v.text);
    default: /* the load takes no other types */
        return NAN;
    }
}

bool policy_model_inputs(const struct policy_model *model, const struct value *frame,
                         struct arena *arena, double *ret_inputs, struct value *ret_error) {
    size_t count = model_shape(model->model)->input_count;
    struct arena_mark mark = arena_mark(arena);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        struct value v = expression_eval(model->bindings[i].expression, frame, arena);
        ret_inputs[i] = number_of(&model->bindings[i], v);
        good = v.type != VALUE_ERROR;
        if (!good)
            *ret_error = v;
        arena_rewind(arena, mark); /* each input has all the memory that one evaluation may take */
    }
    return good;
}

/* The points are few; the first and last hold beyond themselves. */
static double isotonic(const struct calibration *calibration, double p) {
    const struct calibration_point *points = calibration->points;
    size_t last = calibration->point_count - 1, i = 0;
    if (p <= points[0].from)
        return points[0].to;
    if (p >= points[last].from)
        return points[last].to;
    while (points[i + 1].from < p)
        i++;
    double share = (p - points[i].from) / (points[i + 1].from - points[i].from);
    return points[i].to + share * (points[i + 1].to - points[i].to);
}

static struct value score_of(double number) {
    double score = floor(number + 0.5);
    return value_int(score < 0 ? 0 : score > 1000 ? 1000 : (int64_t)score);
}

/* margins: replaced by predictions. */
static void predict(const struct policy_model *model, double *margins) {
    const struct calibration *calibration = &model->calibration;
    double margin = margins[0];
    model_predict(model->model, margins);
    if (calibration->kind == CALIBRATION_PLATT)
        margins[0] = model_logistic(calibration->a * margin + calibration->b);
    else if (calibration->kind == CALIBRATION_ISOTONIC)
        margins[0] = isotonic(calibration, margins[0]);
}

/* A sum of products has no value if an input is missing, or greater than any number. */
static bool are_finite(const double *margins, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(margins[i]))
            return false;
    return true;
}

/* Scratch memory: inputs, columns, margins, and the margin that is kept. */
static double *margins_in(const struct policy_model *model, double *scratch) {
    const struct model_shape *shape = model_shape(model->model);
    return scratch + shape->input_count + shape->column_count;
}

void policy_model_fail(const struct policy_model *model, struct value error, double *scratch,
                       struct value *ret_values) {
    for (size_t i = 0; i < model->slot_count; i++)
        ret_values[i] = error;
    margins_in(model, scratch)[model_shape(model->model)->output_count] = NAN;
}

static void finish(const struct policy_model *model, double *margins, struct value *ret_values) {
    const struct model_shape *shape = model_shape(model->model);
    margins[shape->output_count] = margins[model->reasons.output];
    if (shape->is_linear && !are_finite(margins, shape->output_count)) {
        for (size_t i = 0; i < model->slot_count; i++)
            ret_values[i] =
                (struct value){.type = VALUE_ERROR, .error_code = EXPRESSION_BAD_ARGUMENT};
        return;
    }
    bool is_scorecard = model->file.length == 0;
    if (model->output != MODEL_OUTPUT_MARGIN && !is_scorecard)
        predict(model, margins);
    for (size_t i = 0; i < model->slot_count; i++)
        ret_values[i] = model->output != MODEL_OUTPUT_SCORE
                            ? value_double(margins[i])
                            : score_of(is_scorecard ? margins[i] : margins[i] * 1000);
}

void policy_model_finish(const struct policy_model *model, const double *inputs,
                         const double *margins, double *scratch, struct value *ret_values) {
    const struct model_shape *shape = model_shape(model->model);
    double *own = margins_in(model, scratch);
    memcpy(scratch, inputs, shape->input_count * sizeof *scratch);
    memcpy(own, margins, shape->output_count * sizeof *own);
    finish(model, own, ret_values);
}

void policy_model_eval(const struct policy_model *model, const struct value *frame,
                       struct arena *arena, double *scratch, struct value *ret_values) {
    double *columns = scratch + model_shape(model->model)->input_count;
    double *margins = margins_in(model, scratch);
    struct value error;
    if (!policy_model_inputs(model, frame, arena, scratch, &error)) {
        policy_model_fail(model, error, scratch, ret_values);
        return;
    }
    model_margins(model->model, scratch, columns, margins);
    finish(model, margins, ret_values);
}

double policy_model_margin(const struct policy_model *model, const double *scratch) {
    const struct model_shape *shape = model_shape(model->model);
    return scratch[shape->input_count + shape->column_count + shape->output_count];
}
