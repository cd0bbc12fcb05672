/* The report on a terminal: the two sides beside each other, then the rules, the changed decisions
 * and what has to be minded.
 *
 * A terminal has room for two sides and few digits: everything else is in the JSON. Intervals are
 * 95 %. */
#include "replay_summary.h"

#include "clients/cli/terminal/quantity.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "replay_caveats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_SHOWN_MAX 40
#define NAME_WIDTH      28
#define LINE_WIDTH      100
#define CELL_SIZE       96

/* ---- cells ---- */

/* "-" where nothing is known. */
static const char *percent(const struct report_share *share, char ret_text[CELL_SIZE]) {
    if (share->is_known)
        snprintf(ret_text, CELL_SIZE, "%.2f %%", 100 * share->value);
    else
        snprintf(ret_text, CELL_SIZE, "-");
    return ret_text;
}

/* Half the line: only for the figures that decide. */
static const char *percent_with_interval(uint64_t count, uint64_t total, char ret_text[CELL_SIZE]) {
    struct report_share share = report_share(count, total);
    if (!share.is_known)
        return percent(&share, ret_text);
    snprintf(ret_text, CELL_SIZE, "%.2f %% (%.2f-%.2f)", 100 * share.value, 100 * share.low,
             100 * share.high);
    return ret_text;
}

/* 1234567 EUR minor → "12,345.67". Beyond 9 · 10^18 minor units: in powers of ten. */
static const char *money(double minor, unsigned digits, char ret_text[CELL_SIZE]) {
    char number[QUANTITY_COUNT_SIZE];
    double magnitude = fabs(minor);
    uint64_t unit = (uint64_t)pow(10, digits);
    if (!(magnitude < 9e18)) {
        snprintf(ret_text, CELL_SIZE, "%.6g", minor / (double)unit);
        return ret_text;
    }
    uint64_t rounded = (uint64_t)llround(magnitude), rest = rounded % unit;
    size_t length =
        (size_t)snprintf(ret_text, CELL_SIZE, "%s%s%s", minor < 0 && rounded > 0 ? "-" : "",
                         quantity_format_count(rounded / unit, number), digits > 0 ? "." : "");
    for (unsigned i = digits; i-- > 0; rest /= 10)
        ret_text[length + i] = (char)('0' + rest % 10);
    ret_text[length + digits] = '\0';
    return ret_text;
}

/* Three columns: label, replayed, compared with. */
static void put_pair(struct buffer *out, const char *what, const char *replayed,
                     const char *against) {
    buffer_printf(out, "%-26s%26s%26s\n", what, replayed, against);
}

/* ---- verdicts and outcomes ---- */

/* Count and share for both sides. */
static void put_verdict(struct buffer *out, const char *what, uint64_t replayed, uint64_t against,
                        uint64_t rows) {
    char cells[REPORT_SIDES][CELL_SIZE], share[CELL_SIZE], number[QUANTITY_COUNT_SIZE];
    const uint64_t counts[REPORT_SIDES] = {replayed, against};
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        struct report_share of = report_share(counts[side], rows);
        snprintf(cells[side], CELL_SIZE, "%s%11s", quantity_format_count(counts[side], number),
                 percent(&of, share));
    }
    put_pair(out, what, cells[REPORT_REPLAYED], cells[REPORT_AGAINST]);
}

/* Alerts are all verdicts but approve. */
static void put_verdicts(const struct replay_document *document, struct buffer *out) {
    const struct report_tally *tally = &document->figures->tally;
    const struct report_side_tally *replayed = &tally->sides[REPORT_REPLAYED],
                                   *against = &tally->sides[REPORT_AGAINST];
    uint64_t rows = report_rows(tally);
    buffer_append_u8(out, '\n');
    put_pair(out, "verdict", "replayed", document->against ? "against" : "archived");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        put_verdict(out, verdict_name(verdict), report_verdict_rows(replayed, verdict),
                    report_verdict_rows(against, verdict), rows);
    put_verdict(out, "alerts", rows - report_verdict_rows(replayed, VERDICT_APPROVE),
                rows - report_verdict_rows(against, VERDICT_APPROVE), rows);
}

/* Empty classes are left out, fraud never: 0 is news. */
static void put_classes(const struct report_tally *tally, struct buffer *out) {
    static const struct {
        enum report_class class;
        const char *what;
    } classes[] = {
        {REPORT_POSITIVE, "fraud"},
        {REPORT_NEGATIVE, "legit"},
        {REPORT_UNKNOWN, "without an outcome"},
        {REPORT_IMMATURE, "too recent"},
        {REPORT_SUSPECTED, "suspected"},
    };
    const char *separator = "";
    char number[QUANTITY_COUNT_SIZE];
    buffer_append_string(out, "known today   ");
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        uint64_t rows = report_class_rows(tally, classes[i].class);
        if (rows == 0 && classes[i].class != REPORT_POSITIVE)
            continue;
        buffer_printf(out, "%s%s %s", separator, quantity_format_count(rows, number),
                      classes[i].what);
        separator = ", ";
    }
    buffer_append_u8(out, '\n');
}

/* ---- right and wrong ---- */

/* One line of the table of figures: the same for both sides. */
typedef const char *cell_writer(const struct replay_document *document,
                                const struct report_detection *detection, char ret_text[CELL_SIZE]);

static const char *write_precision(const struct replay_document *document,
                                   const struct report_detection *of, char ret_text[CELL_SIZE]) {
    (void)document;
    return percent_with_interval(of->true_positive, of->true_positive + of->false_positive,
                                 ret_text);
}

static const char *write_recall(const struct replay_document *document,
                                const struct report_detection *of, char ret_text[CELL_SIZE]) {
    (void)document;
    return percent_with_interval(of->true_positive, of->true_positive + of->false_negative,
                                 ret_text);
}

static const char *write_ratio(const struct replay_document *document,
                               const struct report_detection *of, char ret_text[CELL_SIZE]) {
    (void)document;
    if (of->true_positive > 0)
        snprintf(ret_text, CELL_SIZE, "%.2f",
                 (double)of->false_positive / (double)of->true_positive);
    else
        snprintf(ret_text, CELL_SIZE, "-");
    return ret_text;
}

/* Without a policy there is no currency, and no decimals. */
static unsigned digits_of(const struct replay_document *document) {
    return document->policy ? document->policy->schema.base_digits : 0;
}

static const char *write_caught(const struct replay_document *document,
                                const struct report_detection *of, char ret_text[CELL_SIZE]) {
    return money((double)of->caught, digits_of(document), ret_text);
}

static const char *write_missed(const struct replay_document *document,
                                const struct report_detection *of, char ret_text[CELL_SIZE]) {
    return money((double)of->missed, digits_of(document), ret_text);
}

static const char *write_wrong(const struct replay_document *document,
                               const struct report_detection *of, char ret_text[CELL_SIZE]) {
    return money((double)of->declined_wrongly, digits_of(document), ret_text);
}

static const char *write_reviews(const struct replay_document *document,
                                 const struct report_detection *of, char ret_text[CELL_SIZE]) {
    return money((double)of->review_cost, digits_of(document), ret_text);
}

static const char *write_net(const struct replay_document *document,
                             const struct report_detection *of, char ret_text[CELL_SIZE]) {
    return money((double)of->net, digits_of(document), ret_text);
}

static const char *write_spread(const struct replay_document *document,
                                const struct report_detection *of, char ret_text[CELL_SIZE]) {
    char half[CELL_SIZE];
    snprintf(ret_text, CELL_SIZE, "± %.40s", money(of->net_half, digits_of(document), half));
    return ret_text;
}

/* The lines are a table, so that order and labels are in one place. */
static void put_detection(const struct replay_document *document, struct buffer *out) {
    const struct report_tally *tally = &document->figures->tally;
    struct report_detection sides[REPORT_SIDES];
    char price[CELL_SIZE], reviews[64];
    snprintf(reviews, sizeof reviews, "reviews at %.32s",
             money((double)document->review_price_minor, digits_of(document), price));
    const struct {
        const char *what;
        cell_writer *write;
    } lines[] = {
        {"precision (95 %)", write_precision},
        {"recall (95 %)", write_recall},
        {"false alerts per fraud", write_ratio},
        {"money caught", write_caught},
        {"money missed", write_missed},
        {"money wrongly declined", write_wrong},
        {reviews, write_reviews},
        {"net", write_net},
        {"  (95 %)", write_spread},
    };
    for (size_t side = 0; side < REPORT_SIDES; side++)
        sides[side] = report_detection(&tally->sides[side], document->review_price_minor);
    buffer_append_u8(out, '\n');
    put_pair(out, document->policy ? document->policy->schema.base_currency : "", "replayed",
             document->against ? "against" : "archived");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char replayed[CELL_SIZE], against[CELL_SIZE];
        put_pair(out, lines[i].what, lines[i].write(document, &sides[REPORT_REPLAYED], replayed),
                 lines[i].write(document, &sides[REPORT_AGAINST], against));
    }
}

/* ---- ranking ---- */

/* Four digits; "-" where it cannot be computed. */
static const char *fraction(bool is_known, double value, char ret_text[CELL_SIZE]) {
    snprintf(ret_text, CELL_SIZE, is_known ? "%.4f" : "-", value);
    return ret_text;
}

/* Computed here from the same functions as in the JSON. */
static void put_ranking(const struct replay_document *document, struct buffer *out) {
    const struct report_figures *figures = document->figures;
    char cells[3][REPORT_SIDES][CELL_SIZE], what[64];
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        const struct report_scores *scores = figures->ranking[side];
        double auc = 0, precision = 0, cards = 0;
        bool has_auc = report_auc(scores, &auc);
        bool has_precision = report_average_precision(scores, &precision);
        for (size_t i = 0; i < figures->card_day_count; i++)
            cards += (double)figures->card_days[i].found[side] / (double)document->command->k;
        fraction(has_auc, auc, cells[0][side]);
        fraction(has_precision, precision, cells[1][side]);
        fraction(figures->card_day_count > 0, cards / (double)figures->card_day_count,
                 cells[2][side]);
    }
    put_pair(out, "AUC of the score", cells[0][REPORT_REPLAYED], cells[0][REPORT_AGAINST]);
    put_pair(out, "average precision", cells[1][REPORT_REPLAYED], cells[1][REPORT_AGAINST]);
    snprintf(what, sizeof what, "card precision at %" PRIu64, document->command->k);
    put_pair(out, what, cells[2][REPORT_REPLAYED], cells[2][REPORT_AGAINST]);
}

/* ---- rules ---- */

/* Long names are cut: the columns behind them matter more. */
static void put_rule(const struct report_rule *rule, struct buffer *out) {
    const struct report_rule_tally *tally = &rule->tally;
    char fires[QUANTITY_COUNT_SIZE], alone[QUANTITY_COUNT_SIZE], alerts[QUANTITY_COUNT_SIZE],
        frauds[QUANTITY_COUNT_SIZE], share_text[CELL_SIZE];
    uint64_t positive = tally->classes[REPORT_POSITIVE];
    struct report_share precision = report_share(
        positive, positive + tally->classes[REPORT_NEGATIVE] + tally->classes[REPORT_UNKNOWN]);
    buffer_printf(out, "%-*.*s", NAME_WIDTH, (int)rule->rule->name.length, rule->rule->name.data);
    buffer_printf(out, "%13s%13s%11s%13s%11s%s\n", quantity_format_count(tally->fires, fires),
                  quantity_format_count(tally->alone, alone), percent(&precision, share_text),
                  quantity_format_count(tally->added_alerts, alerts),
                  quantity_format_count(tally->added_positive, frauds),
                  rule->rule->mode == RULE_SHADOW ? "  in shadow" : "");
}

/* Those that fired most first; the order of the policy settles the rest. */
static int compare_rules(const void *a, const void *b) {
    const struct report_rule *first = *(const struct report_rule *const *)a,
                             *second = *(const struct report_rule *const *)b;
    if (first->tally.fires != second->tally.fires)
        return first->tally.fires > second->tally.fires ? -1 : 1;
    return (first > second) - (first < second);
}

/* Rules that never fired are only counted. */
static void put_rules(const struct report_rules *rules, struct buffer *out) {
    size_t fired = 0;
    const struct report_rule **order = check_calloc(rules->count + 1, sizeof *order);
    for (size_t i = 0; i < rules->count; i++)
        if (rules->rules[i].tally.fires > 0)
            order[fired++] = &rules->rules[i];
    if (fired > 0)
        qsort(order, fired, sizeof *order, compare_rules);
    size_t count = fired < RULES_SHOWN_MAX ? fired : RULES_SHOWN_MAX;
    buffer_printf(out, "\n%-*s%13s%13s%11s%13s%11s\n", NAME_WIDTH, "rule", "fires", "alone",
                  "precision", "adds alerts", "and fraud");
    for (size_t i = 0; i < count; i++)
        put_rule(order[i], out);
    free(order);
    if (fired > count)
        buffer_printf(out, "… and %zu more (--json lists all)\n", fired - count);
    if (rules->count > fired)
        buffer_printf(out, "%zu of %zu rules never fired\n", rules->count - fired, rules->count);
}

/* ---- changed decisions ---- */

/* The rules that made the severer of the two verdicts. */
static void put_reasons(const struct report_decision *reported, struct buffer *out) {
    const char *separator = ": ";
    for (size_t i = 0; i < reported->reason_count; i++) {
        const struct report_reason *reason = &reported->reasons[i];
        if (reason->shadow || reason->suppressed)
            continue;
        buffer_printf(out, "%s%" TEXT_FORMAT, separator, TEXT_ARGS(reason->rule));
        separator = ", ";
    }
}

/* From → to, the rules in between, and the outcome if there is one. */
static void put_change(const struct report_change *change, struct buffer *out) {
    const struct report_decision *replayed = &change->sides[REPORT_REPLAYED],
                                 *against = &change->sides[REPORT_AGAINST];
    buffer_printf(out, "  position %" PRIu64 "  %" TEXT_FORMAT "  %s (%u) → %s (%u)",
                  change->position, TEXT_ARGS(change->id), verdict_name(against->verdict),
                  against->score, verdict_name(replayed->verdict), replayed->score);
    put_reasons(replayed->verdict > against->verdict ? replayed : against, out);
    if (change->label != LABEL_NONE)
        buffer_printf(out, "; %s", label_name(change->label));
    buffer_append_u8(out, '\n');
}

/* The matrix's upper half is what became stricter. */
static void put_changes(const struct replay_document *document, struct buffer *out) {
    const struct report_figures *figures = document->figures;
    char changed[QUANTITY_COUNT_SIZE], strict[QUANTITY_COUNT_SIZE], mild[QUANTITY_COUNT_SIZE];
    uint64_t stricter = 0, most = replay_command_reported(document->command);
    for (enum verdict a = VERDICT_APPROVE; a < VERDICT_COUNT; a++)
        for (enum verdict b = a + 1; b < VERDICT_COUNT; b++)
            stricter += figures->tally.matrix[a][b];
    buffer_printf(out, "\n%s verdict%s changed: %s stricter, %s milder\n",
                  quantity_format_count(figures->changed, changed),
                  figures->changed == 1 ? "" : "s", quantity_format_count(stricter, strict),
                  quantity_format_count(figures->changed - stricter, mild));
    size_t shown = figures->changes.count < most ? figures->changes.count : (size_t)most;
    for (size_t i = 0; i < shown; i++)
        put_change(&figures->changes.of[i], out);
    if (shown > 0 && shown < figures->changed)
        buffer_printf(out, "  … (--list N for more, --json and --html with their reasons)\n");
}

/* Only what has moved: an index for each input would fill the screen. */
static void put_models(const struct report_figures *figures, struct buffer *out) {
    size_t moved = 0;
    for (size_t i = 0; i < figures->model_drift_count; i++) {
        const struct report_model_drift *row = &figures->model_drift[i];
        enum model_drift_level level = model_drift_level(&row->drift);
        if (level == MODEL_DRIFT_STABLE)
            continue;
        if (moved++ == 0)
            buffer_append_string(out, "\nModels, other than in their training (stability index)\n");
        buffer_printf(out, "  %-6s %6.3f  models.%" TEXT_FORMAT ": ",
                      level == MODEL_DRIFT_SHIFT ? "shift" : "moved", row->drift.index,
                      TEXT_ARGS(row->model));
        if (row->drift.input.length == 0)
            buffer_append_string(out, "the score\n");
        else
            buffer_printf(out, "%" TEXT_FORMAT ", missing in %.1f %%, in training in %.1f %%\n",
                          TEXT_ARGS(row->drift.input),
                          100 * (double)row->drift.missing / (double)row->drift.rows,
                          100 * (double)row->drift.missing_before / (double)row->drift.rows_before);
    }
    if (moved == 0 && figures->model_drift_count > 0)
        buffer_append_string(out, "\nModels: no input and no score has moved since training\n");
}

/* ---- caveats ---- */

/* Characters of UTF-8 up to the next space. */
static size_t word_width(const char *word, size_t *ret_bytes) {
    size_t width = 0, bytes = 0;
    for (; word[bytes] && word[bytes] != ' '; bytes++)
        width += text_begins_character(word[bytes]);
    *ret_bytes = bytes;
    return width;
}

/* A list item of lines no longer than LINE_WIDTH; words are never broken. */
static void put_wrapped(struct buffer *out, const char *text) {
    size_t column = 0;
    buffer_append_string(out, "  -");
    for (size_t bytes; *text; text += bytes + (text[bytes] == ' ')) {
        size_t width = word_width(text, &bytes);
        if (column > 0 && column + width + 5 > LINE_WIDTH) {
            buffer_append_string(out, "\n   ");
            column = 0;
        }
        buffer_printf(out, " %.*s", (int)bytes, text);
        column += width + 1;
    }
    buffer_append_u8(out, '\n');
}

/* No heading without a caveat. */
static void put_caveats(const struct replay_document *document, struct buffer *out) {
    struct replay_caveat caveats[REPLAY_CAVEATS_MAX];
    size_t count = replay_caveats(document, caveats);
    if (count > 0)
        buffer_append_string(out, "\nNotes\n");
    for (size_t i = 0; i < count; i++)
        put_wrapped(out, caveats[i].text);
}

/* ---- the whole ---- */

/* Which policies and which time span the figures are of. */
static void put_head(const struct replay_document *document, struct buffer *out) {
    const struct report_figures *figures = document->figures;
    char first[64], last[64], id[HASH_HEX_SIZE];
    if (document->command->policy) {
        hash_hex(document->policy->id, id);
        buffer_printf(out, "policy        %" TEXT_FORMAT " %s", TEXT_ARGS(document->policy->name),
                      id);
        if (document->against) {
            hash_hex(document->against->id, id);
            buffer_printf(out, " against %" TEXT_FORMAT " %s", TEXT_ARGS(document->against->name),
                          id);
        }
        buffer_append_u8(out, '\n');
    }
    if (figures->transactions == 0)
        return;
    value_format(value_timestamp(figures->first_us), first, sizeof first);
    value_format(value_timestamp(figures->last_us), last, sizeof last);
    buffer_printf(out, "event times   %s to %s%s%s%s\n", first, last,
                  document->command->known_now ? ", as known now" : "",
                  document->command->counterfactual ? ", counterfactual" : "",
                  document->command->walk_forward ? ", walk-forward" : "");
    put_classes(&figures->tally, out);
}

void replay_summary_format(const struct replay_document *document, struct buffer *out) {
    put_head(document, out);
    if (document->figures->transactions > 0) {
        put_verdicts(document, out);
        put_detection(document, out);
        put_ranking(document, out);
        if (document->figures->rules.count > 0)
            put_rules(&document->figures->rules, out);
        put_models(document->figures, out);
        put_changes(document, out);
    }
    put_caveats(document, out);
}
