#include "report_models.h"

#include "core/base/check.h"
#include "report_tally.h"

#include <stdlib.h>
#include <string.h>

struct report_models {
    const struct snapshot *policy;
    size_t size; /* counts of a worker; 0: nothing is counted */
    uint64_t **workers;
    size_t worker_count;
};

static size_t size_of(const struct snapshot *policy) {
    return policy ? model_drift_size(policy->models, policy->model_count) : 0;
}

size_t report_models_bytes(const struct snapshot *policy, size_t workers) {
    return workers * size_of(policy) * sizeof(uint64_t);
}

struct report_models *report_models_new(const struct snapshot *policy, size_t workers) {
    struct report_models *models = check_calloc(1, sizeof *models);
    *models =
        (struct report_models){.policy = policy, .size = size_of(policy), .worker_count = workers};
    models->workers = check_calloc(workers, sizeof *models->workers);
    for (size_t i = 0; i < workers && models->size > 0; i++)
        models->workers[i] = check_calloc(models->size, sizeof **models->workers);
    return models;
}

void report_models_free(struct report_models *models) {
    if (!models)
        return;
    for (size_t i = 0; i < models->worker_count; i++)
        free(models->workers[i]);
    free(models->workers);
    free(models);
}

void report_models_take(struct report_models *models, size_t worker, const struct replay_row *row) {
    if (models->size > 0 && engine_rules(row->engine) == models->policy)
        engine_count_models(row->engine, models->workers[worker]);
}

/* Moves everything to the first worker. */
uint64_t *report_models_counts(struct report_models *models, size_t *ret_count) {
    for (size_t worker = 1; worker < models->worker_count && models->size > 0; worker++) {
        for (size_t i = 0; i < models->size; i++)
            models->workers[0][i] += models->workers[worker][i];
        memset(models->workers[worker], 0, models->size * sizeof **models->workers);
    }
    *ret_count = models->size;
    return models->workers[0];
}

void report_models_encode(struct report_models *models, struct buffer *out) {
    size_t count;
    const uint64_t *counts = report_models_counts(models, &count);
    report_counts_encode(counts, count, out);
}

void report_models_decode(struct report_models *models, struct cursor *cursor) {
    report_counts_decode(cursor, models->size, models->workers[0]);
}

struct listing {
    struct report_model_drift *of;
    size_t count;
};

static void list(void *user, const struct policy_model *model, const struct model_drift *drift) {
    struct listing *listing = user;
    listing->of = check_reallocarray(listing->of, listing->count + 1, sizeof *listing->of);
    listing->of[listing->count++] = (struct report_model_drift){
        .model = model->name, .reference = model->reference, .drift = *drift};
}

struct report_model_drift *report_models_drift(struct report_models *models, size_t *ret_count) {
    struct listing listing = {0};
    size_t size;
    const uint64_t *counts = report_models_counts(models, &size);
    for (size_t m = 0; size > 0 && m < models->policy->model_count; m++) {
        const struct policy_model *model = &models->policy->models[m];
        if (model->reference)
            model_drift_each(model, counts, list, &listing);
        counts += model_drift_size(model, 1);
    }
    *ret_count = listing.count;
    return listing.of;
}
