#include "train_confirm.h"

#include "batch/base/day.h"
#include "batch/base/machine.h"
#include "batch/report/report_amount.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ROW_BYTES (2 * sizeof(struct confirmed_row) + sizeof(struct ranking_row) + 100)

struct confirmed_row {
    struct ranking_row ranking;
    int64_t event_time_us;
    uint64_t position;
    double probability; /* NaN: none */
};

/* One worker's. */
struct part {
    struct confirmed_row *rows;
    size_t count, capacity;
    struct arena arena;
    double *scratch;
    uint64_t transactions, refused, immature, suspected, failed;
};

struct confirming {
    const struct policy_model *model;
    const struct report_amount amount;
    int64_t immature_from_us;
    uint64_t rows_max;
    atomic_uint_fast64_t rows;
    struct part *parts;
    size_t part_count;
};

/* ---- rows ---- */

static double probability_of(const struct policy_model *model, const struct value *frame,
                             struct part *part) {
    struct value v[MODEL_OUTPUTS_MAX];
    if (model->output == MODEL_OUTPUT_MARGIN ||
        model_shape(model->model)->link != FOREST_LINK_LOGISTIC)
        return NAN;
    policy_model_eval(model, frame, &part->arena, part->scratch, v);
    return model->output == MODEL_OUTPUT_SCORE ? (double)v[0].integer / 1000 : v[0].number;
}

/* false: an input failed. */
static bool read_row(const struct confirming *confirming, struct part *part,
                     const struct replay_row *row, struct confirmed_row *ret_row) {
    const struct policy_model *model = confirming->model;
    const struct transaction *transaction = &row->record->transaction.transaction;
    const struct value *frame = engine_frame(row->engine);
    const struct model_shape *shape = model_shape(model->model);
    double margin;
    int64_t amount = 0;
    struct value error;
    arena_reset(&part->arena);
    if (!policy_model_inputs(model, frame, &part->arena, part->scratch, &error))
        return false;
    model_margins(model->model, part->scratch, part->scratch + shape->input_count, &margin);
    report_amount_read(&confirming->amount, transaction, frame, &amount);
    *ret_row = (struct confirmed_row){.ranking = {.day = day_of_us(transaction->event_time_us),
                                                  .amount_minor = amount > 0 ? amount : 0,
                                                  .scores = {margin}},
                                      .event_time_us = transaction->event_time_us,
                                      .position = row->record->position,
                                      .probability = probability_of(model, frame, part)};
    return true;
}

static void put_row(struct part *part, const struct confirmed_row *row) {
    if (part->count == part->capacity) {
        part->capacity = part->capacity ? 2 * part->capacity : 1024;
        part->rows = check_reallocarray(part->rows, part->capacity, sizeof *part->rows);
    }
    part->rows[part->count++] = *row;
}

static int take_row(void *user, size_t worker, const struct replay_row *row,
                    struct buffer *prepared, struct error *ret_error) {
    struct confirming *confirming = user;
    struct part *part = &confirming->parts[worker];
    struct confirmed_row taken;
    (void)prepared;
    part->transactions++;
    if (!row->decision) {
        part->refused++;
        return 0;
    }
    int64_t at_us = row->record->transaction.transaction.event_time_us;
    enum report_class class = report_class_of(row->outcome, at_us, INT64_MAX);
    if (class == REPORT_SUSPECTED) {
        part->suspected++;
        return 0;
    }
    if (!read_row(confirming, part, row, &taken)) {
        part->failed++;
        return 0;
    }
    part->immature += class == REPORT_UNKNOWN && at_us > confirming->immature_from_us;
    if (atomic_fetch_add(&confirming->rows, 1) >= confirming->rows_max)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "the test range has more than %" PRIu64
                         " transactions, %zu bytes each: give more memory or a shorter range",
                         confirming->rows_max, (size_t)ROW_BYTES);
    taken.ranking.positive = class == REPORT_POSITIVE;
    put_row(part, &taken);
    return 0;
}

/* ---- figures ---- */

static int by_position(const void *a, const void *b) {
    const struct confirmed_row *first = a, *second = b;
    return (first->position > second->position) - (first->position < second->position);
}

static struct confirmed_row *all_rows(const struct confirming *confirming, size_t *ret_count,
                                      struct train_confirmed *confirmed) {
    size_t count = 0, at = 0;
    for (size_t p = 0; p < confirming->part_count; p++)
        count += confirming->parts[p].count;
    struct confirmed_row *rows = check_calloc(count + 1, sizeof *rows);
    for (size_t p = 0; p < confirming->part_count; p++) {
        const struct part *part = &confirming->parts[p];
        if (part->count > 0)
            memcpy(rows + at, part->rows, part->count * sizeof *rows);
        at += part->count;
        confirmed->transactions += part->transactions;
        confirmed->refused += part->refused;
        confirmed->immature += part->immature;
        confirmed->suspected += part->suspected;
        confirmed->failed += part->failed;
    }
    qsort(rows, count, sizeof *rows, by_position);
    *ret_count = count;
    return rows;
}

static void measure_probabilities(const struct confirmed_row *rows, size_t count,
                                  struct train_confirmed *confirmed) {
    if (isnan(rows[0].probability))
        return;
    confirmed->has_probability = true;
    for (size_t i = 0; i < count; i++) {
        double p = rows[i].probability, label = rows[i].ranking.positive;
        confirmed->brier += (p - label) * (p - label);
        confirmed->log_loss -= log(fmax(rows[i].ranking.positive ? p : 1 - p, 1e-15));
        confirmed->mean += p;
    }
    confirmed->brier /= (double)count;
    confirmed->log_loss /= (double)count;
    confirmed->mean /= (double)count;
}

static int measure(const struct train_options *options, const struct train_confirm_options *confirm,
                   const struct confirming *confirming, struct train_confirmed *confirmed,
                   struct error *ret_error) {
    const struct ranking_options ranking_options = {.sides = 1,
                                                    .reviews = confirm->reviews,
                                                    .cards = 1,
                                                    .draws = confirm->draws,
                                                    .seed = options->seed,
                                                    .level = 0.95};
    size_t count;
    struct confirmed_row *rows = all_rows(confirming, &count, confirmed);
    if (count == 0) {
        free(rows);
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the test range has no transactions that count");
    }
    struct ranking_row *ranked = check_calloc(count, sizeof *ranked);
    confirmed->first_us = INT64_MAX;
    confirmed->last_us = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        ranked[i] = rows[i].ranking;
        if (rows[i].event_time_us < confirmed->first_us)
            confirmed->first_us = rows[i].event_time_us;
        if (rows[i].event_time_us > confirmed->last_us)
            confirmed->last_us = rows[i].event_time_us;
    }
    ranking_metrics(ranked, count, &ranking_options, &confirmed->ranking);
    measure_probabilities(rows, count, confirmed);
    free(ranked);
    free(rows);
    return confirmed->ranking.positive > 0 || !train_needs_labels(options->model)
               ? 0
               : error_set(ret_error, ERROR_NOT_FOUND,
                           "the test range has no fraud: the model cannot be judged");
}

/* ---- the replay ---- */

static void open_parts(struct confirming *confirming, size_t count) {
    confirming->part_count = count;
    confirming->parts = check_calloc(count, sizeof *confirming->parts);
    for (size_t i = 0; i < count; i++) {
        arena_init(&confirming->parts[i].arena, EXPRESSION_MEMORY_MAX + EXPRESSION_LEFT_MAX);
        confirming->parts[i].scratch =
            check_calloc(policy_model_scratch(confirming->model), sizeof(double));
    }
}

static void close_parts(struct confirming *confirming) {
    for (size_t i = 0; i < confirming->part_count; i++) {
        arena_deinit(&confirming->parts[i].arena);
        free(confirming->parts[i].scratch);
        free(confirming->parts[i].rows);
    }
    free(confirming->parts);
}

static int64_t immature_from(const struct train_options *options, const struct replay *replay) {
    int64_t first_us, newest_us;
    if (options->outcomes_after_us < 0 || !replay_span(replay, &first_us, &newest_us))
        return INT64_MAX;
    return newest_us - options->outcomes_after_us;
}

int train_confirm(const struct train_options *options, struct snapshot *trained,
                  const struct train_confirm_options *confirm, struct progress *progress,
                  struct train_confirmed *ret_confirmed, struct error *ret_error) {
    const struct replay_options replay_options = {.archive = options->archive,
                                                  .snapshot = trained,
                                                  .ignore_brakes = true,
                                                  .threads = options->threads,
                                                  .from_us = options->test.from_us,
                                                  .to_us = options->test.until_us,
                                                  .outcomes = true};
    uint64_t memory = options->memory_bytes ? options->memory_bytes : machine_memory_quarter();
    struct confirming confirming = {.model = snapshot_model(trained, options->model->name),
                                    .amount =
                                        report_amount_of(trained, trained->schema.base_currency),
                                    .rows_max = memory / ROW_BYTES};
    const struct replay_listener listener = {.take = take_row, .user = &confirming};
    struct train_confirmed confirmed = {0};
    struct replay_report report;
    struct replay *replay;
    check(confirming.model);
    if (confirming.rows_max > RANKING_ROWS_MAX)
        confirming.rows_max = RANKING_ROWS_MAX;
    int r = replay_open(&replay_options, progress, &replay, ret_error);
    if (r < 0)
        return r;
    confirming.immature_from_us = immature_from(options, replay);
    open_parts(&confirming, replay_workers(replay));
    r = replay_run(replay, &listener, progress, &report, ret_error);
    replay_close(replay);
    if (r == 0)
        r = measure(options, confirm, &confirming, &confirmed, ret_error);
    close_parts(&confirming);
    if (r == 0)
        *ret_confirmed = confirmed;
    return r;
}
