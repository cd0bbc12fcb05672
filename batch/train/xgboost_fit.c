/* Boosting with libxgboost: rounds are added while they help on the validation slice, and the model
 * is cut after the best one before it is saved, since all trees of a file are used.
 *
 * Whatever a version of the library might choose by itself is chosen here: the tree method and the
 * base score, whose defaults differ between 1.7 and 2.0. */
#include "train_fit.h"
#include "train_metric.h"
#include "xgboost_library.h"

#include "core/base/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct boosting {
    struct xgboost x;
    const struct train_fit_options *options;
    const struct model_training *training;
    const char **names, **types; /* of the inputs */
    DMatrixHandle slices[TRAIN_SLICES];
    BoosterHandle booster;
    double positive_weight, base_score;
    size_t best, tried;
    double best_metric;
};

#define TRY(call)                                                                                  \
    do {                                                                                           \
        int try_r = xgboost_result(&boosting->x, (call), ret_error);                               \
        if (try_r < 0)                                                                             \
            return try_r;                                                                          \
    } while (0)

/* ---- matrices ---- */

static void name_inputs(struct boosting *boosting) {
    const struct policy_model *model = boosting->options->model;
    const struct model_shape *shape = model_shape(model->model);
    boosting->names = check_calloc(shape->input_count, sizeof(char *));
    boosting->types = check_calloc(shape->input_count, sizeof(char *));
    for (size_t i = 0; i < shape->input_count; i++) {
        boosting->names[i] = shape->inputs[i].data; /* texts of an arena end with a NUL */
        boosting->types[i] = model->bindings[i].category_count > 0 ? "c" : "q";
    }
}

/* Of the fit slice: frauds may weigh more, and margins begin at their share. */
static void weigh(struct boosting *boosting) {
    const struct train_split *split = boosting->options->split;
    double weights[2] = {0, 0};
    for (size_t i = split->first[TRAIN_FIT]; i < split->first[TRAIN_FIT + 1]; i++) {
        const struct train_row *row = &boosting->options->rows->rows[i];
        weights[row->is_positive] += (double)row->weight;
    }
    double weight = boosting->training->positive_weight;
    boosting->positive_weight = weight == TRAINING_BALANCED ? weights[0] / weights[1] : weight;
    weights[1] *= boosting->positive_weight;
    double share = weights[1] / (weights[0] + weights[1]);
    boosting->base_score = fmin(fmax(share, 1e-6), 1 - 1e-6);
}

static int set_rows(struct boosting *boosting, DMatrixHandle matrix, const struct train_row *rows,
                    size_t count, struct error *ret_error) {
    float *labels = check_calloc(2 * count + 1, sizeof *labels), *weights = labels + count;
    for (size_t i = 0; i < count; i++) {
        labels[i] = rows[i].is_positive;
        weights[i] =
            rows[i].weight * (rows[i].is_positive ? (float)boosting->positive_weight : 1.0F);
    }
    int r = boosting->x.matrix_set_floats(matrix, "label", labels, count);
    if (r == 0)
        r = boosting->x.matrix_set_floats(matrix, "weight", weights, count);
    free(labels);
    TRY(r);
    return 0;
}

/* XGBoost takes floats. It refuses infinite ones, which are as great as any to a split. */
static float float_of(double value) {
    return value > (double)FLT_MAX ? FLT_MAX : value < -(double)FLT_MAX ? -FLT_MAX : (float)value;
}

static int make_matrix(struct boosting *boosting, const double *values, size_t count, size_t inputs,
                       DMatrixHandle *ret_matrix, struct error *ret_error) {
    float *floats = check_calloc(count * inputs, sizeof *floats);
    for (size_t i = 0; i < count * inputs; i++)
        floats[i] = float_of(values[i]);
    int r = boosting->x.matrix_create(floats, count, inputs, NAN, ret_matrix);
    free(floats);
    TRY(r);
    return 0;
}

static int make_slice(struct boosting *boosting, enum train_slice slice, struct error *ret_error) {
    const struct train_rows *rows = boosting->options->rows;
    size_t first = boosting->options->split->first[slice], inputs = rows->input_count;
    size_t count = train_split_count(boosting->options->split, slice);
    DMatrixHandle *matrix = &boosting->slices[slice];
    if (count == 0)
        return 0;
    int r = make_matrix(boosting, rows->values + first * inputs, count, inputs, matrix, ret_error);
    if (r < 0)
        return r;
    TRY(boosting->x.matrix_set_strings(*matrix, "feature_name", boosting->names, inputs));
    TRY(boosting->x.matrix_set_strings(*matrix, "feature_type", boosting->types, inputs));
    return set_rows(boosting, *matrix, rows->rows + first, count, ret_error);
}

/* ---- the booster ---- */

static int set_parameters(struct boosting *boosting, struct error *ret_error) {
    const struct model_training *training = boosting->training;
    const struct {
        const char *name;
        double number;
    } numbers[] = {
        {"max_depth", (double)training->max_depth},
        {"max_bin", (double)training->max_bin},
        {"eta", training->eta},
        {"min_child_weight", training->min_child_weight},
        {"subsample", training->subsample},
        {"colsample_bytree", training->columns},
        {"lambda", training->lambda},
        {"alpha", training->alpha},
        {"gamma", training->gamma},
        {"base_score", boosting->base_score},
        {"seed", (double)(boosting->options->seed & INT32_MAX)},
    };
    static const char *const words[][2] = {
        {"booster", "gbtree"},   {"objective", "binary:logistic"},
        {"tree_method", "hist"}, {"disable_default_eval_metric", "1"},
        {"nthread", "1"},        {"verbosity", "0"}};
    char number[32];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        TRY(boosting->x.set_parameter(boosting->booster, words[i][0], words[i][1]));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(number, sizeof number, "%.9g", numbers[i].number);
        TRY(boosting->x.set_parameter(boosting->booster, numbers[i].name, number));
    }
    return 0;
}

static int margins_of(struct boosting *boosting, BoosterHandle booster, enum train_slice slice,
                      const float **ret_margins, struct error *ret_error) {
    static const char config[] = "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
                                 "\"iteration_end\": 0, \"strict_shape\": false}";
    const bst_ulong *shape;
    bst_ulong dimensions;
    TRY(boosting->x.predict(booster, boosting->slices[slice], config, &shape, &dimensions,
                            ret_margins));
    check(dimensions == 1 && shape[0] == train_split_count(boosting->options->split, slice));
    return 0;
}

/* One round, and what it is worth. > 0: enough. */
static int add_round(struct boosting *boosting, struct train_metric *metric,
                     struct error *ret_error) {
    const float *margins;
    TRY(boosting->x.update(boosting->booster, (int)boosting->tried, boosting->slices[TRAIN_FIT]));
    boosting->tried++;
    if (!metric) {
        boosting->best = boosting->tried;
        return 0;
    }
    int r = margins_of(boosting, boosting->booster, TRAIN_VALIDATION, &margins, ret_error);
    if (r < 0)
        return r;
    double now = train_metric_of(metric, margins);
    if (boosting->best == 0 || now > boosting->best_metric) {
        boosting->best = boosting->tried;
        boosting->best_metric = now;
    }
    return boosting->tried - boosting->best >= (size_t)boosting->training->early_stopping;
}

static int boost(struct boosting *boosting, struct progress *progress, struct error *ret_error) {
    const struct train_split *split = boosting->options->split;
    size_t rounds = (size_t)boosting->training->rounds;
    size_t count = train_split_count(split, TRAIN_VALIDATION);
    struct train_metric *metric =
        count == 0
            ? NULL
            : train_metric_new(boosting->training->metric,
                               boosting->options->rows->rows + split->first[TRAIN_VALIDATION],
                               count);
    int r = 0;
    while (r == 0 && boosting->tried < rounds) {
        r = add_round(boosting, metric, ret_error);
        if (r == 0 && progress_update(progress, "train", boosting->tried, rounds) != 0)
            r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted after %zu rounds",
                          boosting->tried);
    }
    train_metric_free(metric);
    return r < 0 ? r : 0;
}

/* ---- the result ---- */

static int take_margins(struct boosting *boosting, BoosterHandle booster,
                        struct train_fitted *fitted, struct error *ret_error) {
    const struct train_split *split = boosting->options->split;
    const float *margins;
    fitted->margins = check_calloc(boosting->options->rows->count + 1, sizeof *fitted->margins);
    for (enum train_slice slice = 0; slice < TRAIN_SLICES; slice++) {
        int r = boosting->slices[slice] || slice == TRAIN_FIT
                    ? 0
                    : make_slice(boosting, slice, ret_error);
        if (r == 0 && boosting->slices[slice])
            r = margins_of(boosting, booster, slice, &margins, ret_error);
        if (r < 0)
            return r;
        if (boosting->slices[slice])
            memcpy(fitted->margins + split->first[slice], margins,
                   train_split_count(split, slice) * sizeof *margins);
    }
    return 0;
}

/* Inputs that no split uses have no score. */
static int take_importance(struct boosting *boosting, BoosterHandle booster,
                           struct train_fitted *fitted, struct error *ret_error) {
    size_t inputs = boosting->options->rows->input_count;
    bst_ulong count, dimensions;
    const bst_ulong *shape;
    const char **names;
    const float *scores;
    double sum = 0;
    TRY(boosting->x.scores(booster, "{\"importance_type\": \"total_gain\"}", &count, &names,
                           &dimensions, &shape, &scores));
    fitted->importance = check_calloc(inputs, sizeof *fitted->importance);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < inputs; k++)
            if (strcmp(boosting->names[k], names[i]) == 0) {
                fitted->importance[k] = (double)scores[i];
                sum += (double)scores[i];
            }
    for (size_t k = 0; k < inputs && sum > 0; k++)
        fitted->importance[k] /= sum;
    return 0;
}

static int take_file(struct boosting *boosting, BoosterHandle booster, struct train_fitted *fitted,
                     struct error *ret_error) {
    const char *bytes;
    bst_ulong length;
    TRY(boosting->x.set_strings(booster, "feature_name", boosting->names,
                                boosting->options->rows->input_count));
    TRY(boosting->x.set_strings(booster, "feature_type", boosting->types,
                                boosting->options->rows->input_count));
    TRY(boosting->x.save(booster, "{\"format\": \"ubj\"}", &length, &bytes));
    buffer_append(&fitted->file, bytes, length);
    fitted->format = MODEL_XGBOOST_UBJ;
    return 0;
}

static int take_all(struct boosting *boosting, BoosterHandle best, struct train_fitted *fitted,
                    struct error *ret_error) {
    int r = take_file(boosting, best, fitted, ret_error), major, minor, patch;
    if (r == 0)
        r = take_importance(boosting, best, fitted, ret_error);
    if (r == 0)
        r = take_margins(boosting, best, fitted, ret_error);
    boosting->x.version(&major, &minor, &patch);
    snprintf(fitted->library, sizeof fitted->library, "XGBoost %d.%d.%d", major, minor, patch);
    fitted->rounds = boosting->best;
    fitted->tried = boosting->tried;
    fitted->metric = boosting->slices[TRAIN_VALIDATION] &&
                             train_split_count(boosting->options->split, TRAIN_VALIDATION) > 0
                         ? boosting->best_metric
                         : NAN;
    fitted->positive_weight = boosting->positive_weight;
    return r;
}

static int finish(struct boosting *boosting, struct train_fitted *fitted, struct error *ret_error) {
    BoosterHandle best = NULL;
    TRY(boosting->x.slice(boosting->booster, 0, (int)boosting->best, 1, &best));
    int r = take_all(boosting, best, fitted, ret_error);
    boosting->x.free(best);
    return r;
}

static int run(struct boosting *boosting, struct progress *progress, struct train_fitted *fitted,
               struct error *ret_error) {
    bool validates = train_split_count(boosting->options->split, TRAIN_VALIDATION) > 0;
    name_inputs(boosting);
    weigh(boosting);
    int r = make_slice(boosting, TRAIN_FIT, ret_error);
    if (r == 0)
        r = make_slice(boosting, TRAIN_VALIDATION, ret_error);
    if (r < 0)
        return r;
    TRY(boosting->x.create(boosting->slices, validates ? 2 : 1, &boosting->booster));
    r = set_parameters(boosting, ret_error);
    if (r == 0)
        r = boost(boosting, progress, ret_error);
    return r < 0 ? r : finish(boosting, fitted, ret_error);
}

int xgboost_available(struct error *ret_error) {
    struct xgboost x;
    int r = xgboost_open(&x, ret_error);
    if (r == 0)
        xgboost_close(&x);
    return r;
}

int xgboost_fit(const struct train_fit_options *options, struct progress *progress,
                struct train_fitted *ret_fitted, struct error *ret_error) {
    struct boosting boosting = {.options = options, .training = &options->model->training};
    struct train_fitted fitted = {0};
    int r = xgboost_open(&boosting.x, ret_error);
    if (r < 0)
        return r;
    buffer_init(&fitted.file);
    r = run(&boosting, progress, &fitted, ret_error);
    if (boosting.booster)
        boosting.x.free(boosting.booster);
    for (size_t i = 0; i < TRAIN_SLICES; i++)
        if (boosting.slices[i])
            boosting.x.matrix_free(boosting.slices[i]);
    xgboost_close(&boosting.x);
    free(boosting.names);
    free(boosting.types);
    if (r < 0)
        train_fitted_deinit(&fitted);
    else
        *ret_fitted = fitted;
    return r;
}
