/* Everything that the text has, unrounded: counts are whole, money is in minor units. */
#include "tune_json.h"

#include "batch/tune/tune_candidates.h"
#include "core/base/json_writer.h"

#include <stdio.h>

static void add_double(struct buffer *out, const char *key, double number) {
    char digits[64];
    value_format(value_double(number), digits, sizeof digits);
    json_add_number(out, key, digits);
}

/* Beyond 64 bits, as no sum of amounts is: the greatest number. */
static void add_money(struct buffer *out, const char *key, report_sum minor) {
    json_add_signed(out, key, minor > INT64_MAX ? INT64_MAX : (int64_t)minor);
}

static void add_figures(struct buffer *out, const char *key, const struct tune_figures *figures,
                        const struct tune_totals *totals) {
    uint64_t flagged = figures->caught + figures->false_alerts;
    json_begin_object(out, key);
    json_add_unsigned(out, "alerts", figures->alerts);
    add_double(out, "alerts_per_day", (double)figures->alerts / totals->days);
    json_add_unsigned(out, "caught", figures->caught);
    json_add_unsigned(out, "missed", totals->positive - figures->caught);
    json_add_unsigned(out, "false_alerts", figures->false_alerts);
    json_add_unsigned(out, "declined_wrongly", figures->declined_wrongly);
    if (flagged > 0)
        add_double(out, "precision", (double)figures->caught / (double)flagged);
    else
        json_add_number(out, "precision", "null");
    if (totals->positive > 0)
        add_double(out, "recall", (double)figures->caught / (double)totals->positive);
    else
        json_add_number(out, "recall", "null");
    add_money(out, "caught_minor", figures->caught_amount);
    add_money(out, "missed_minor", totals->amount - figures->caught_amount);
    json_end_object(out);
}

static void add_point(struct buffer *out, const char *key, const struct tune_document *document,
                      const struct tune_point *point) {
    struct tune_figures figures = tune_figures_sum(point->figures);
    struct tune_totals totals = tune_totals_sum(tune_result(document->tune)->totals);
    add_figures(out, key, &figures, &totals);
}

static void add_range(struct buffer *out, const struct tune_range *range,
                      const struct tune_totals *totals) {
    json_add_time(out, "from", range->from_us);
    json_add_time(out, "until", range->until_us);
    json_add_unsigned(out, "transactions", totals->rows);
    json_add_unsigned(out, "frauds", totals->positive);
}

static void add_ranges(const struct tune_document *document, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    struct tune_totals totals = tune_totals_sum(found->totals);
    struct tune_figures present, tuned;
    json_begin_object(out, "training");
    add_range(out, &document->command->train, &totals);
    add_point(out, "present", document, &found->present);
    add_point(out, "tuned", document, &found->best);
    json_end_object(out);
    tune_side_figures(document, REPORT_AGAINST, &present, &totals);
    tune_side_figures(document, REPORT_REPLAYED, &tuned, &totals);
    json_begin_object(out, "test");
    add_range(out, &document->command->test, &totals);
    add_figures(out, "present", &present, &totals);
    add_figures(out, "tuned", &tuned, &totals);
    json_end_object(out);
}

static void add_change(const struct snapshot *policy, const struct tune_knob *knob,
                       struct value value, struct buffer *out) {
    static const char *const kinds[TUNABLE_KINDS] = {
        [TUNABLE_SCORE] = "score", [TUNABLE_LIMIT] = "limit", [TUNABLE_CUTOFF] = "cutoff"};
    const struct tunable *tunable = knob->tunable;
    char number[TUNE_NUMBER_SIZE];
    json_begin_object(out, NULL);
    json_add_text(out, "kind", text_of(kinds[tunable->kind]));
    if (tunable->kind == TUNABLE_CUTOFF)
        json_add_text(out, "verdict", text_of(verdict_name(tunable->verdict)));
    else
        json_add_text(out, "rule", policy->rules[tunable->rule].name);
    if (tunable->kind == TUNABLE_LIMIT)
        json_add_text(out, "compared", tunable->compared);
    json_add_text(out, "file", policy->files[tunable->file].path);
    json_add_unsigned(out, "line", tunable->line);
    json_add_number(out, "from", tune_number_format(tunable->value, number));
    json_add_number(out, "to", tune_number_format(value, number));
    json_end_object(out);
}

static void add_changes(const struct tune_document *document, const uint16_t *setting,
                        struct buffer *out) {
    const struct tune_problem *problem = tune_problem_of(document->tune);
    json_begin_array(out, "changes");
    for (size_t i = 0; i < problem->knob_count; i++)
        if (setting[i] != problem->knobs[i].present)
            add_change(problem->snapshot, &problem->knobs[i],
                       problem->knobs[i].candidates[setting[i]], out);
    json_end_array(out);
}

static void add_curve(const struct tune_document *document, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    struct tune_figures figures;
    struct tune_totals totals;
    tune_side_figures(document, REPORT_AGAINST, &figures, &totals);
    json_begin_array(out, "curve");
    for (size_t i = 0; i < found->curve_count; i++) {
        json_begin_object(out, NULL);
        add_changes(document, found->curve[i].setting, out);
        add_point(out, "training", document, &found->curve[i]);
        add_figures(out, "test", &document->confirmed.curve[i], &totals);
        json_end_object(out);
    }
    json_end_array(out);
}

void tune_json_format(const struct tune_document *document, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    struct buffer aim;
    buffer_init(&aim);
    tune_aim_words(document, &aim);
    json_begin_object(out, NULL);
    json_add_text(out, "policy", document->policy->name);
    json_add_hex(out, "snapshot_id", document->policy->id);
    json_add_hex(out, "tuned_snapshot_id", document->tuned->id);
    json_add_text(out, "aim", buffer_text(&aim));
    json_add_bool(out, "reached", found->is_feasible);
    json_add_bool(out, "reached_on_test", tune_reaches_aim(document));
    json_add_bool(out, "better", found->is_better);
    json_add_unsigned(out, "settings_measured", found->evaluations);
    add_ranges(document, out);
    json_begin_object(out, "differences");
    json_add_unsigned(out, "training", tune_train_different(document->tune));
    json_add_unsigned(out, "test_present", document->confirmed.different_present);
    json_add_unsigned(out, "test_tuned", document->confirmed.different_tuned);
    json_end_object(out);
    add_changes(document, found->best.setting, out);
    add_curve(document, out);
    json_add_unsigned(out, "flips", document->flips->count);
    json_add_unsigned(out, "cases", document->cases);
    json_add_unsigned(out, "failed_cases", document->failed_cases);
    json_add_text(out, "diff", document->diff);
    json_end_object(out);
    buffer_append_u8(out, '\n');
    buffer_deinit(&aim);
}
