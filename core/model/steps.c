#include "steps.h"

#include <float.h>
#include <math.h>

static double rounded(double x, bool is_float) {
    return is_float ? (double)(float)x : x;
}

/* Sums, products and quotients of floats come out as float arithmetic gives them: double has more
 * than twice its digits. */
static double apply(enum forest_step_kind kind, bool is_float, double x, double a, double b) {
    switch (kind) {
    case FOREST_STEP_ROUND:
        return (double)(float)x;
    case FOREST_STEP_ADD:
        return rounded(x + a, is_float);
    case FOREST_STEP_FROM:
        return rounded(a - x, is_float);
    case FOREST_STEP_MULTIPLY:
        return rounded(x * a, is_float);
    case FOREST_STEP_DIVIDE:
        return rounded(x / a, is_float);
    case FOREST_STEP_REPLACE:
        return x == b || (isnan(b) && isnan(x)) ? a : x;
    case FOREST_STEP_UNEQUAL:
        return x != a;
    case FOREST_STEP_WHOLE:
        return isnan(x) || x == floor(x) ? x : -1;
    case FOREST_STEP_SHARE: /* of all outputs: steps_finish_predictions() */
        break;
    }
    return x;
}

/* What is infinite is brought back to the greatest number: infinite columns stand for what is
 * missing. Only a limit that is the greatest double itself could tell the two apart. */
static double brought_back(double x) {
    return x > DBL_MAX ? DBL_MAX : x < -DBL_MAX ? -DBL_MAX : x;
}

void steps_fill_columns(const struct model *model, const double *inputs, double *columns) {
    for (size_t i = 0; i < model->shape.column_count; i++) {
        const struct model_column *column = &model->columns[i];
        const struct forest_step *steps = &model->steps[column->first_step];
        double x = inputs[column->input];
        for (size_t k = 0; k < column->step_count; k++)
            x = apply(steps[k].kind, steps[k].is_float, x, steps[k].a, steps[k].b);
        columns[i] = isnan(x) ? column->missing : brought_back(x);
    }
}

static void finish(const struct model *model, const struct forest_finish *step, double *outputs) {
    size_t count = model->shape.output_count;
    double sum = 0;
    for (size_t i = 0; i < count && step->kind == FOREST_STEP_SHARE; i++)
        sum = rounded(sum + fabs(outputs[i]), step->is_float);
    for (size_t i = 0; i < count; i++)
        outputs[i] = step->kind != FOREST_STEP_SHARE
                         ? apply(step->kind, step->is_float, outputs[i], step->a[i], 0)
                     : sum > 0 ? rounded(outputs[i] / sum, step->is_float)
                               : outputs[i];
}

void steps_finish_margins(const struct model *model, double *sums) {
    for (size_t i = 0; i < model->margin_finish; i++)
        finish(model, &model->finish[i], sums);
}

void steps_finish_predictions(const struct model *model, double *predictions) {
    for (size_t i = model->margin_finish; i < model->finish_count; i++)
        finish(model, &model->finish[i], predictions);
}

double steps_slope(const struct model *model, size_t output) {
    double slope = 1;
    for (size_t i = 0; i < model->margin_finish; i++) {
        const struct forest_finish *step = &model->finish[i];
        slope *= step->kind == FOREST_STEP_FROM       ? -1
                 : step->kind == FOREST_STEP_MULTIPLY ? step->a[output]
                 : step->kind == FOREST_STEP_DIVIDE   ? 1 / step->a[output]
                                                      : 1;
    }
    return slope;
}

void steps_finish_bounds(const struct forest_finish *steps, size_t count, size_t output,
                         double bounds[2]) {
    for (size_t i = 0; i < count; i++) {
        double low = apply(steps[i].kind, false, bounds[0], steps[i].a[output], 0);
        double high = apply(steps[i].kind, false, bounds[1], steps[i].a[output], 0);
        bounds[0] = fmin(low, high);
        bounds[1] = fmax(low, high);
    }
}
