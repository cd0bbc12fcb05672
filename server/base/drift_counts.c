/* A ring of hours. A decision adds to the current hour alone, and the sum of the others changes
 * only when an hour ends. */
#include "drift_counts.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_US INT64_C(3600000000)
#define SLOTS   (DRIFT_HOURS + 1)
#define NEVER   INT64_MAX

struct drift_counts {
    struct snapshot *rules;
    size_t size;      /* counts of an hour */
    int64_t hour;     /* the current one, since 1970 */
    uint64_t *slots;  /* [SLOTS × size]: hour h is at h % SLOTS */
    uint64_t *closed; /* sum over all hours but the current one */
    size_t *places;   /* [model]: where its counts begin */
    int64_t *begin;   /* [model]: its first hour that is counted; NEVER: it has none yet */
};

struct drift_sum {
    struct snapshot *rules;
    uint64_t *counts;
    int64_t *hours; /* [model] */
};

static uint64_t *slot_of(const struct drift_counts *counts, int64_t hour) {
    return counts->slots + (size_t)(hour % SLOTS) * counts->size;
}

struct drift_counts *drift_counts_new(struct snapshot *rules) {
    size_t size = model_drift_size(rules->models, rules->model_count);
    if (size == 0)
        return NULL;
    struct drift_counts *counts = check_calloc(1, sizeof *counts);
    counts->rules = snapshot_ref(rules);
    counts->size = size;
    counts->slots = check_calloc(SLOTS * size, sizeof *counts->slots);
    counts->closed = check_calloc(size, sizeof *counts->closed);
    counts->places = check_calloc(rules->model_count, sizeof *counts->places);
    counts->begin = check_calloc(rules->model_count, sizeof *counts->begin);
    for (size_t m = 0; m < rules->model_count; m++) {
        counts->places[m] = model_drift_size(rules->models, m);
        counts->begin[m] = NEVER;
    }
    return counts;
}

void drift_counts_free(struct drift_counts *counts) {
    if (!counts)
        return;
    free(counts->slots);
    free(counts->closed);
    free(counts->places);
    free(counts->begin);
    snapshot_unref(counts->rules);
    free(counts);
}

/* A clock that is set back adds to the newest hour. */
static void advance(struct drift_counts *counts, int64_t hour) {
    if (hour - counts->hour >= SLOTS) {
        memset(counts->slots, 0, SLOTS * counts->size * sizeof *counts->slots);
        memset(counts->closed, 0, counts->size * sizeof *counts->closed);
        counts->hour = hour;
    }
    while (counts->hour < hour) {
        const uint64_t *ended = slot_of(counts, counts->hour);
        uint64_t *oldest = slot_of(counts, ++counts->hour);
        for (size_t i = 0; i < counts->size; i++)
            counts->closed[i] += ended[i] - oldest[i];
        memset(oldest, 0, counts->size * sizeof *oldest);
    }
}

void drift_counts_add(struct drift_counts *counts, const struct engine *engine, struct text id,
                      int64_t receive_time_us) {
    if (hash_text(id) % DRIFT_SAMPLE != 0)
        return;
    if (receive_time_us / HOUR_US != counts->hour)
        advance(counts, receive_time_us / HOUR_US);
    check(engine_rules(engine) == counts->rules);
    engine_count_models(engine, slot_of(counts, counts->hour));
    for (size_t m = 0; m < counts->rules->model_count; m++)
        if (counts->begin[m] == NEVER)
            counts->begin[m] = counts->hour;
}

/* ---- a reload ---- */

static bool is_same(const struct policy_model *a, const struct policy_model *b) {
    return a->reference && b->reference && text_equal(a->name, b->name) &&
           a->definition == b->definition && a->reference_hash == b->reference_hash;
}

static void continue_model(struct drift_counts *next, size_t to, const struct drift_counts *before,
                           size_t from) {
    size_t size = model_drift_size(&next->rules->models[to], 1) * sizeof(uint64_t);
    uint64_t *closed = next->closed + next->places[to];
    for (size_t slot = 0; slot < SLOTS; slot++)
        memcpy(next->slots + slot * next->size + next->places[to],
               before->slots + slot * before->size + before->places[from], size);
    memcpy(closed, before->closed + before->places[from], size);
    next->begin[to] = before->begin[from];
}

void drift_counts_continue(struct drift_counts *next, const struct drift_counts *before) {
    if (!next || !before)
        return;
    next->hour = before->hour;
    for (size_t to = 0; to < next->rules->model_count; to++)
        for (size_t from = 0; from < before->rules->model_count; from++)
            if (is_same(&next->rules->models[to], &before->rules->models[from]))
                continue_model(next, to, before, from);
}

/* ---- writing ---- */

struct drift_sum *drift_counts_sum(struct drift_counts *counts, int64_t now_us) {
    struct drift_sum *sum = check_calloc(1, sizeof *sum);
    if (!counts)
        return sum;
    size_t models = counts->rules->model_count;
    advance(counts, now_us / HOUR_US);
    sum->rules = snapshot_ref(counts->rules);
    sum->counts = check_calloc(counts->size, sizeof *sum->counts);
    sum->hours = check_calloc(models, sizeof *sum->hours);
    const uint64_t *current = slot_of(counts, counts->hour);
    for (size_t i = 0; i < counts->size; i++)
        sum->counts[i] = counts->closed[i] + current[i];
    for (size_t m = 0; m < models; m++) {
        int64_t hours = counts->begin[m] == NEVER ? 0 : counts->hour - counts->begin[m];
        sum->hours[m] = hours < DRIFT_HOURS ? hours : DRIFT_HOURS;
    }
    return sum;
}

void drift_sum_free(struct drift_sum *sum) {
    snapshot_unref(sum->rules);
    free(sum->counts);
    free(sum->hours);
    free(sum);
}

/* Inputs have the names of the model's file, which may be any clean text. */
static void put_label(struct buffer *out, const char *label, struct text value) {
    buffer_printf(out, "%s=\"", label);
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            buffer_append_u8(out, '\\');
        buffer_append_u8(out, (uint8_t)value.data[i]);
    }
    buffer_append_u8(out, '"');
}

enum series { SERIES_DECISIONS, SERIES_HOURS, SERIES_SCORE, SERIES_INPUT, SERIES_COUNT };

static const struct {
    const char *name, *help;
} series[SERIES_COUNT] = {
    [SERIES_DECISIONS] = {"harrierd_model_drift_decisions",
                          "Decisions that the drift of a model is measured on."},
    [SERIES_HOURS] = {"harrierd_model_drift_hours",
                      "Complete hours that these decisions span, up to 24."},
    [SERIES_SCORE] = {"harrierd_model_score_drift",
                      "Population stability index of a model's margin against training."},
    [SERIES_INPUT] = {"harrierd_model_input_drift",
                      "Population stability index of a model's input against training."},
};

struct writing {
    const struct drift_sum *sum;
    struct buffer *out;
    enum series series;
    size_t model, inputs; /* so far */
};

static void begin_line(const struct writing *writing, const struct policy_model *model) {
    buffer_printf(writing->out, "%s{", series[writing->series].name);
    put_label(writing->out, "model", model->name);
}

static void write_series(void *user, const struct policy_model *model,
                         const struct model_drift *drift) {
    struct writing *writing = user;
    bool is_score = drift->input.length == 0;
    if (is_score == (writing->series == SERIES_INPUT))
        return;
    if (writing->series < SERIES_SCORE) {
        begin_line(writing, model);
        buffer_printf(writing->out, "} %" PRIu64 "\n",
                      writing->series == SERIES_DECISIONS
                          ? drift->rows
                          : (uint64_t)writing->sum->hours[writing->model]);
        return;
    }
    if (drift->rows < DRIFT_DECISIONS_MIN || (!is_score && writing->inputs++ >= DRIFT_INPUTS_MAX))
        return;
    begin_line(writing, model);
    if (!is_score) {
        buffer_append_u8(writing->out, ',');
        put_label(writing->out, "input", drift->input);
    }
    buffer_printf(writing->out, "} %.6g\n", drift->index);
}

void drift_sum_write(const struct drift_sum *sum, struct buffer *out) {
    struct writing writing = {.sum = sum, .out = out};
    for (; writing.series < SERIES_COUNT; writing.series++) {
        const char *name = series[writing.series].name;
        buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, series[writing.series].help,
                      name);
        const uint64_t *counts = sum->counts;
        for (writing.model = 0; sum->rules && writing.model < sum->rules->model_count;
             writing.model++) {
            const struct policy_model *model = &sum->rules->models[writing.model];
            if (model->reference)
                model_drift_each(model, counts, write_series, &writing);
            counts += model_drift_size(model, 1);
        }
    }
}
