#include "linear.h"

#include "steps.h"

#include <math.h>

void linear_margins(const struct model *model, const double *columns, double *ret_margins) {
    size_t count = model->shape.column_count;
    for (size_t i = 0; i < model->shape.output_count; i++) {
        const double *weights = &model->weights[i * count];
        double sum = model->base[i];
        for (size_t k = 0; k < count; k++)
            sum += weights[k] * columns[k];
        ret_margins[i] = model->is_float ? (double)(float)sum : sum;
    }
    steps_finish_margins(model, ret_margins);
    /* Its sign and digits differ between processors. */
    for (size_t i = 0; i < model->shape.output_count; i++)
        ret_margins[i] = isnan(ret_margins[i]) ? (double)NAN : ret_margins[i];
}

void linear_contributions(const struct model *model, const double *columns, size_t output,
                          double *ret_contributions) {
    size_t count = model->shape.column_count;
    double slope = steps_slope(model, output);
    for (size_t k = 0; k < count; k++)
        ret_contributions[model->columns[k].input] +=
            slope * model->weights[output * count + k] * columns[k];
}
