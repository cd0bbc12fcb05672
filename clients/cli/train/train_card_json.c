#include "train_card.h"

#include "core/base/json_writer.h"

#include <math.h>

const char *train_algorithm_name(enum training_algorithm algorithm) {
    static const char *const names[TRAINING_ALGORITHMS] = {
        [TRAINING_XGBOOST] = "xgboost", [TRAINING_ISOLATION_FOREST] = "isolation-forest"};
    return names[algorithm];
}

const char *train_metric_name(enum training_metric metric) {
    static const char *const names[] = {[TRAINING_AVERAGE_PRECISION] = "average_precision",
                                        [TRAINING_AUC] = "auc",
                                        [TRAINING_LOG_LOSS] = "log_loss"};
    return names[metric];
}

static void add_double(struct buffer *out, const char *key, double number) {
    char digits[64];
    value_format(value_double(number), digits, sizeof digits);
    json_add_number(out, key, isfinite(number) ? digits : "null");
}

static void add_trained(const struct train_card *card, struct buffer *out) {
    static const char *const names[TRAIN_SLICES] = {"fit", "validation", "calibration"};
    const struct train_learned *learned = card->learned;
    const struct train_rows *rows = &learned->rows;
    json_begin_object(out, "trained");
    json_add_time(out, "from", card->command->train.from_us);
    json_add_time(out, "until", card->command->train.until_us);
    if (train_needs_labels(card->model))
        json_add_time(out, "outcomes_known_before", card->command->test.from_us);
    json_add_unsigned(out, "transactions", rows->transactions);
    json_add_unsigned(out, "frauds", rows->positives);
    json_add_unsigned(out, "refused", rows->refused);
    json_add_unsigned(out, "too_young", rows->immature);
    json_add_unsigned(out, "suspected", rows->suspected);
    json_add_unsigned(out, "failed", rows->failed);
    json_add_unsigned(out, "left_out_by_sampling", rows->sampled);
    json_add_unsigned(out, "rows", rows->count);
    json_add_unsigned(out, "rows_weight_without_fraud", UINT64_C(1) << rows->level);
    json_add_text(out, "rows_sha256", text_of(learned->hash));
    json_begin_object(out, "slices");
    for (enum train_slice slice = 0; slice < TRAIN_SLICES; slice++) {
        size_t count = train_split_count(&learned->split, slice);
        if (count == 0)
            continue;
        json_begin_object(out, names[slice]);
        json_add_time(out, "from", rows->rows[learned->split.first[slice]].event_time_us);
        json_add_unsigned(out, "rows", count);
        json_add_unsigned(out, "frauds", learned->split.positives[slice]);
        json_end_object(out);
    }
    json_end_object(out);
    json_end_object(out);
}

static void add_boosting(const struct model_training *t, const struct train_fitted *fitted,
                         struct buffer *out) {
    json_add_signed(out, "rounds", t->rounds);
    json_add_signed(out, "early_stopping", t->early_stopping);
    json_add_text(out, "metric", text_of(train_metric_name(t->metric)));
    json_add_signed(out, "max_depth", t->max_depth);
    json_add_signed(out, "max_bin", t->max_bin);
    add_double(out, "eta", t->eta);
    add_double(out, "min_child_weight", t->min_child_weight);
    add_double(out, "subsample", t->subsample);
    add_double(out, "columns", t->columns);
    add_double(out, "lambda", t->lambda);
    add_double(out, "alpha", t->alpha);
    add_double(out, "gamma", t->gamma);
    add_double(out, "class_weight", fitted->positive_weight);
}

static void add_parameters(const struct train_card *card, struct buffer *out) {
    const struct model_training *t = &card->model->training;
    const struct train_fitted *fitted = &card->learned->fitted;
    json_begin_object(out, "parameters");
    json_add_text(out, "algorithm", text_of(train_algorithm_name(t->algorithm)));
    json_add_unsigned(out, "seed", card->command->seed);
    if (t->algorithm == TRAINING_XGBOOST) {
        add_boosting(t, fitted, out);
    } else {
        json_add_signed(out, "trees", t->trees);
        json_add_signed(out, "sample", t->sample);
        json_add_signed(out, "depth", t->depth);
    }
    json_end_object(out);
    json_begin_object(out, "fitted");
    json_add_text(out, "library", text_of(fitted->library));
    json_add_unsigned(out, "rounds", fitted->rounds);
    json_add_unsigned(out, "rounds_tried", fitted->tried);
    add_double(out, "validation_metric", fitted->metric);
    json_end_object(out);
}

static void add_calibration(const struct calibration *calibration, struct buffer *out) {
    static const char *const names[] = {[CALIBRATION_NONE] = "none",
                                        [CALIBRATION_PLATT] = "platt",
                                        [CALIBRATION_ISOTONIC] = "isotonic"};
    json_begin_object(out, "calibration");
    json_add_text(out, "kind", text_of(names[calibration->kind]));
    if (calibration->kind == CALIBRATION_PLATT) {
        add_double(out, "a", calibration->a);
        add_double(out, "b", calibration->b);
    } else if (calibration->kind == CALIBRATION_ISOTONIC) {
        json_add_unsigned(out, "points", calibration->point_count);
    }
    json_end_object(out);
}

static void add_figure(const struct ranking_figure *figure, const char *name, struct buffer *out) {
    json_begin_object(out, name);
    add_double(out, "value", figure->is_known ? figure->value : NAN);
    add_double(out, "low", figure->has_interval ? figure->low : NAN);
    add_double(out, "high", figure->has_interval ? figure->high : NAN);
    json_end_object(out);
}

static void add_tested(const struct train_card *card, struct buffer *out) {
    const struct train_confirmed *confirmed = card->confirmed;
    const struct ranking_figures *ranking = &confirmed->ranking;
    json_begin_object(out, "tested");
    json_add_time(out, "from", card->command->test.from_us);
    json_add_time(out, "until", card->command->test.until_us);
    json_add_unsigned(out, "transactions", confirmed->transactions);
    json_add_unsigned(out, "rows", ranking->rows);
    json_add_unsigned(out, "frauds", ranking->positive);
    json_add_unsigned(out, "days", ranking->days);
    json_add_unsigned(out, "refused", confirmed->refused);
    json_add_unsigned(out, "too_young", confirmed->immature);
    json_add_unsigned(out, "suspected", confirmed->suspected);
    json_add_unsigned(out, "failed", confirmed->failed);
    json_add_unsigned(out, "reviews_per_day", card->command->confirm.reviews);
    json_begin_object(out, "metrics");
    for (size_t i = 0; i < RANKING_CARD_PRECISION; i++)
        add_figure(&ranking->sides[0][i], ranking_metric_name((enum ranking_metric)i), out);
    json_end_object(out);
    if (confirmed->has_probability) {
        json_begin_object(out, "probability");
        add_double(out, "brier", confirmed->brier);
        add_double(out, "log_loss", confirmed->log_loss);
        add_double(out, "mean", confirmed->mean);
        add_double(out, "share_of_frauds", (double)ranking->positive / (double)ranking->rows);
        json_end_object(out);
    }
    json_end_object(out);
}

static void add_importance(const struct train_card *card, struct buffer *out) {
    const struct model_shape *shape = model_shape(card->model->model);
    json_begin_object(out, "importance");
    for (size_t i = 0; i < shape->input_count; i++)
        json_add_value(out, shape->inputs[i], value_double(card->learned->fitted.importance[i]));
    json_end_object(out);
}

void train_card_json(const struct train_card *card, struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_text(out, "format", TEXT_LITERAL("harrier-model-card-1"));
    json_add_text(out, "harrier", TEXT_LITERAL(HARRIER_VERSION));
    json_add_text(out, "model", card->model->name);
    json_add_text(out, "about", card->model->about);
    json_add_text(out, "policy", card->policy->name);
    json_add_hex(out, "declared_by", card->policy->id);
    json_add_hex(out, "snapshot_id", card->trained->id);
    add_trained(card, out);
    add_parameters(card, out);
    add_calibration(&card->learned->calibration, out);
    if (card->confirmed)
        add_tested(card, out);
    if (card->learned->fitted.importance)
        add_importance(card, out);
    json_end_object(out);
    buffer_append_string(out, "\n");
}
