/* In this order: what was searched; both policies on both ranges; the changes; the trade-off curve;
 * what flips; the diff; what the result is worth. A figure of the test range is one of the replay
 * that confirms the result, but for the curve's, which the search foresees. */
#include "tune_text.h"

#include "batch/base/day.h"
#include "batch/tune/tune_candidates.h"
#include "clients/cli/io/money.h"
#include "clients/cli/replay/replay_caveats.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_SIZE 64

/* One policy on one range, from whichever source. */
struct policy_column {
    double days;
    uint64_t alerts, caught, positive, false_alerts, declined_wrongly;
    report_sum caught_amount, amount;
};

static struct policy_column column_of(const struct tune_figures *figures,
                                      const struct tune_totals *totals) {
    return (struct policy_column){.days = totals->days,
                                  .alerts = figures->alerts,
                                  .caught = figures->caught,
                                  .positive = totals->positive,
                                  .false_alerts = figures->false_alerts,
                                  .declined_wrongly = figures->declined_wrongly,
                                  .caught_amount = figures->caught_amount,
                                  .amount = totals->amount};
}

static struct policy_column train_column(const struct tune_document *document,
                                         const struct tune_point *point) {
    const struct tune_found *found = tune_result(document->tune);
    struct tune_figures figures = tune_figures_sum(point->figures);
    struct tune_totals totals = tune_totals_sum(found->totals);
    return column_of(&figures, &totals);
}

static struct policy_column test_column(const struct tune_document *document,
                                        enum report_side side) {
    struct tune_figures figures;
    struct tune_totals totals;
    tune_side_figures(document, side, &figures, &totals);
    return column_of(&figures, &totals);
}

/* ---- cells ---- */

static void put_share(double part, double all, char cell[CELL_SIZE]) {
    if (all > 0)
        snprintf(cell, CELL_SIZE, "%.2f %%", 100 * part / all);
    else
        snprintf(cell, CELL_SIZE, "-");
}

static void put_count(uint64_t count, char cell[CELL_SIZE]) {
    char number[QUANTITY_COUNT_SIZE];
    snprintf(cell, CELL_SIZE, "%s", quantity_format_count(count, number));
}

static void put_money(const struct tune_document *document, report_sum minor,
                      char cell[CELL_SIZE]) {
    const struct schema *schema = &document->policy->schema;
    char money[MONEY_SIZE];
    if (minor > INT64_MAX || minor < INT64_MIN)
        snprintf(cell, CELL_SIZE, "%.6g", (double)minor / pow(10, schema->base_digits));
    else
        snprintf(cell, CELL_SIZE, "%s",
                 money_format((int64_t)minor, text_of(schema->base_currency), money));
}

enum line {
    LINE_ALERTS,
    LINE_PRECISION,
    LINE_RECALL,
    LINE_CAUGHT,
    LINE_FALSE,
    LINE_MONEY,
    LINE_MISSED,
    LINE_DECLINED,
    LINES
};

static void put_cell(const struct tune_document *document, enum line line,
                     const struct policy_column *of, char cell[CELL_SIZE]) {
    switch (line) {
    case LINE_ALERTS:
        snprintf(cell, CELL_SIZE, "%.2f", (double)of->alerts / of->days);
        break;
    case LINE_PRECISION:
        put_share((double)of->caught, (double)(of->caught + of->false_alerts), cell);
        break;
    case LINE_RECALL:
        put_share((double)of->caught, (double)of->positive, cell);
        break;
    case LINE_CAUGHT:
        put_count(of->caught, cell);
        break;
    case LINE_FALSE:
        if (of->caught > 0)
            snprintf(cell, CELL_SIZE, "%.2f", (double)of->false_alerts / (double)of->caught);
        else
            snprintf(cell, CELL_SIZE, "-");
        break;
    case LINE_MONEY:
        put_money(document, of->caught_amount, cell);
        break;
    case LINE_MISSED:
        put_money(document, of->amount - of->caught_amount, cell);
        break;
    case LINE_DECLINED:
        put_count(of->declined_wrongly, cell);
        break;
    case LINES:
        break;
    }
}

/* ---- parts of the report ---- */

static void put_time(struct buffer *out, int64_t us) {
    char text[64];
    value_format(value_timestamp(us), text, sizeof text);
    size_t length = us % DAY_US == 0 ? strlen("2026-01-31") : strlen(text);
    buffer_append(out, text, length);
}

static void put_range(struct buffer *out, const char *what, const struct tune_range *range,
                      uint64_t rows, uint64_t positive, const char *known) {
    char number[2][QUANTITY_COUNT_SIZE];
    buffer_printf(out, "%-14s", what);
    put_time(out, range->from_us);
    buffer_append_string(out, " to before ");
    put_time(out, range->until_us);
    buffer_printf(out, ": %s transactions, %s of them fraud%s\n",
                  quantity_format_count(rows, number[0]),
                  quantity_format_count(positive, number[1]), known);
}

static void put_head(const struct tune_document *document, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    const struct tune_problem *problem = tune_problem_of(document->tune);
    struct tune_totals train = tune_totals_sum(found->totals), test;
    struct tune_figures figures;
    char id[HASH_HEX_SIZE], number[QUANTITY_COUNT_SIZE];
    size_t knobs = 0;
    for (size_t i = 0; i < problem->knob_count; i++)
        knobs += problem->knobs[i].count > 1;
    tune_side_figures(document, REPORT_REPLAYED, &figures, &test);
    hash_hex(document->policy->id, id);
    buffer_printf(out, "policy        %" TEXT_FORMAT ", snapshot %s\n",
                  TEXT_ARGS(document->policy->name), id);
    put_range(out, "training", &document->command->train, train.rows, train.positive,
              " as known when the test begins");
    put_range(out, "test", &document->command->test, test.rows, test.positive, "");
    buffer_append_string(out, "aim           ");
    tune_aim_words(document, out);
    buffer_printf(out,
                  "\nsearched      %zu numbers of %zu rules and of the cut-offs; %s settings "
                  "measured\n",
                  knobs, problem->rule_count, quantity_format_count(found->evaluations, number));
}

static void put_table(const struct tune_document *document, struct buffer *out) {
    static const char *const names[LINES] = {
        [LINE_ALERTS] = "alerts a day",
        [LINE_PRECISION] = "precision",
        [LINE_RECALL] = "recall",
        [LINE_CAUGHT] = "frauds caught",
        [LINE_FALSE] = "false alerts per fraud",
        [LINE_MONEY] = "fraud money caught",
        [LINE_MISSED] = "fraud money missed",
        [LINE_DECLINED] = "wrongly declined",
    };
    const struct tune_found *found = tune_result(document->tune);
    const struct policy_column columns[] = {
        train_column(document, &found->present), train_column(document, &found->best),
        test_column(document, REPORT_AGAINST), test_column(document, REPORT_REPLAYED)};
    buffer_printf(out, "\n%-24s%32s%36s\n%-24s%16s%16s  |%17s%16s\n", "", "training", "test", "",
                  "present", "tuned", "present", "tuned");
    for (enum line line = 0; line < LINES; line++) {
        char cells[4][CELL_SIZE];
        for (size_t i = 0; i < 4; i++)
            put_cell(document, line, &columns[i], cells[i]);
        buffer_printf(out, "%-24s%16s%16s  |%17s%16s\n", names[line], cells[0], cells[1], cells[2],
                      cells[3]);
    }
}

static bool has_budget(const struct snapshot *policy, enum verdict verdict) {
    for (size_t i = 0; i < policy->budget_count; i++)
        if (policy->budgets[i].verdict == verdict)
            return true;
    return false;
}

static void put_changes(const struct tune_document *document, struct buffer *out) {
    static const char *const relations[] = {
        [BELOW] = "<", [AT_MOST] = "<=", [ABOVE] = ">", [AT_LEAST] = ">="};
    const struct snapshot *policy = tune_tunables(document->tune)->snapshot;
    buffer_printf(out, "\n%zu change%s\n", document->change_count,
                  document->change_count == 1 ? "" : "s");
    for (size_t i = 0; i < document->change_count; i++) {
        const struct tunable *tunable = document->changes[i].knob->tunable;
        char before[TUNE_NUMBER_SIZE], after[TUNE_NUMBER_SIZE];
        tune_number_format(tunable->value, before);
        tune_number_format(document->changes[i].value, after);
        if (tunable->kind == TUNABLE_CUTOFF)
            buffer_printf(out, "  cut-off for %s: %s -> %s%s\n", verdict_name(tunable->verdict),
                          before, after,
                          has_budget(policy, tunable->verdict)
                              ? " (until a rebuild moves it, by the budget in thresholds.yaml)"
                              : "");
        else if (tunable->kind == TUNABLE_SCORE)
            buffer_printf(out, "  %" TEXT_FORMAT ": score %s -> %s\n",
                          TEXT_ARGS(policy->rules[tunable->rule].name), before, after);
        else
            buffer_printf(out, "  %" TEXT_FORMAT ": %" TEXT_FORMAT " %s %s -> %s\n",
                          TEXT_ARGS(policy->rules[tunable->rule].name),
                          TEXT_ARGS(tunable->compared), relations[tunable->relation], before,
                          after);
    }
}

static bool is_point(const struct tune_document *document, const struct tune_point *point,
                     const struct tune_point *other) {
    size_t size = tune_problem_of(document->tune)->knob_count * sizeof *point->setting;
    return memcmp(point->setting, other->setting, size) == 0;
}

static void put_curve(const struct tune_document *document, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    struct tune_figures present;
    struct tune_totals totals;
    tune_side_figures(document, REPORT_AGAINST, &present, &totals);
    buffer_printf(out,
                  "\ntrade-off: settings that no other one of the search beats on the training "
                  "range\n%24s%46s\n%12s%12s%12s  |%12s%12s%12s%12s\n",
                  "training", "test", "alerts/day", "precision", "recall", "alerts/day",
                  "precision", "recall", "changes");
    for (size_t i = 0; i < found->curve_count; i++) {
        const struct tune_point *point = &found->curve[i];
        const struct policy_column columns[] = {train_column(document, point),
                                                column_of(&document->confirmed.curve[i], &totals)};
        for (size_t c = 0; c < 2; c++) {
            static const enum line lines[] = {LINE_ALERTS, LINE_PRECISION, LINE_RECALL};
            char cell[CELL_SIZE];
            for (size_t l = 0; l < 3; l++) {
                put_cell(document, lines[l], &columns[c], cell);
                buffer_printf(out, "%12s", cell);
            }
            buffer_append_string(out, c == 0 ? "  |" : "");
        }
        buffer_printf(out, "%12zu%s%s\n",
                      tune_setting_changes(tune_problem_of(document->tune), point->setting),
                      is_point(document, point, &found->present) ? "  present" : "",
                      is_point(document, point, &found->best) &&
                              !is_point(document, point, &found->present)
                          ? "  tuned"
                          : "");
    }
}

static void put_flips(const struct tune_document *document, struct buffer *out) {
    const struct tune_flips *flips = document->flips;
    char number[2][QUANTITY_COUNT_SIZE];
    buffer_printf(out, "\n%s test transaction%s another verdict",
                  quantity_format_count(flips->count, number[0]),
                  flips->count == 1 ? " gets" : "s get");
    if (flips->count > flips->listed)
        buffer_printf(out, "; the first %s (--flips FILE has all)",
                      quantity_format_count(flips->listed, number[1]));
    buffer_append_u8(out, '\n');
    if (flips->lines.length == 0)
        return;
    buffer_append_string(out, tune_flips_header);
    buffer_append(out, flips->lines.bytes, flips->lines.length);
}

/* "12 more frauds", "as many frauds" */
static void put_difference(struct buffer *out, uint64_t tuned, uint64_t present, const char *what) {
    char number[QUANTITY_COUNT_SIZE];
    if (tuned == present)
        buffer_printf(out, "as many %s", what);
    else if (tuned > present)
        buffer_printf(out, "%s more %s", quantity_format_count(tuned - present, number), what);
    else
        buffer_printf(out, "%s fewer %s", quantity_format_count(present - tuned, number), what);
}

/* ", 12.50 EUR less fraud money": more frauds may be smaller ones. */
static void put_money_difference(const struct tune_document *document, report_sum difference,
                                 struct buffer *out) {
    char cell[CELL_SIZE];
    if (difference == 0)
        return;
    put_money(document, difference < 0 ? -difference : difference, cell);
    buffer_printf(out, ", %s %s %s fraud money", cell, document->policy->schema.base_currency,
                  difference < 0 ? "less" : "more");
}

static void put_failed_cases(const struct tune_document *document, struct buffer *out) {
    if (document->failed_cases > document->failed_before)
        buffer_printf(out,
                      "%zu of the policy's %zu cases fail with these numbers (%zu before): change "
                      "them too, or a server refuses the policy. `harrier test` shows them.\n",
                      document->failed_cases, document->cases, document->failed_before);
}

/* What the aim asks for most of: frauds, or their money. */
static bool catches_more(const struct tune_document *document, report_sum tuned,
                         report_sum tuned_amount, report_sum present, report_sum present_amount) {
    return document->aim->by_amount ? tuned_amount > present_amount : tuned > present;
}

/* What the table of figures does not say by itself. */
static void put_warnings(const struct tune_document *document, const struct policy_column *present,
                         const struct policy_column *tuned, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    const struct tune_figures best = tune_figures_sum(found->best.figures),
                              now = tune_figures_sum(found->present.figures);
    if (document->aim->at_present_rate &&
        !catches_more(document, best.caught, best.caught_amount, now.caught, now.caught_amount))
        buffer_append_string(out, "With as many alerts as at present, no setting was found that "
                                  "catches more.\n");
    if (!catches_more(document, tuned->caught, tuned->caught_amount, present->caught,
                      present->caught_amount) &&
        tuned->alerts >= present->alerts)
        buffer_append_string(
            out, "What it gains on the training range does not hold: do not adopt it.\n");
    if (!tune_reaches_aim(document))
        buffer_append_string(
            out, "It reaches the aim on the training range, but not on the test range.\n");
    if (tuned->declined_wrongly > present->declined_wrongly)
        put_difference(out, tuned->declined_wrongly, present->declined_wrongly,
                       "honest transactions are declined on the test range.\n");
}

/* Honestly: what the test range says of the result. */
static void put_conclusion(const struct tune_document *document, struct buffer *out) {
    const struct tune_found *found = tune_result(document->tune);
    struct policy_column present = test_column(document, REPORT_AGAINST),
                         tuned = test_column(document, REPORT_REPLAYED);
    if (!found->is_better) {
        buffer_append_string(
            out, !found->is_feasible
                     ? "\nNo setting of these numbers reaches the aim on the training range. The "
                       "policy stays as it is.\n"
                     : "\nNo setting of these numbers is better on the training range by more than "
                       "its changes are worth. The policy stays as it is.\n");
        return;
    }
    buffer_append_string(out,
                         "\nOn the test range, which the search has not seen, the tuned policy "
                         "catches ");
    put_difference(out, tuned.caught, present.caught, "frauds");
    buffer_append_string(out, " with ");
    put_difference(out, tuned.alerts, present.alerts, "alerts");
    put_money_difference(document, tuned.caught_amount - present.caught_amount, out);
    buffer_append_string(out, ", compared with the present one.\n");
    put_warnings(document, &present, &tuned, out);
    put_failed_cases(document, out);
}

static void put_checks(const struct tune_document *document, struct buffer *out) {
    uint64_t train = tune_train_different(document->tune),
             present = document->confirmed.different_present,
             tuned = document->confirmed.different_tuned;
    if (train + present + tuned == 0)
        buffer_append_string(out, "\nThe search foresaw every verdict and score of both replays: 0 "
                                  "differences.\n");
    else
        buffer_printf(out,
                      "\nThe search foresaw %" PRIu64 " decisions of the training range, %" PRIu64
                      " of the present policy and %" PRIu64
                      " of the tuned one on the test range otherwise than the replays. The "
                      "figures of the test range are those of the replay.\n",
                      train, present, tuned);
    if (replay_follows_verdicts(document->policy))
        buffer_append_string(
            out, "Features over verdicts, fired() and suppressions follow the verdicts in the "
                 "archive. Live, they follow the tuned policy's; `harrier replay --counterfactual` "
                 "shows how much that changes.\n");
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
        if (tune_cutoff_is_adopted(document->tune, verdict))
            buffer_printf(out,
                          "The cut-off for %s comes from a budget in thresholds.yaml; it was not "
                          "tuned.\n",
                          verdict_name(verdict));
}

void tune_text_format(const struct tune_document *document, struct buffer *out) {
    put_head(document, out);
    put_table(document, out);
    put_checks(document, out);
    if (document->change_count > 0)
        put_changes(document, out);
    put_curve(document, out);
    if (document->change_count > 0)
        put_flips(document, out);
    if (document->diff.length > 0) {
        buffer_append_u8(out, '\n');
        buffer_append(out, document->diff.data, document->diff.length);
    }
    put_conclusion(document, out);
}
