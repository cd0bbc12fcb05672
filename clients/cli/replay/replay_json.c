/* The report as one JSON object: docs/schema/replay-report.json.
 *
 * Members come in the schema's order. Numbers are printed with the fewest digits that read back
 * as the same double; sums of money are exact integers of up to 128 bits. What is not known is
 * null, never 0, and a member never disappears for lack of a value, so that a reader need not ask
 * first. */
#include "replay_json.h"

#include "clients/cli/output/drift_json.h"
#include "clients/cli/output/money_json.h"
#include "core/base/json_writer.h"
#include "replay_caveats.h"

#include <stdio.h>

#define SCORE_BIN 50

/* ---- numbers ---- */

/* As value_format() has it: the shortest digits. */
static void add_double(struct buffer *out, const char *key, double number) {
    char digits[64];
    value_format(value_double(number), digits, sizeof digits);
    json_add_number(out, key, digits);
}

static void add_null(struct buffer *out, const char *key) {
    json_add_number(out, key, "null");
}

/* A figure that has no value without data: null. */
static void add_known(struct buffer *out, const char *key, bool is_known, double number) {
    if (is_known)
        add_double(out, key, number);
    else
        add_null(out, key);
}

/* With its 95 % interval; without any cases all three are null. */
static void add_share(struct buffer *out, const char *key, uint64_t count, uint64_t total) {
    struct report_share share = report_share(count, total);
    json_begin_object(out, key);
    add_known(out, "value", share.is_known, share.value);
    add_known(out, "low", share.is_known, share.low);
    add_known(out, "high", share.is_known, share.high);
    json_end_object(out);
}

/* The two sides of every comparison, in the order of the figures. */
static const char *const side_names[REPORT_SIDES] = {"replayed", "against"};

/* ---- what it is about ---- */

/* `against` is a second policy, or what was archived. */
static void add_policies(const struct replay_document *document, struct buffer *out) {
    json_begin_object(out, "policy");
    if (document->policy) {
        json_add_text(out, "name", document->policy->name);
        json_add_hex(out, "snapshot", document->policy->id);
    }
    if (document->command->policy)
        json_add_text(out, "folder", text_of(document->command->policy));
    json_end_object(out);
    json_begin_object(out, "against");
    json_add_text(out, "kind", text_of(document->against ? "policy" : "archived"));
    if (document->against) {
        json_add_text(out, "name", document->against->name);
        json_add_hex(out, "snapshot", document->against->id);
        json_add_text(out, "folder", text_of(document->command->against));
    }
    json_end_object(out);
}

/* The span is that of the transactions in the range; the position is the last record that was
 * read. */
static void add_archive(const struct replay_document *document, struct buffer *out) {
    const struct report_figures *figures = document->figures;
    json_begin_object(out, "archive");
    if (figures->transactions > 0) {
        json_add_time(out, "from", figures->first_us);
        json_add_time(out, "to", figures->last_us);
    } else {
        add_null(out, "from");
        add_null(out, "to");
    }
    json_add_unsigned(out, "transactions", figures->transactions);
    json_add_unsigned(out, "outcomes", document->replay->outcomes);
    money_json_add_amendments(out, "amendments", &document->replay->amendments);
    json_add_unsigned(out, "refused", figures->refused);
    json_add_unsigned(out, "against_refused", figures->against_refused);
    json_add_unsigned(out, "position", document->replay->position);
    json_end_object(out);
    json_add_text(out, "clock", text_of(document->command->known_now ? "known_now" : "known_then"));
    json_add_bool(out, "counterfactual", document->command->counterfactual);
    json_add_bool(out, "walk_forward", document->command->walk_forward);
}

/* Codes for programs, texts for people. */
static void add_caveats(const struct replay_document *document, struct buffer *out) {
    struct replay_caveat caveats[REPLAY_CAVEATS_MAX];
    size_t count = replay_caveats(document, caveats);
    json_begin_array(out, "caveats");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(out, NULL);
        json_add_text(out, "code", text_of(caveats[i].code));
        json_add_text(out, "text", text_of(caveats[i].text));
        json_end_object(out);
    }
    json_end_array(out);
}

/* Without a policy there is no base currency and all sums are zero. */
static void add_money(const struct replay_document *document, struct buffer *out) {
    if (document->policy) {
        json_add_text(out, "currency", text_of(document->policy->schema.base_currency));
        json_add_unsigned(out, "currency_digits", document->policy->schema.base_digits);
    }
    json_add_signed(out, "price_per_review", document->review_price_minor);
}

/* ---- verdicts ---- */

/* The matrix's rows are the verdicts compared with, its columns the replayed ones. */
static void add_verdicts(const struct report_tally *tally, struct buffer *out) {
    json_begin_object(out, "verdicts");
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        json_begin_object(out, side_names[side]);
        for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
            json_add_unsigned(out, verdict_name(verdict),
                              report_verdict_rows(&tally->sides[side], verdict));
        json_end_object(out);
    }
    json_end_object(out);
    json_begin_array(out, "matrix");
    for (enum verdict against = VERDICT_APPROVE; against < VERDICT_COUNT; against++) {
        json_begin_array(out, NULL);
        for (enum verdict replayed = VERDICT_APPROVE; replayed < VERDICT_COUNT; replayed++)
            json_add_unsigned(out, NULL, tally->matrix[against][replayed]);
        json_end_array(out);
    }
    json_end_array(out);
}

/* Every row is in one class, so these add up to all rows. */
static void add_outcomes(const struct report_tally *tally, struct buffer *out) {
    static const char *const names[REPORT_CLASSES] = {
        [REPORT_POSITIVE] = "positive",   [REPORT_NEGATIVE] = "negative",
        [REPORT_UNKNOWN] = "unknown",     [REPORT_IMMATURE] = "immature",
        [REPORT_SUSPECTED] = "suspected",
    };
    json_begin_object(out, "outcomes");
    for (enum report_class class = 0; class < REPORT_CLASSES; class ++)
        json_add_unsigned(out, names[class], report_class_rows(tally, class));
    json_end_object(out);
}

/* Shares of all rows, whatever is known of them. */
static void add_rates(const struct report_tally *tally, struct buffer *out) {
    uint64_t rows = report_rows(tally);
    json_begin_object(out, "rates");
    for (size_t side = 0; side < REPORT_SIDES; side++) {
        const struct report_side_tally *of = &tally->sides[side];
        json_begin_object(out, side_names[side]);
        add_share(out, "alert", rows - report_verdict_rows(of, VERDICT_APPROVE), rows);
        for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++)
            add_share(out, verdict_name(verdict), report_verdict_rows(of, verdict), rows);
        json_end_object(out);
    }
    json_end_object(out);
}

/* ---- right and wrong ---- */

/* Alerts against known outcomes. Money is in minor units of the base currency. */
static void add_detection(const struct report_side_tally *side, int64_t price, bool has_rows,
                          const char *key, struct buffer *out) {
    struct report_detection detection = report_detection(side, price);
    uint64_t caught = detection.true_positive, wrong = detection.false_positive;
    json_begin_object(out, key);
    json_add_unsigned(out, "true_positive", caught);
    json_add_unsigned(out, "false_positive", wrong);
    json_add_unsigned(out, "false_negative", detection.false_negative);
    json_add_unsigned(out, "true_negative", detection.true_negative);
    add_share(out, "precision", caught, caught + wrong);
    add_share(out, "recall", caught, caught + detection.false_negative);
    add_known(out, "false_positive_ratio", caught > 0,
              caught > 0 ? (double)wrong / (double)caught : 0);
    money_json_add_sum(out, "money_caught", detection.caught);
    money_json_add_sum(out, "money_missed", detection.missed);
    money_json_add_sum(out, "money_declined_wrongly", detection.declined_wrongly);
    money_json_add_sum(out, "review_cost", detection.review_cost);
    money_json_add_sum(out, "net", detection.net);
    if (has_rows) {
        json_begin_object(out, "net_interval");
        add_double(out, "low", (double)detection.net - detection.net_half);
        add_double(out, "high", (double)detection.net + detection.net_half);
        json_end_object(out);
    } else {
        add_null(out, "net_interval");
    }
    json_end_object(out);
}

/* Rows of the classes that count as right or wrong. */
static uint64_t counted_rows(const struct report_tally *tally) {
    uint64_t rows = 0;
    for (enum report_class class = 0; report_class_counts(class); class ++)
        rows += report_class_rows(tally, class);
    return rows;
}

static void add_detections(const struct replay_document *document, struct buffer *out) {
    const struct report_tally *tally = &document->figures->tally;
    json_begin_object(out, "detection");
    for (size_t side = 0; side < REPORT_SIDES; side++)
        add_detection(&tally->sides[side], document->review_price_minor, counted_rows(tally) > 0,
                      side_names[side], out);
    json_end_object(out);
}

/* ---- scores ---- */

/* [x, y, score from which on there is an alert]. */
static void add_point(struct buffer *out, double x, double y, int score) {
    json_begin_array(out, NULL);
    add_double(out, NULL, x);
    add_double(out, NULL, y);
    if (score < 0)
        add_null(out, NULL); /* of no alerts at all */
    else
        json_add_signed(out, NULL, score);
    json_end_array(out);
}

/* One point per score that occurs. A curve that needs both classes is empty if one is missing. */
static void add_curves(const struct report_scores *scores, struct buffer *out) {
    struct report_point points[REPORT_SCORES];
    size_t count = report_points(scores, points);
    double positive = count > 0 ? (double)points[count - 1].positive : 0;
    double negative = count > 0 ? (double)points[count - 1].negative : 0;
    bool has_roc = positive > 0 && negative > 0;
    json_begin_array(out, "roc");
    if (has_roc)
        add_point(out, 0, 0, -1);
    for (size_t i = 0; i < count && has_roc; i++)
        add_point(out, (double)points[i].negative / negative, (double)points[i].positive / positive,
                  (int)points[i].score);
    json_end_array(out);
    json_begin_array(out, "pr");
    for (size_t i = 0; i < count && positive > 0; i++)
        add_point(out, (double)points[i].positive / positive,
                  (double)points[i].positive / (double)(points[i].positive + points[i].negative),
                  (int)points[i].score);
    json_end_array(out);
}

/* Share of the k cards with the highest scores of a day that had fraud. */
static double day_precision(const struct replay_document *document, size_t day, size_t side) {
    return (double)document->figures->card_days[day].found[side] / (double)document->command->k;
}

/* The mean over days, each with the same weight. */
static void add_card_precision(const struct replay_document *document, size_t side,
                               struct buffer *out) {
    size_t days = document->figures->card_day_count;
    double sum = 0;
    for (size_t i = 0; i < days; i++)
        sum += day_precision(document, i, side);
    json_begin_object(out, "card_precision");
    json_add_unsigned(out, "k", document->command->k);
    add_known(out, "value", days > 0, days > 0 ? sum / (double)days : 0);
    json_add_unsigned(out, "days", days);
    json_end_object(out);
}

/* Figures that depend on the order of scores, not on cut-offs. */
static void add_ranking(const struct replay_document *document, size_t side, struct buffer *out) {
    const struct report_scores *scores = document->figures->ranking[side];
    double auc = 0, precision = 0;
    bool has_auc = report_auc(scores, &auc);
    bool has_precision = report_average_precision(scores, &precision);
    json_begin_object(out, side_names[side]);
    add_known(out, "auc", has_auc, auc);
    add_known(out, "average_precision", has_precision, precision);
    add_card_precision(document, side, out);
    add_curves(scores, out);
    json_end_object(out);
}

/* null if no card was taken for blocked. */
static void add_blocked(const struct replay_document *document, struct buffer *out) {
    const struct replay_command *command = document->command;
    if (command->blocked_after_days < 0) {
        add_null(out, "blocked");
        return;
    }
    json_begin_object(out, "blocked");
    json_add_signed(out, "after_days", command->blocked_after_days);
    json_add_unsigned(out, "transactions", document->figures->blocked_cards);
    json_end_object(out);
}

static void add_rankings(const struct replay_document *document, struct buffer *out) {
    json_begin_object(out, "ranking");
    for (size_t side = 0; side < REPORT_SIDES; side++)
        add_ranking(document, side, out);
    json_end_object(out);
    if (document->figures->card.length > 0)
        json_add_text(out, "card_entity", document->figures->card);
    else
        add_null(out, "card_entity");
    add_blocked(document, out);
}

/* Scores in bins of SCORE_BIN; `less` is subtracted. */
static void add_bins(const char *key, const uint64_t *more, const uint64_t *less,
                     struct buffer *out) {
    json_begin_array(out, key);
    for (size_t bin = 0; bin < DECISION_SCORE_MAX / SCORE_BIN; bin++) {
        size_t first = bin * SCORE_BIN, end = first + SCORE_BIN;
        if (end == DECISION_SCORE_MAX)
            end = REPORT_SCORES; /* the last bin has the greatest score, too */
        uint64_t rows = 0;
        for (size_t score = first; score < end; score++)
            rows += more[score] - (less ? less[score] : 0);
        json_add_unsigned(out, NULL, rows);
    }
    json_end_array(out);
}

/* "negative" in the figures includes rows without an outcome; here they have bins of their own. */
static void add_scores(const struct report_tally *tally, struct buffer *out) {
    const struct report_side_tally *side = &tally->sides[REPORT_REPLAYED];
    json_begin_object(out, "scores");
    json_begin_array(out, "bins");
    for (unsigned edge = 0; edge <= DECISION_SCORE_MAX; edge += SCORE_BIN)
        json_add_unsigned(out, NULL, edge);
    json_end_array(out);
    add_bins("positive", side->scores.positive, NULL, out);
    add_bins("negative", side->scores.negative, side->unknown, out);
    add_bins("unknown", side->unknown, NULL, out);
    json_end_object(out);
}

/* ---- days ---- */

/* Card precision is null on days that have none. */
static void add_day_side(const struct replay_document *document, const struct report_day_tally *day,
                         size_t side, size_t card_day, struct buffer *out) {
    const struct report_day_side *of = &day->sides[side];
    json_add_unsigned(out, "alert", day->transactions - of->verdicts[VERDICT_APPROVE]);
    for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(out, verdict_name(verdict), of->verdicts[verdict]);
    json_add_unsigned(out, "caught", of->caught);
    if (card_day < document->figures->card_day_count)
        add_double(out, "card_precision", day_precision(document, card_day, side));
    else
        add_null(out, "card_precision");
}

/* The day of an RFC 3339 time. */
static void add_date(struct buffer *out, int64_t day) {
    char text[64];
    int length = value_format(value_timestamp(day * 86400 * 1000000), text, sizeof text);
    size_t date = 0;
    while (date < (size_t)length && text[date] != 'T')
        date++;
    json_add_text(out, "date", (struct text){.data = text, .length = date});
}

/* Rates with intervals are of the replayed side only. */
static void add_day(const struct replay_document *document, const struct report_day_tally *day,
                    size_t card_day, struct buffer *out) {
    const uint64_t *verdicts = day->sides[REPORT_REPLAYED].verdicts;
    json_begin_object(out, NULL);
    add_date(out, day->day);
    json_add_unsigned(out, "transactions", day->transactions);
    json_add_unsigned(out, "positive", day->positive);
    json_add_unsigned(out, "without_outcome", day->without_outcome);
    add_day_side(document, day, REPORT_REPLAYED, card_day, out);
    add_share(out, "alert_rate", day->transactions - verdicts[VERDICT_APPROVE], day->transactions);
    add_share(out, "review_rate", verdicts[VERDICT_REVIEW], day->transactions);
    add_share(out, "decline_rate", verdicts[VERDICT_DECLINE], day->transactions);
    json_begin_object(out, "against");
    add_day_side(document, day, REPORT_AGAINST, card_day, out);
    json_end_object(out);
    json_end_object(out);
}

/* Days and card days are both sorted, so one pass finds the pairs. */
static void add_days(const struct replay_document *document, struct buffer *out) {
    const struct report_figures *figures = document->figures;
    size_t card_day = 0;
    json_begin_array(out, "days");
    for (size_t i = 0; i < figures->tally.day_count; i++) {
        int64_t day = figures->tally.days[i].day;
        while (card_day < figures->card_day_count && figures->card_days[card_day].day < day)
            card_day++;
        bool has = card_day < figures->card_day_count && figures->card_days[card_day].day == day;
        add_day(document, &figures->tally.days[i], has ? card_day : SIZE_MAX, out);
    }
    json_end_array(out);
}

/* ---- rules ---- */

static const char *mode_name(enum rule_mode mode) {
    return mode == RULE_LIVE ? "live" : mode == RULE_SHADOW ? "shadow" : "off";
}

/* "added" figures are what the rule changes by itself: alerts that would not be there without it.
 */
static void add_rule(const struct report_rule *rule, struct buffer *out) {
    const struct report_rule_tally *tally = &rule->tally;
    uint64_t positive = tally->classes[REPORT_POSITIVE];
    uint64_t negative = tally->classes[REPORT_NEGATIVE] + tally->classes[REPORT_UNKNOWN];
    json_begin_object(out, NULL);
    json_add_text(out, "name", rule->rule->name);
    if (rule->group.length > 0)
        json_add_text(out, "group", rule->group);
    else
        add_null(out, "group");
    json_add_text(out, "mode", text_of(mode_name(rule->rule->mode)));
    if (rule->rule->verdict == VERDICT_NONE)
        add_null(out, "verdict");
    else
        json_add_text(out, "verdict", text_of(verdict_name(rule->rule->verdict)));
    json_add_unsigned(out, "fires", tally->fires);
    json_add_unsigned(out, "fires_alone", tally->alone);
    json_add_unsigned(out, "suppressed", tally->suppressed);
    json_add_unsigned(out, "positive", positive);
    json_add_unsigned(out, "negative", negative);
    add_share(out, "precision", positive, positive + negative);
    money_json_add_sum(out, "money_caught", tally->caught);
    json_add_unsigned(out, "added_alerts", tally->added_alerts);
    json_add_unsigned(out, "added_positive", tally->added_positive);
    money_json_add_sum(out, "added_money_caught", tally->added_caught);
    json_end_object(out);
}

/* The overlap is a square matrix in the order of the rules; null if there are too many rules. */
static void add_rules(const struct report_rules *rules, struct buffer *out) {
    json_begin_array(out, "rules");
    for (size_t i = 0; i < rules->count; i++)
        add_rule(&rules->rules[i], out);
    json_end_array(out);
    if (!rules->overlap) {
        add_null(out, "overlap");
        return;
    }
    json_begin_array(out, "overlap");
    for (size_t i = 0; i < rules->count; i++) {
        json_begin_array(out, NULL);
        for (size_t j = 0; j < rules->count; j++)
            json_add_unsigned(out, NULL, rules->overlap[i * rules->count + j]);
        json_end_array(out);
    }
    json_end_array(out);
}

/* ---- changed decisions ---- */

/* Reasons without effect are marked, as in decisions. */
static void add_reported(const struct report_decision *reported, const char *key,
                         struct buffer *out) {
    json_begin_object(out, key);
    json_add_text(out, "verdict", text_of(verdict_name(reported->verdict)));
    json_add_unsigned(out, "score", reported->score);
    json_begin_array(out, "reasons");
    for (size_t i = 0; i < reported->reason_count; i++) {
        const struct report_reason *reason = &reported->reasons[i];
        json_begin_object(out, NULL);
        json_add_text(out, "rule", reason->rule);
        json_add_text(out, "text", reason->text);
        if (reason->shadow)
            json_add_bool(out, "shadow", true);
        if (reason->suppressed)
            json_add_bool(out, "suppressed", true);
        json_end_object(out);
    }
    json_end_array(out);
    json_end_object(out);
}

/* Amounts are those of the transaction, in its own currency. */
static void add_change(const struct report_change *change, struct buffer *out) {
    json_begin_object(out, NULL);
    json_add_unsigned(out, "position", change->position);
    json_add_text(out, "id", change->id);
    json_add_time(out, "event_time", change->event_time_us);
    if (*change->currency) {
        json_add_signed(out, "amount", change->amount_minor);
        json_add_text(out, "currency", text_of(change->currency));
    } else {
        add_null(out, "amount");
        add_null(out, "currency");
    }
    add_reported(&change->sides[REPORT_AGAINST], "against", out);
    add_reported(&change->sides[REPORT_REPLAYED], "replayed", out);
    json_add_text(out, "outcome", text_of(label_name(change->label)));
    json_end_object(out);
}

/* "total" counts all; "listed" may be a sample of them. */
static void add_changes(const struct report_figures *figures, struct buffer *out) {
    json_begin_object(out, "changed");
    json_add_unsigned(out, "total", figures->changed);
    json_add_unsigned(out, "other_scores", figures->tally.other_scores);
    json_add_bool(out, "sampled", figures->changes.count < figures->changed);
    json_begin_array(out, "listed");
    for (size_t i = 0; i < figures->changes.count; i++)
        add_change(&figures->changes.of[i], out);
    json_end_array(out);
    json_end_object(out);
}

/* ---- the whole ---- */

/* Of this run and machine: differs between two runs of the same replay. */
static void add_speed(const struct replay_report *replay, struct buffer *out) {
    double seconds = replay->replay_seconds > 0 ? replay->replay_seconds : 1e-9;
    json_begin_object(out, "seconds");
    add_double(out, "scan", replay->scan_seconds);
    add_double(out, "replay", replay->replay_seconds);
    json_end_object(out);
    json_add_unsigned(out, "transactions_per_second",
                      (uint64_t)((double)replay->transactions / seconds));
}

void replay_json_format(const struct replay_document *document, struct buffer *out) {
    const struct report_figures *figures = document->figures;
    json_begin_object(out, NULL);
    json_add_text(out, "harrier", TEXT_LITERAL(HARRIER_VERSION));
    json_add_text(out, "command", TEXT_LITERAL("replay"));
    add_policies(document, out);
    add_archive(document, out);
    add_caveats(document, out);
    add_money(document, out);
    add_verdicts(&figures->tally, out);
    add_outcomes(&figures->tally, out);
    add_rates(&figures->tally, out);
    add_detections(document, out);
    add_rankings(document, out);
    add_days(document, out);
    add_rules(&figures->rules, out);
    add_scores(&figures->tally, out);
    drift_json_add_models(out, "models", figures->model_drift, figures->model_drift_count);
    add_changes(figures, out);
    add_speed(document->replay, out);
    json_end_object(out);
    buffer_append_u8(out, '\n');
}
