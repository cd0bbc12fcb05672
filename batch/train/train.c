#include "train.h"

#include "core/base/check.h"
#include "train_calibration.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* What each algorithm does. */
static const struct algorithm {
    int (*available)(struct error *ret_error);
    int (*fit)(const struct train_fit_options *options, struct progress *progress,
               struct train_fitted *ret_fitted, struct error *ret_error);
    const char *suffix;
    bool needs_labels;
    bool validates; /* it may stop early */
} algorithms[TRAINING_ALGORITHMS] = {
    [TRAINING_XGBOOST] = {xgboost_available, xgboost_fit, "ubj", true, true},
    [TRAINING_ISOLATION_FOREST] = {isolation_available, isolation_fit, "iforest", false, false},
};

const char *train_suffix(const struct policy_model *model) {
    return algorithms[model->training.algorithm].suffix;
}

bool train_needs_labels(const struct policy_model *model) {
    return algorithms[model->training.algorithm].needs_labels;
}

int train_available(const struct policy_model *model, struct error *ret_error) {
    if (model->file.length == 0)
        return error_set(ret_error, ERROR_INVALID,
                         "model %" TEXT_FORMAT " is a scorecard, which is written by hand",
                         TEXT_ARGS(model->name));
    return algorithms[model->training.algorithm].available(ret_error);
}

/* ---- the model as Harrier evaluates it ---- */

static double *margins_of(const struct model *model, const struct train_rows *rows) {
    double *margins = check_calloc(rows->count + 1, sizeof *margins);
    struct model_batch *batch = model_batch_new(model);
    for (size_t first = 0; first < rows->count; first += MODEL_ROWS_MAX) {
        size_t count = rows->count - first < MODEL_ROWS_MAX ? rows->count - first : MODEL_ROWS_MAX;
        model_margins_of_rows(model, batch, rows->values + first * rows->input_count, count,
                              margins + first);
    }
    model_batch_free(batch);
    return margins;
}

/* Bit for bit: a model that decides otherwise than the one that was fitted is no use to anybody. */
static int check_margins(const struct train_learned *learned, struct error *ret_error) {
    for (size_t i = 0; i < learned->rows.count && learned->fitted.margins; i++)
        if ((float)learned->margins[i] != learned->fitted.margins[i])
            return error_set(ret_error, ERROR_INTERNAL,
                             "the file of %s gives the margin %.9g for position %" PRIu64
                             ", the library itself %.9g",
                             learned->fitted.library, learned->margins[i],
                             learned->rows.rows[i].position, (double)learned->fitted.margins[i]);
    return 0;
}

/* The inputs of a file may be in another order than those of the declaration only if it was not
 * made from these rows. */
static int check_inputs(const struct model *model, const struct policy_model *declared,
                        struct error *ret_error) {
    const struct model_shape *shape = model_shape(model), *wanted = model_shape(declared->model);
    bool same = shape->input_count == wanted->input_count && shape->output_count == 1;
    for (size_t i = 0; same && i < shape->input_count; i++)
        same = text_equal(shape->inputs[i], wanted->inputs[i]);
    return same ? 0
                : error_set(ret_error, ERROR_INTERNAL,
                            "the file that was made has other inputs than the model declares");
}

/* ---- calibration ---- */

static bool is_calibrated(const struct policy_model *model) {
    return model->training.calibration != TRAINING_UNCALIBRATED &&
           model->output != MODEL_OUTPUT_MARGIN &&
           model_shape(model->model)->link == FOREST_LINK_LOGISTIC;
}

static int calibrate(const struct policy_model *declared, const struct model *model,
                     struct train_learned *learned, struct error *ret_error) {
    const struct train_split *split = &learned->split;
    size_t first = split->first[TRAIN_CALIBRATION],
           count = train_split_count(split, TRAIN_CALIBRATION);
    struct calibration_row *rows = check_calloc(count + 1, sizeof *rows);
    bool is_platt = declared->training.calibration == TRAINING_PLATT;
    for (size_t i = 0; i < count; i++) {
        const struct train_row *row = &learned->rows.rows[first + i];
        double from = learned->margins[first + i];
        if (!is_platt)
            model_predict(model, &from);
        rows[i] = (struct calibration_row){from, (double)row->weight, row->is_positive};
    }
    struct calibration *calibration = &learned->calibration;
    int r = is_platt ? train_platt(rows, count, &calibration->a, &calibration->b, ret_error)
                     : train_isotonic(rows, count, &learned->points, &calibration->point_count,
                                      ret_error);
    free(rows);
    calibration->points = learned->points;
    if (r == 0)
        calibration->kind = is_platt ? CALIBRATION_PLATT : CALIBRATION_ISOTONIC;
    return r;
}

/* ---- all of it ---- */

static int read_back(const struct policy_model *declared, struct train_learned *learned,
                     struct error *ret_error) {
    struct arena arena;
    struct model *model;
    arena_init(&arena, SIZE_MAX / 4);
    int r = model_read(learned->fitted.format, buffer_text(&learned->fitted.file), &arena, &model,
                       ret_error);
    if (r == 0)
        r = check_inputs(model, declared, ret_error);
    if (r == 0) {
        learned->margins = margins_of(model, &learned->rows);
        r = check_margins(learned, ret_error);
    } else {
        r = error_prefix(ret_error, "the file that was made");
    }
    if (r == 0 && is_calibrated(declared))
        r = calibrate(declared, model, learned, ret_error);
    arena_deinit(&arena);
    return r;
}

static int fit(const struct train_options *options, struct progress *progress,
               struct train_learned *learned, struct error *ret_error) {
    const struct policy_model *model = options->model;
    const struct algorithm *algorithm = &algorithms[model->training.algorithm];
    bool validates = algorithm->validates && model->training.early_stopping > 0;
    int r = 0;
    if (algorithm->needs_labels)
        r = train_split(&learned->rows, validates ? model->training.validation_share : 0,
                        is_calibrated(model) ? model->training.calibration_share : 0,
                        &learned->split, ret_error);
    else
        learned->split = train_split_none(&learned->rows);
    const struct train_fit_options fit_options = {
        .rows = &learned->rows, .split = &learned->split, .model = model, .seed = options->seed};
    if (r == 0)
        r = algorithm->fit(&fit_options, progress, &learned->fitted, ret_error);
    return r;
}

int train_learn(const struct train_options *options, struct progress *progress,
                struct train_learned *ret_learned, struct error *ret_error) {
    const struct train_rows_options rows_options = {.archive = options->archive,
                                                    .snapshot = options->snapshot,
                                                    .model = options->model,
                                                    .from_us = options->train.from_us,
                                                    .until_us = options->train.until_us,
                                                    .outcomes_until_us = options->test.from_us,
                                                    .outcomes_after_us = options->outcomes_after_us,
                                                    .seed = options->seed,
                                                    .is_unlabelled =
                                                        !train_needs_labels(options->model),
                                                    .threads = options->threads,
                                                    .memory_bytes = options->memory_bytes};
    struct train_learned learned = {0};
    int r = train_rows_read(&rows_options, progress, &learned.rows, ret_error);
    if (r < 0)
        return r;
    train_rows_hash(&learned.rows, learned.hash);
    r = fit(options, progress, &learned, ret_error);
    if (r == 0)
        r = read_back(options->model, &learned, ret_error);
    if (r < 0)
        train_learned_deinit(&learned);
    else
        *ret_learned = learned;
    return r;
}

void train_learned_deinit(struct train_learned *learned) {
    train_rows_deinit(&learned->rows);
    train_fitted_deinit(&learned->fitted);
    free(learned->margins);
    free(learned->points);
    *learned = (struct train_learned){0};
}
