/* Figures have four decimals in the text, about what the intervals of a million transactions allow;
 * the JSON has them as they are. */
#include "promotion.h"

#include "clients/cli/io/money.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/base/value.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME      "  %-28s"
#define COLUMN    "%30s"
#define MONEY_MAX 9e18 /* doubles beyond it are no int64 */

static const char *const side_names[RANKING_SIDES] = {
    [SIDE_CANDIDATE] = "candidate", [SIDE_CHAMPION] = "champion"};

/* ---- text ---- */

static void put_head(const struct promotion *promotion, struct buffer *out) {
    const struct champion_report *report = &promotion->report;
    char hash[HASH_HEX_SIZE], from[QUANTITY_TIME_SIZE], until[QUANTITY_TIME_SIZE];
    for (size_t side = 0; side < RANKING_SIDES; side++) {
        hash_hex(report->sides[side].snapshot_id, hash);
        buffer_printf(out, "%s%s %s", side ? ", " : "", side_names[side], hash);
    }
    buffer_printf(out, "\n  from %s", quantity_format_time(promotion->from_us, from));
    if (promotion->until_us != INT64_MAX)
        buffer_printf(out, " until %s", quantity_format_time(promotion->until_us, until));
    if (promotion->cards.is_trained)
        buffer_printf(out, "; the candidate was trained until %s",
                      quantity_format_time(promotion->cards.until_us, until));
    buffer_append_u8(out, '\n');
}

static void put_rows(const struct champion_report *report, struct buffer *out) {
    const struct ranking_figures *figures = &report->figures;
    char number[QUANTITY_COUNT_SIZE], money[MONEY_SIZE];
    buffer_printf(out, "  %s transactions", quantity_format_count(figures->rows, number));
    buffer_printf(out, " on %s days", quantity_format_count(figures->days, number));
    buffer_printf(out, ", %s of them fraud", quantity_format_count(figures->positive, number));
    if (figures->money_minor > 0 && figures->money_minor < MONEY_MAX)
        buffer_printf(out, " (%s %s)",
                      money_format((int64_t)figures->money_minor, text_of(report->currency), money),
                      report->currency);
    buffer_append_u8(out, '\n');
}

static void put_left_out(const struct champion_report *report, struct buffer *out) {
    const struct {
        const char *what;
        uint64_t count;
    } left_out[] = {{"too young", report->immature},
                    {"suspected", report->suspected},
                    {"refused by the champion", report->champion_refused},
                    {"refused by the candidate only", report->refused}};
    char number[QUANTITY_COUNT_SIZE];
    const char *before = "  left out: ";
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i].count > 0) {
            buffer_printf(out, "%s%s %s", before, quantity_format_count(left_out[i].count, number),
                          left_out[i].what);
            before = ", ";
        }
    if (*before == ',')
        buffer_append_u8(out, '\n');
}

/* "0.6123 (0.5810 to 0.6402)"; of a difference with signs. */
static void put_figure(const struct ranking_figure *figure, bool is_difference,
                       struct buffer *out) {
    char cell[64] = "-";
    if (figure->has_interval)
        snprintf(cell, sizeof cell,
                 is_difference ? "%+.4f (%+.4f to %+.4f)" : "%.4f (%.4f to %.4f)", figure->value,
                 figure->low, figure->high);
    else if (figure->is_known)
        snprintf(cell, sizeof cell, is_difference ? "%+.4f" : "%.4f", figure->value);
    buffer_printf(out, COLUMN, cell);
}

static void put_name(enum ranking_metric metric, const struct promotion_request *request,
                     struct buffer *out) {
    char name[128], number[QUANTITY_COUNT_SIZE];
    const char *short_name = ranking_metric_name(metric);
    switch (metric) {
    case RANKING_AUC:
    case RANKING_AVERAGE_PRECISION:
        snprintf(name, sizeof name, "%s", short_name);
        break;
    case RANKING_PRECISION:
    case RANKING_RECALL:
    case RANKING_MONEY:
        snprintf(name, sizeof name, "%s, %s reviews a day", short_name,
                 quantity_format_count(request->reviews, number));
        break;
    case RANKING_CARD_PRECISION:
    case RANKING_METRIC_COUNT:
        snprintf(name, sizeof name, "%s, %s cards a day", short_name,
                 quantity_format_count(request->k, number));
        break;
    }
    buffer_printf(out, NAME, name);
}

static void put_figures(const struct promotion *promotion, const struct promotion_request *request,
                        struct buffer *out) {
    const struct ranking_figures *figures = &promotion->report.figures;
    buffer_printf(out, "\n" NAME COLUMN COLUMN COLUMN "\n", "", side_names[SIDE_CANDIDATE],
                  side_names[SIDE_CHAMPION], "difference");
    for (size_t i = 0; i < RANKING_METRIC_COUNT; i++) {
        put_name((enum ranking_metric)i, request, out);
        put_figure(&figures->sides[SIDE_CANDIDATE][i], false, out);
        put_figure(&figures->sides[SIDE_CHAMPION][i], false, out);
        put_figure(&figures->difference[i], true, out);
        buffer_append_u8(out, '\n');
    }
}

static void put_count(const char *name, uint64_t candidate, uint64_t champion, struct buffer *out) {
    char number[QUANTITY_COUNT_SIZE];
    buffer_printf(out, NAME, name);
    buffer_printf(out, COLUMN, quantity_format_count(candidate, number));
    buffer_printf(out, COLUMN "\n", quantity_format_count(champion, number));
}

static uint64_t alerts(const struct champion_side_counts *side) {
    uint64_t count = 0;
    for (size_t i = VERDICT_APPROVE + 1; i < VERDICT_COUNT; i++)
        count += side->verdicts[i];
    return count;
}

static void put_counts(const struct champion_report *report, struct buffer *out) {
    const struct champion_side_counts *a = &report->sides[SIDE_CANDIDATE],
                                      *b = &report->sides[SIDE_CHAMPION];
    put_count("alerts", alerts(a), alerts(b), out);
    put_count("declined", a->verdicts[VERDICT_DECLINE], b->verdicts[VERDICT_DECLINE], out);
    put_count("fraud with an alert", a->caught, b->caught, out);
}

void promotion_text(const struct promotion *promotion, const struct promotion_request *request,
                    struct buffer *out) {
    const struct champion_report *report = &promotion->report;
    char number[QUANTITY_COUNT_SIZE];
    put_head(promotion, out);
    put_rows(report, out);
    put_left_out(report, out);
    put_figures(promotion, request, out);
    put_counts(report, out);
    buffer_append_u8(out, '\n');
    if (report->rule_errors > 0)
        buffer_printf(out, "rules of the candidate failed in %s decisions\n",
                      quantity_format_count(report->rule_errors, number));
    if (promotion->flatters_champion)
        buffer_append_string(out, "the champion was trained on days of this range, which flatters "
                                  "its figures\n");
    for (size_t i = 0; i < request->terms.count; i++) {
        const struct promotion_term *term = &request->terms.terms[i];
        buffer_printf(out, "%s better by more than %g: %s\n", ranking_metric_name(term->metric),
                      term->margin, promotion_term_holds(term, report) ? "yes" : "no");
    }
}

/* ---- JSON ---- */

static void add_double(struct buffer *out, const char *key, double number) {
    json_add_value(out, text_of(key), (struct value){.type = VALUE_DOUBLE, .number = number});
}

static void add_figure(struct buffer *out, const char *key, const struct ranking_figure *figure) {
    json_begin_object(out, key);
    if (figure->is_known)
        add_double(out, "value", figure->value);
    if (figure->has_interval) {
        add_double(out, "low", figure->low);
        add_double(out, "high", figure->high);
    }
    json_end_object(out);
}

static void add_side(struct buffer *out, const struct champion_report *report, size_t side) {
    const struct champion_side_counts *counts = &report->sides[side];
    json_begin_object(out, side_names[side]);
    json_add_hex(out, "snapshot_id", counts->snapshot_id);
    json_begin_object(out, "verdicts");
    for (size_t i = VERDICT_APPROVE; i < VERDICT_COUNT; i++)
        json_add_unsigned(out, verdict_name((enum verdict)i), counts->verdicts[i]);
    json_end_object(out);
    json_add_unsigned(out, "fraud_with_alert", counts->caught);
    json_end_object(out);
}

static void add_metrics(struct buffer *out, const struct ranking_figures *figures) {
    json_begin_object(out, "metrics");
    for (size_t i = 0; i < RANKING_METRIC_COUNT; i++) {
        json_begin_object(out, ranking_metric_name((enum ranking_metric)i));
        for (size_t side = 0; side < RANKING_SIDES; side++)
            add_figure(out, side_names[side], &figures->sides[side][i]);
        add_figure(out, "difference", &figures->difference[i]);
        json_end_object(out);
    }
    json_end_object(out);
}

static void add_terms(struct buffer *out, const struct promotion_terms *terms,
                      const struct champion_report *report) {
    json_begin_array(out, "beats");
    for (size_t i = 0; i < terms->count; i++) {
        json_begin_object(out, NULL);
        json_add_text(out, "metric", text_of(ranking_metric_name(terms->terms[i].metric)));
        add_double(out, "margin", terms->terms[i].margin);
        json_add_bool(out, "holds", promotion_term_holds(&terms->terms[i], report));
        json_end_object(out);
    }
    json_end_array(out);
}

void promotion_json(const struct promotion *promotion, const struct promotion_request *request,
                    struct buffer *out) {
    const struct champion_report *report = &promotion->report;
    json_add_bool(out, "is_better", promotion->is_earned);
    add_side(out, report, SIDE_CANDIDATE);
    add_side(out, report, SIDE_CHAMPION);
    json_add_time(out, "from", promotion->from_us);
    if (promotion->until_us != INT64_MAX)
        json_add_time(out, "until", promotion->until_us);
    if (promotion->cards.is_trained)
        json_add_time(out, "trained_until", promotion->cards.until_us);
    json_add_bool(out, "flatters_champion", promotion->flatters_champion);
    json_add_unsigned(out, "days", report->figures.days);
    json_add_unsigned(out, "transactions", report->figures.rows);
    json_add_unsigned(out, "fraud", report->figures.positive);
    json_add_text(out, "currency", text_of(report->currency));
    add_double(out, "fraud_minor", report->figures.money_minor);
    json_add_unsigned(out, "immature", report->immature);
    json_add_unsigned(out, "suspected", report->suspected);
    json_add_unsigned(out, "champion_refused", report->champion_refused);
    json_add_unsigned(out, "candidate_refused", report->refused);
    json_add_unsigned(out, "rule_errors", report->rule_errors);
    json_add_unsigned(out, "reviews", request->reviews);
    json_add_unsigned(out, "k", request->k);
    add_metrics(out, &report->figures);
    add_terms(out, &request->terms, report);
}
