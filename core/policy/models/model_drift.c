#include "model_drift.h"

#include "core/model/stability.h"

/* 0: the score; i: input i − 1. */
static const struct model_bins *bins_of(const struct policy_model *model, size_t i) {
    return i == 0 ? &model->reference->score : &model->reference->inputs[i - 1];
}

size_t model_drift_size(const struct policy_model *models, size_t count) {
    size_t size = 0;
    for (size_t m = 0; m < count; m++)
        for (size_t i = 0; models[m].reference && i <= models[m].reference->input_count; i++)
            size += model_bins_count(bins_of(&models[m], i));
    return size;
}

uint64_t *model_drift_add(const struct policy_model *model, const double *inputs, double margin,
                          uint64_t *counts) {
    const struct model_reference *reference = model->reference;
    counts[model_bins_of(&reference->score, margin)]++;
    counts += model_bins_count(&reference->score);
    for (size_t i = 0; i < reference->input_count; i++) {
        const struct model_bins *bins = &reference->inputs[i];
        counts[model_bins_of(bins, inputs[i])]++;
        counts += model_bins_count(bins);
    }
    return counts;
}

static struct model_drift drift_of(const struct model_bins *bins, uint64_t rows_before,
                                   const uint64_t *counts) {
    struct model_drift drift = {.input = bins->name,
                                .rows_before = rows_before,
                                .missing = counts[0],
                                .missing_before = bins->counts[0]};
    size_t count = model_bins_count(bins);
    for (size_t i = 0; i < count; i++)
        drift.rows += counts[i];
    drift.is_compared = drift.rows >= MODEL_DRIFT_ROWS_MIN;
    if (drift.is_compared) {
        drift.index = model_bins_drift(bins, counts);
        drift.noise = stability_noise(rows_before, drift.rows, count);
    }
    return drift;
}

void model_drift_each(const struct policy_model *model, const uint64_t *counts,
                      void (*take)(void *user, const struct policy_model *model,
                                   const struct model_drift *drift),
                      void *user) {
    for (size_t i = 0; i <= model->reference->input_count; i++) {
        const struct model_bins *bins = bins_of(model, i);
        struct model_drift drift = drift_of(bins, model->reference->rows, counts);
        take(user, model, &drift);
        counts += model_bins_count(bins);
    }
}

/* The noise is the mean of about a chi-squared variable; chance does not give five times that. */
enum model_drift_level model_drift_level(const struct model_drift *drift) {
    double sure = drift->is_compared ? drift->index - 5 * drift->noise : 0;
    return sure > STABILITY_SHIFT    ? MODEL_DRIFT_SHIFT
           : sure > STABILITY_STABLE ? MODEL_DRIFT_MOVED
                                     : MODEL_DRIFT_STABLE;
}
