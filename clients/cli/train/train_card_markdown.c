#include "train_card.h"

#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(number) quantity_format_count((number), (char[QUANTITY_COUNT_SIZE]){0})
#define TIME(us)      quantity_format_time((us), (char[QUANTITY_TIME_SIZE]){0})

static void put_head(const struct train_card *card, struct buffer *out) {
    buffer_printf(out, "# Model %" TEXT_FORMAT "\n\n", TEXT_ARGS(card->model->name));
    if (card->model->about.length > 0)
        buffer_printf(out, "%" TEXT_FORMAT "\n\n", TEXT_ARGS(card->model->about));
    buffer_printf(out,
                  "Trained by harrier %s with %s, as policy %" TEXT_FORMAT " (%016" PRIx64
                  ") declares it. The policy with the model is %016" PRIx64 ".\n\n",
                  HARRIER_VERSION, card->learned->fitted.library, TEXT_ARGS(card->policy->name),
                  card->policy->id, card->trained->id);
}

/* ---- on the later range ---- */

static void put_figure(const struct ranking_figure *figure, const char *name, struct buffer *out) {
    if (!figure->is_known)
        return;
    buffer_printf(out, "| %s | %.4f | ", name, figure->value);
    if (figure->has_interval)
        buffer_printf(out, "%.4f to %.4f |\n", figure->low, figure->high);
    else
        buffer_append_string(out, "– |\n");
}

static void put_test(const struct train_card *card, struct buffer *out) {
    const struct train_confirmed *confirmed = card->confirmed;
    const struct ranking_figures *ranking = &confirmed->ranking;
    const struct ranking_figure *figures = ranking->sides[0];
    char name[96];
    buffer_printf(out,
                  "## On later transactions\n\n%s to %s: %s transactions, of which %s count, %s of "
                  "them frauds, on %s days.\n\n| | | 95 %% |\n| --- | --- | --- |\n",
                  TIME(card->command->test.from_us), TIME(card->command->test.until_us),
                  COUNT(confirmed->transactions), COUNT(ranking->rows), COUNT(ranking->positive),
                  COUNT(ranking->days));
    put_figure(&figures[RANKING_AUC], "AUC", out);
    put_figure(&figures[RANKING_AVERAGE_PRECISION], "average precision", out);
    snprintf(name, sizeof name, "precision at %s reviews a day",
             COUNT(card->command->confirm.reviews));
    put_figure(&figures[RANKING_PRECISION], name, out);
    put_figure(&figures[RANKING_RECALL], "share of the frauds found by them", out);
    put_figure(&figures[RANKING_MONEY], "share of the frauds' money", out);
    if (confirmed->has_probability)
        buffer_printf(out,
                      "| Brier score | %.6f | – |\n| log loss | %.6f | – |\n"
                      "| mean probability | %.6f | – |\n| share of frauds | %.6f | – |\n",
                      confirmed->brier, confirmed->log_loss, confirmed->mean,
                      (double)ranking->positive / (double)ranking->rows);
    if (ranking->days < RANKING_DAYS_MIN)
        buffer_printf(out, "\nThere are no intervals: they need at least %d days.\n",
                      RANKING_DAYS_MIN);
    else
        buffer_append_string(out, "\nIntervals are a bootstrap of days.\n");
    if (confirmed->immature > 0)
        buffer_printf(
            out,
            "\n%s transactions have no outcome and are younger than %s at the archive's end: "
            "some may turn out to be fraud yet, and count as legit here.\n",
            COUNT(confirmed->immature),
            quantity_format_duration((uint64_t)card->command->outcomes_after_us,
                                     (char[QUANTITY_DURATION_SIZE]){0}));
}

/* ---- what it was made from ---- */

static void put_left_out(uint64_t count, const char *why, struct buffer *out) {
    if (count > 0)
        buffer_printf(out, "- %s left out: %s\n", COUNT(count), why);
}

static void put_training(const struct train_card *card, struct buffer *out) {
    static const char *const names[TRAIN_SLICES] = {"fit", "validation", "calibration"};
    const struct train_learned *learned = card->learned;
    const struct train_rows *rows = &learned->rows;
    buffer_printf(out, "%s## Trained on\n\n%s to %s, ", card->confirmed ? "\n" : "",
                  TIME(card->command->train.from_us), TIME(card->command->train.until_us));
    if (train_needs_labels(card->model))
        buffer_printf(
            out, "with the outcomes known before %s: %s transactions, %s of them frauds.\n",
            TIME(card->command->test.from_us), COUNT(rows->transactions), COUNT(rows->positives));
    else
        buffer_printf(out, "without outcomes: %s transactions.\n", COUNT(rows->transactions));
    if (rows->refused + rows->immature + rows->suspected + rows->failed + rows->sampled > 0)
        buffer_append_string(out, "\n");
    put_left_out(rows->refused, "the policy refuses them", out);
    put_left_out(rows->immature, "too young for their outcomes to be known", out);
    put_left_out(rows->suspected, "suspected, neither confirmed nor cleared", out);
    put_left_out(rows->failed, "an input failed", out);
    put_left_out(rows->sampled,
                 "sampled to save memory; those without fraud that stayed weigh "
                 "more",
                 out);
    buffer_append_string(out, "\n| part | from | rows | frauds |\n| --- | --- | --- | --- |\n");
    for (enum train_slice slice = 0; slice < TRAIN_SLICES; slice++) {
        size_t count = train_split_count(&learned->split, slice);
        if (count > 0)
            buffer_printf(out, "| %s | %s | %s | %s |\n", names[slice],
                          TIME(rows->rows[learned->split.first[slice]].event_time_us), COUNT(count),
                          COUNT(learned->split.positives[slice]));
    }
    buffer_printf(out, "\nSHA-256 of the rows: `%s`\n", learned->hash);
}

static void put_boosting(const struct train_card *card, struct buffer *out) {
    const struct model_training *t = &card->model->training;
    const struct train_fitted *fitted = &card->learned->fitted;
    const struct calibration *calibration = &card->learned->calibration;
    buffer_printf(out,
                  "`%s`, seed %" PRIu64 ": rounds %" PRId64 ", early_stopping %" PRId64
                  ", metric %s, max_depth %" PRId64 ", max_bin %" PRId64
                  ", eta %g, min_child_weight %g, subsample %g, columns %g, "
                  "lambda %g, alpha %g, gamma %g. A fraud weighs %g.\n\n",
                  train_algorithm_name(t->algorithm), card->command->seed, t->rounds,
                  t->early_stopping, train_metric_name(t->metric), t->max_depth, t->max_bin, t->eta,
                  t->min_child_weight, t->subsample, t->columns, t->lambda, t->alpha, t->gamma,
                  fitted->positive_weight);
    buffer_printf(out, "%zu rounds were tried; the file has %zu", fitted->tried, fitted->rounds);
    if (!isnan(fitted->metric))
        buffer_printf(out, ", with %.6f on the validation part", fitted->metric);
    buffer_append_string(out, ". ");
    if (calibration->kind == CALIBRATION_PLATT)
        buffer_printf(out, "Calibrated by Platt: a %g, b %g.\n", calibration->a, calibration->b);
    else if (calibration->kind == CALIBRATION_ISOTONIC)
        buffer_printf(out, "Calibrated by an isotonic fit of %zu points.\n",
                      calibration->point_count);
    else
        buffer_append_string(out, "Not calibrated.\n");
}

static void put_parameters(const struct train_card *card, struct buffer *out) {
    const struct model_training *t = &card->model->training;
    buffer_append_string(out, "\n## Parameters\n\n");
    if (t->algorithm == TRAINING_XGBOOST)
        put_boosting(card, out);
    else
        buffer_printf(out,
                      "`%s`, seed %" PRIu64 ": trees %" PRId64 ", sample %" PRId64
                      ", depth %" PRId64 "%s.\n",
                      train_algorithm_name(t->algorithm), card->command->seed, t->trees, t->sample,
                      t->depth, t->depth == 0 ? " (the logarithm of the sample)" : "");
}

/* ---- importance ---- */

struct ranked {
    double share;
    size_t input;
};

static int descending(const void *a, const void *b) {
    const struct ranked *first = a, *second = b;
    if (first->share != second->share)
        return first->share < second->share ? 1 : -1;
    return (first->input > second->input) - (first->input < second->input);
}

static void put_importance(const struct train_card *card, struct buffer *out) {
    const struct model_shape *shape = model_shape(card->model->model);
    struct ranked *ranked = check_calloc(shape->input_count, sizeof *ranked);
    for (size_t i = 0; i < shape->input_count; i++)
        ranked[i] = (struct ranked){card->learned->fitted.importance[i], i};
    qsort(ranked, shape->input_count, sizeof *ranked, descending);
    buffer_append_string(out, "\n## Importance\n\nShare of the gain of all splits.\n\n"
                              "| input | |\n| --- | --- |\n");
    for (size_t i = 0; i < shape->input_count; i++)
        buffer_printf(out, "| %" TEXT_FORMAT " | %.1f %% |\n",
                      TEXT_ARGS(shape->inputs[ranked[i].input]), 100 * ranked[i].share);
    free(ranked);
}

void train_card_markdown(const struct train_card *card, struct buffer *out) {
    put_head(card, out);
    if (card->confirmed)
        put_test(card, out);
    put_training(card, out);
    put_parameters(card, out);
    if (card->learned->fitted.importance)
        put_importance(card, out);
}
