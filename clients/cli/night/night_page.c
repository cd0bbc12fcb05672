/* Plain tables, without a script: the page is complete as it is, also in a mail or on paper. Its
 * style is that of a replay's report. */
#include "night_document.h"

#include "batch/night/night_arms.h"
#include "clients/cli/output/html_text.h"
#include "clients/cli/terminal/quantity.h"
#include "core/policy/lists/experiment.h"
#include "night_template.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TODAY ((size_t)NIGHT_DAYS - 1)
#define WEEK  (TODAY - NIGHT_WEEK)

struct page {
    struct buffer *out;
    const struct night_document *document;
    const struct night_figures *figures;
};

/* ---- text ---- */

static void put_text(struct page *page, struct text text) {
    html_text_put(text, page->out);
}

static void put(struct page *page, const char *html) {
    buffer_append_string(page->out, html);
}

static void cell_text(struct page *page, struct text text) {
    put(page, "<td class=\"text\">");
    put_text(page, text);
    put(page, "</td>");
}

static void cell_count(struct page *page, uint64_t count) {
    char number[QUANTITY_COUNT_SIZE];
    buffer_printf(page->out, "<td>%s</td>", quantity_format_count(count, number));
}

/* A dash without a denominator. */
static void cell_share(struct page *page, uint64_t part, uint64_t whole) {
    if (whole == 0)
        put(page, "<td>–</td>");
    else
        buffer_printf(page->out, "<td>%.2f&thinsp;%%</td>", 100 * (double)part / (double)whole);
}

/* In the major unit: a page needs no cents. */
static const char *format_money(const struct page *page, night_sum minor,
                                char text[QUANTITY_COUNT_SIZE]) {
    night_sum major = minor;
    for (int i = 0; i < page->figures->digits; i++)
        major /= 10;
    return *page->figures->currency && major >= 0 && major <= UINT64_MAX
               ? quantity_format_count((uint64_t)major, text)
               : "–";
}

static void cell_money(struct page *page, night_sum minor) {
    char number[QUANTITY_COUNT_SIZE];
    buffer_printf(page->out, "<td>%s</td>", format_money(page, minor, number));
}

static void cell_index(struct page *page, bool is_compared, double index) {
    if (is_compared)
        buffer_printf(page->out, "<td%s>%.3f</td>", index > 0.25 ? " class=\"bad\"" : "", index);
    else
        put(page, "<td>–</td>");
}

/* Headings separated by '|'; the first column is text. */
static void begin_table(struct page *page, const char *headings) {
    put(page, "<div class=\"panel scroll\"><table><thead><tr><th class=\"text\">");
    for (; *headings; headings++)
        if (*headings == '|')
            put(page, "</th><th>");
        else
            buffer_append_u8(page->out, (uint8_t)*headings);
    put(page, "</th></tr></thead><tbody>\n");
}

static void end_table(struct page *page) {
    put(page, "</tbody></table></div>\n");
}

static void heading(struct page *page, const char *title, const char *about) {
    buffer_printf(page->out, "<h2>%s</h2>\n<p class=\"muted\">%s</p>\n", title, about);
}

/* ---- parts ---- */

static void put_findings(struct page *page) {
    const struct night_findings *findings = &page->document->findings;
    put(page, "<h2>What to do</h2>\n");
    if (findings->count == 0)
        put(page, "<p class=\"empty\">Nothing unusual.</p>\n");
    for (size_t i = 0; i < findings->count; i++) {
        const struct night_finding *finding = &findings->of[i];
        const char *severity = night_severity_name(finding->severity);
        buffer_printf(page->out,
                      "<div class=\"panel finding-%s\"><h3><span class=\"severity\">%s</span> ",
                      severity, severity);
        buffer_printf(page->out, "<code>%s</code> ", finding->code);
        put_text(page, text_of(finding->subject));
        put(page, "</h3><p>");
        put_text(page, text_of(finding->text));
        put(page, ".</p><p class=\"muted\">");
        put_text(page, text_of(finding->advice));
        put(page, "</p></div>\n");
    }
}

static void put_card(struct page *page, const char *title, const char *value, const char *about) {
    buffer_printf(page->out,
                  "<div class=\"card\"><h3>%s</h3><p class=\"card-value\">%s</p>"
                  "<p class=\"card-about\">%s</p></div>\n",
                  title, value, about);
}

/* Refunds and voids with their money; the JSON has all kinds. */
static void put_amendments(struct page *page, const struct amendment_tally *tally) {
    char value[96], about[160], refunds[QUANTITY_COUNT_SIZE], voids[QUANTITY_COUNT_SIZE];
    char refunded[QUANTITY_COUNT_SIZE], voided[QUANTITY_COUNT_SIZE];
    snprintf(value, sizeof value, "%s / %s",
             quantity_format_count(tally->counts[AMENDMENT_REFUND], refunds),
             quantity_format_count(tally->counts[AMENDMENT_VOID], voids));
    snprintf(about, sizeof about, "received on this day; %s refunded, %s voided, in %s",
             format_money(page, tally->amounts[AMENDMENT_REFUND], refunded),
             format_money(page, tally->amounts[AMENDMENT_VOID], voided),
             page->figures->currency[0] ? page->figures->currency : "no currency");
    put_card(page, "Refunds / voids", value, about);
}

static void put_cards(struct page *page) {
    const struct night_day *today = &page->figures->days[TODAY];
    const struct night_day *week_ago = &page->figures->days[WEEK];
    char value[64], about[96], count[QUANTITY_COUNT_SIZE];
    put(page, "<h2>The day</h2>\n<div class=\"cards\">");
    snprintf(about, sizeof about, "a week earlier: %s",
             quantity_format_count(week_ago->transactions, count));
    put_card(page, "Transactions", quantity_format_count(today->transactions, value), about);
    snprintf(about, sizeof about, "reviewed, challenged or declined; a week earlier: %s",
             quantity_format_count(night_day_alerts(week_ago), count));
    put_card(page, "Alerts", quantity_format_count(night_day_alerts(today), value), about);
    snprintf(about, sizeof about,
             "outcomes received on this day, whatever their transactions' days");
    put_card(page, "Reported frauds",
             quantity_format_count(today->outcomes[LABEL_FRAUD] + today->outcomes[LABEL_CHARGEBACK],
                                   value),
             about);
    put_amendments(page, &today->amendments);
    snprintf(about, sizeof about, "values that changed by more than the guard allows");
    put_card(page, "Held back",
             quantity_format_count(page->document->evidence.journal->held_back, value), about);
    put(page, "</div>\n");
}

static void put_day(struct page *page, size_t index) {
    const struct night_day *day = &page->figures->days[index];
    char date[NIGHT_DATE_SIZE];
    put(page, "<tr>");
    cell_text(page, text_of(night_date_format(page->figures->first_day + (int64_t)index, date)));
    cell_count(page, day->transactions);
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        cell_count(page, day->verdicts[verdict]);
    cell_share(page, night_day_alerts(day), day->transactions);
    cell_money(page, day->amounts[VERDICT_APPROVE]);
    cell_money(page, day->amounts[VERDICT_DECLINE]);
    cell_share(page, night_day_frauds(day, true) + night_day_frauds(day, false), day->transactions);
    put(page, "</tr>\n");
}

static void put_days(struct page *page) {
    char about[192];
    snprintf(about, sizeof about,
             "By event time, UTC. Amounts in %s. Frauds are those known tonight: recent days have "
             "more to come.",
             *page->figures->currency ? page->figures->currency : "no currency");
    heading(page, "Day by day", about);
    begin_table(page, "Day|Transactions|Approve|Review|Challenge|Decline|Alerts|Approved "
                      "amount|Declined amount|Fraud");
    for (size_t i = NIGHT_DAYS; i-- > NIGHT_DAYS - 15;)
        if (page->figures->days[i].transactions > 0 || i >= WEEK)
            put_day(page, i);
    end_table(page);
}

static void put_ages(struct page *page) {
    heading(page, "Frauds found and missed",
            "By the age of the transactions: the older, the more outcomes are known. Found: the "
            "transaction was reviewed, challenged or declined.");
    begin_table(page, "Age in days|Transactions|With outcome|Found|Missed|Found, of all|Amount "
                      "found|Amount missed");
    for (size_t i = 0; i < NIGHT_AGE_GROUPS; i++) {
        const struct night_age_group *group = &night_age_groups[i];
        struct night_age_figures sums = night_age_figures(page->figures, group);
        char age[32];
        snprintf(age, sizeof age, group->youngest == group->oldest ? "%u" : "%u to %u",
                 group->youngest, group->oldest);
        put(page, "<tr>");
        cell_text(page, text_of(age));
        cell_count(page, sums.transactions);
        cell_count(page, sums.known);
        cell_count(page, sums.found);
        cell_count(page, sums.missed);
        cell_share(page, sums.found, sums.found + sums.missed);
        cell_money(page, sums.amount_found);
        cell_money(page, sums.amount_missed);
        put(page, "</tr>\n");
    }
    end_table(page);
}

static uint64_t fires_before(const struct night_rule *rule) {
    uint64_t fires = 0;
    for (size_t i = WEEK; i < TODAY; i++)
        fires += rule->fires[i];
    return fires;
}

static int compare_rules(const void *left, const void *right) {
    const struct night_rule *a = *(const struct night_rule *const *)left;
    const struct night_rule *b = *(const struct night_rule *const *)right;
    if (a->fires[TODAY] != b->fires[TODAY])
        return a->fires[TODAY] > b->fires[TODAY] ? -1 : 1;
    return text_compare(a->name, b->name);
}

static void put_rule(struct page *page, const struct night_rule *rule, uint64_t week) {
    uint64_t fraud = rule->labels[LABEL_FRAUD] + rule->labels[LABEL_CHARGEBACK];
    put(page, "<tr><td class=\"text\">");
    put_text(page, rule->name);
    put(page, rule->is_shadow ? " <span class=\"muted\">shadow</span></td>" : "</td>");
    cell_count(page, rule->fires[TODAY]);
    cell_share(page, rule->fires[TODAY], page->figures->days[TODAY].transactions);
    cell_share(page, fires_before(rule), week);
    cell_count(page, fraud);
    cell_count(page, rule->labels[LABEL_LEGIT]);
    cell_share(page, fraud, fraud + rule->labels[LABEL_LEGIT]);
    cell_count(page, rule->failures[TODAY]);
    put(page, "</tr>\n");
}

static void put_rules(struct page *page) {
    size_t count = page->figures->rule_count;
    uint64_t week = 0;
    heading(page, "Rules",
            "Share of the transactions that a rule fired for, and what the outcomes of five weeks "
            "say about them.");
    if (count == 0) {
        put(page, "<p class=\"empty\">No rule fired.</p>\n");
        return;
    }
    for (size_t i = WEEK; i < TODAY; i++)
        week += page->figures->days[i].transactions;
    const struct night_rule **sorted = calloc(count, sizeof *sorted);
    for (size_t i = 0; sorted && i < count; i++)
        sorted[i] = &page->figures->rules[i];
    if (sorted)
        qsort(sorted, count, sizeof *sorted, compare_rules);
    begin_table(page, "Rule|Fires|Share|Week before|Fraud|Legit|Precision|Failures");
    for (size_t i = 0; sorted && i < count; i++)
        put_rule(page, sorted[i], week);
    end_table(page);
    free(sorted);
}

static void put_feature(struct page *page, const struct night_feature_drift *feature) {
    const struct night_drift *drift = page->document->evidence.drift;
    put(page, "<tr>");
    cell_text(page, feature->name);
    cell_index(page, feature->is_compared, feature->index);
    cell_share(page, feature->absent, drift->rows);
    cell_share(page, feature->absent_before, drift->rows_before);
    put(page, "</tr>\n");
}

static int compare_features(const void *left, const void *right) {
    const struct night_feature_drift *a = *(const struct night_feature_drift *const *)left;
    const struct night_feature_drift *b = *(const struct night_feature_drift *const *)right;
    if (a->index != b->index)
        return a->index > b->index ? -1 : 1;
    return text_compare(a->name, b->name);
}

static void put_drift(struct page *page) {
    const struct night_drift *drift = page->document->evidence.drift;
    double index = 0, noise = 0;
    heading(page, "Drift",
            "Population stability index against the week before: below 0.1 stable, above 0.25 a "
            "shift. Windows longer than the archive's history shift while they fill, which is no "
            "finding.");
    begin_table(page, "Feature|Index|Absent|Absent before");
    put(page, "<tr>");
    cell_text(page, text_of("the score"));
    bool is_compared = night_score_drift(page->figures, &index, &noise);
    cell_index(page, is_compared, index);
    put(page, "<td>–</td><td>–</td></tr>\n");
    const struct night_feature_drift **sorted = calloc(drift->count + 1, sizeof *sorted);
    for (size_t i = 0; sorted && i < drift->count; i++)
        sorted[i] = &drift->features[i];
    if (sorted)
        qsort(sorted, drift->count, sizeof *sorted, compare_features);
    for (size_t i = 0; sorted && i < drift->count; i++)
        put_feature(page, sorted[i]);
    end_table(page);
    free(sorted);
    if (*drift->reason) {
        put(page, "<p class=\"muted\">No drift of features: ");
        put_text(page, text_of(drift->reason));
        put(page, ".</p>\n");
    }
}

static int compare_inputs(const void *left, const void *right) {
    const struct report_model_drift *a = *(const struct report_model_drift *const *)left;
    const struct report_model_drift *b = *(const struct report_model_drift *const *)right;
    if (a->drift.index != b->drift.index)
        return a->drift.index > b->drift.index ? -1 : 1;
    int order = text_compare(a->model, b->model);
    return order != 0 ? order : text_compare(a->drift.input, b->drift.input);
}

static void put_model_row(struct page *page, const struct report_model_drift *row) {
    bool is_score = row->drift.input.length == 0;
    put(page, "<tr><td class=\"text\">");
    put_text(page, row->model);
    put(page, ": ");
    put_text(page, is_score ? text_of("the score") : row->drift.input);
    put(page, "</td>");
    cell_index(page, row->drift.is_compared, row->drift.index);
    if (is_score) {
        put(page, "<td>–</td><td>–</td>");
    } else {
        cell_share(page, row->drift.missing, row->drift.rows);
        cell_share(page, row->drift.missing_before, row->drift.rows_before);
    }
    put(page, "</tr>\n");
}

static void put_models(struct page *page) {
    const struct night_drift *drift = page->document->evidence.drift;
    if (drift->model_count == 0)
        return;
    heading(page, "Models beside their training",
            "Population stability index of each model's score and inputs on this day against its "
            "training: below 0.1 stable, above 0.25 a shift. Fewer than 200 decisions have none.");
    const struct report_model_drift **sorted = calloc(drift->model_count, sizeof *sorted);
    for (size_t i = 0; sorted && i < drift->model_count; i++)
        sorted[i] = &drift->models[i];
    if (sorted)
        qsort(sorted, drift->model_count, sizeof *sorted, compare_inputs);
    begin_table(page, "Input|Index|Missing|Missing in training");
    for (size_t i = 0; sorted && i < drift->model_count; i++)
        put_model_row(page, sorted[i]);
    end_table(page);
    free(sorted);
}

static void cell_interval(struct page *page, struct report_share share) {
    if (share.is_known)
        buffer_printf(page->out, "<td>%.1f&thinsp;%% (%.1f to %.1f)</td>", 100 * share.value,
                      100 * share.low, 100 * share.high);
    else
        put(page, "<td>–</td>");
}

/* In percentage points. */
static void cell_difference(struct page *page, struct report_share share) {
    if (share.is_known)
        buffer_printf(page->out, "<td>%+.1f (%+.1f to %+.1f)</td>", 100 * share.value,
                      100 * share.low, 100 * share.high);
    else
        put(page, "<td>–</td>");
}

static void put_arm_figure(struct page *page, const struct arms_phase *phase,
                           enum arm_figure figure) {
    struct report_share champion = arm_figure(&phase->arms[ARM_CHAMPION], figure);
    struct report_share challenger = arm_figure(&phase->arms[ARM_CHALLENGER], figure);
    put(page, "<tr>");
    cell_text(page, text_of(arm_figure_name(figure)));
    cell_interval(page, champion);
    cell_interval(page, challenger);
    cell_difference(page, report_difference(champion, challenger));
    put(page, "</tr>\n");
}

static void put_arm_count(struct page *page, const char *name, uint64_t champion,
                          uint64_t challenger) {
    put(page, "<tr>");
    cell_text(page, text_of(name));
    cell_count(page, champion);
    cell_count(page, challenger);
    put(page, "<td></td></tr>\n");
}

/* Names of experiments, keys and policies need no escaping. */
static void put_experiment(struct page *page) {
    const struct arms_phase *phase = night_arms_phase(page->figures->arms);
    struct buffer about;
    if (!phase)
        return;
    const struct arm_tally *champion = &phase->arms[ARM_CHAMPION];
    const struct arm_tally *challenger = &phase->arms[ARM_CHALLENGER];
    buffer_init(&about);
    buffer_printf(&about, "%" TEXT_FORMAT ": ", TEXT_ARGS(phase->experiment));
    experiment_put_share(&about, phase->share);
    buffer_printf(&about,
                  " of %" TEXT_FORMAT " to %" TEXT_FORMAT ", since position %" PRIu64
                  " or for %d days. Outcomes of days at least %d days before the "
                  "reported one. Intervals of 95 %%, as if transactions were independent.%c",
                  TEXT_ARGS(phase->key), TEXT_ARGS(phase->policy), phase->from_position, NIGHT_DAYS,
                  NIGHT_ARMS_AGE, '\0');
    heading(page, "Champion and challenger", (const char *)about.bytes);
    buffer_deinit(&about);
    begin_table(page, "Figure|Champion|Challenger|Difference");
    put_arm_count(page, "decisions", champion->decisions, challenger->decisions);
    for (enum arm_figure figure = ARM_APPROVE; figure <= ARM_ALERTS; figure++)
        put_arm_figure(page, phase, figure);
    put_arm_count(page, "with outcomes that count", champion->mature, challenger->mature);
    put_arm_count(page, "frauds missed", champion->missed.transactions,
                  challenger->missed.transactions);
    for (enum arm_figure figure = ARM_FRAUD; figure < ARM_FIGURE_COUNT; figure++)
        put_arm_figure(page, phase, figure);
    end_table(page);
}

/* Nothing at all where nobody asked for models. */
static void put_candidate(struct page *page) {
    const struct night_journal *journal = page->document->evidence.journal;
    if (page->document->comparison_text.length > 0) {
        heading(
            page, "Candidate",
            "The policy with a newer model beside the one in force, on days after its training; "
            "intervals of 95&thinsp;%.");
        put(page, "<div class=\"panel\"><pre>");
        put_text(page, page->document->comparison_text);
        buffer_printf(page->out, "</pre><p>%s</p></div>\n",
                      journal->is_better ? "It would be promoted." : "It would not be promoted.");
    }
    for (int i = 0; i < NIGHT_STEP_REPORT; i++) {
        const struct night_step_entry *entry = &journal->steps[i];
        if (!night_step_may_fail((enum night_step)i) || !*entry->reason)
            continue;
        buffer_printf(page->out, "<p class=\"muted\">%s %s: ", night_step_name((enum night_step)i),
                      night_step_state_name(entry->state));
        put_text(page, text_of(entry->reason));
        put(page, ".</p>\n");
    }
}

static void put_guard(struct page *page) {
    const struct night_journal *journal = page->document->evidence.journal;
    heading(page, "Held back",
            "Thresholds and cut-offs that changed by more than their guards allow keep their old "
            "values.");
    if (*journal->accepted) {
        put(page, "<div class=\"panel\"><p>Taken now: ");
        put_text(page, text_of(journal->accepted));
        put(page, "</p></div>\n");
    }
    if (journal->held_lines == 0) {
        put(page, "<p class=\"empty\">Nothing was held back.</p>\n");
        return;
    }
    put(page, "<div class=\"panel\">");
    for (size_t i = 0; i < journal->held_lines; i++) {
        put(page, "<p>");
        put_text(page, text_of(journal->held[i].text));
        put(page, "</p>");
    }
    put(page, "<p>To accept: <code>harrier rebuild --data ");
    put_text(page, text_of(page->document->evidence.data));
    put(page, " --force --accept-changes</code></p></div>\n");
}

static void put_rejects(struct page *page) {
    const struct night_rejects *rejects = page->document->evidence.rejects;
    heading(page, "Refused transactions",
            "From the file of the server's option <code>rejects</code>.");
    if (!rejects->is_known || rejects->count == 0) {
        put(page, rejects->is_known ? "<p class=\"empty\">None.</p>\n"
                                    : "<p class=\"empty\">Not known: there is no such file.</p>\n");
        return;
    }
    begin_table(page, "Reason|This day|Week before");
    for (size_t i = 0; i < rejects->count; i++) {
        put(page, "<tr>");
        cell_text(page, text_of(rejects->reasons[i].name));
        cell_count(page, rejects->reasons[i].now);
        cell_count(page, rejects->reasons[i].before);
        put(page, "</tr>\n");
    }
    end_table(page);
}

/* "3–7, 12" and how many more there are. */
static void put_missing(struct page *page, const struct night_source *source) {
    put(page, "<td>");
    for (size_t i = 0; i < source->missing_count; i++) {
        const struct source_range *range = &source->missing[i];
        buffer_printf(page->out, "%s%" PRIu64, i ? ", " : "", range->first);
        if (range->last > range->first)
            buffer_printf(page->out, "–%" PRIu64, range->last);
    }
    if (source->counts.gaps > source->missing_count)
        buffer_printf(page->out, " and %" PRIu64 " more",
                      source->counts.gaps - source->missing_count);
    put(page, "</td>");
}

static void put_source(struct page *page, const struct night_source *source) {
    put(page, "<tr>");
    cell_text(page, source->name);
    cell_count(page, source->transactions);
    cell_count(page, source->first);
    cell_count(page, source->last);
    cell_count(page, source->counts.missed);
    cell_count(page, source->counts.late);
    cell_count(page, source->counts.repeats);
    cell_count(page, source->counts.restarts);
    put_missing(page, source);
    put(page, "</tr>\n");
}

/* Nothing at all where no producer names itself. */
static void put_sources(struct page *page) {
    const struct night_sources *sources = page->figures->sources;
    char count[QUANTITY_COUNT_SIZE];
    if (sources->count == 0)
        return;
    heading(page, "Sources",
            "What the producers’ own numbers say about the transactions received on this day.");
    begin_table(page,
                "Source|Transactions|First|Last|Missed|Late|Repeats|Restarts|Missing numbers");
    for (size_t i = 0; i < sources->count; i++)
        if (sources->of[i].transactions > 0)
            put_source(page, &sources->of[i]);
    end_table(page);
    if (sources->others > 0)
        buffer_printf(page->out,
                      "<p class=\"empty\">%s transactions name other sources; there are too many "
                      "to look at their numbers.</p>\n",
                      quantity_format_count(sources->others, count));
}

static void put_fact(struct page *page, const char *name, const char *value) {
    buffer_printf(page->out, "<div><dt>%s</dt><dd>%s</dd></div>", name, value);
}

static void put_growth(struct page *page) {
    const struct night_growth *growth = &page->document->evidence.growth;
    const struct night_journal *journal = page->document->evidence.journal;
    char value[128], bytes[2][QUANTITY_BYTES_SIZE], count[2][QUANTITY_COUNT_SIZE];
    put(page, "<h2>Archive and tables</h2>\n<div class=\"panel\"><dl class=\"facts\">");
    put_fact(page, "Archive", quantity_format_bytes(page->figures->archive_bytes, bytes[0]));
    put_fact(page, "Growth a day", quantity_format_bytes(growth->bytes_a_day, bytes[0]));
    if (growth->days_left == UINT64_MAX)
        snprintf(value, sizeof value, "%s", quantity_format_bytes(growth->free_bytes, bytes[0]));
    else
        snprintf(value, sizeof value, "%s, for %s days",
                 quantity_format_bytes(growth->free_bytes, bytes[0]),
                 quantity_format_count(growth->days_left, count[0]));
    put_fact(page, "Room on its disk", value);
    if (journal->steps[NIGHT_STEP_VERIFY].state == NIGHT_STEP_SKIPPED)
        snprintf(value, sizeof value, "skipped");
    else
        snprintf(value, sizeof value, "%s%s, %s different",
                 quantity_format_count(journal->verified, count[0]),
                 journal->is_sample ? " in the sample" : "",
                 quantity_format_count(journal->different, count[1]));
    put_fact(page, "Verified states and ids", value);
    for (int i = 0; i < NIGHT_STEP_REPORT; i++) {
        char duration[QUANTITY_DURATION_SIZE];
        put_fact(page, night_step_name((enum night_step)i),
                 quantity_format_duration(journal->steps[i].milliseconds * 1000, duration));
    }
    put(page, "</dl></div>\n");
}

/* ---- the page ---- */

static void put_head(struct page *page) {
    const struct night_journal *journal = page->document->evidence.journal;
    char date[NIGHT_DATE_SIZE], count[QUANTITY_COUNT_SIZE];
    buffer_printf(page->out,
                  "<p class=\"eyebrow\">Harrier · night of %s</p>\n<h1>Report on %s</h1>\n"
                  "<p class=\"subtitle\">generation %016" PRIx64 " at position %s</p>\n",
                  journal->date, night_date_format(page->document->day, date),
                  journal->generation_id, quantity_format_count(journal->place.position, count));
}

void night_page_format(const struct night_document *document, struct buffer *out) {
    struct page page = {.out = out, .document = document, .figures = document->evidence.figures};
    char date[NIGHT_DATE_SIZE];
    buffer_append(out, page_0, sizeof page_0);
    buffer_printf(out, "Night of %s: report on %s", document->evidence.journal->date,
                  night_date_format(document->day, date));
    buffer_append(out, page_1, sizeof page_1);
    put_head(&page);
    buffer_append(out, page_2, sizeof page_2);
    put_findings(&page);
    put_cards(&page);
    put_days(&page);
    put_ages(&page);
    put_rules(&page);
    put_experiment(&page);
    put_candidate(&page);
    put_guard(&page);
    put_rejects(&page);
    put_sources(&page);
    put_drift(&page);
    put_models(&page);
    put_growth(&page);
    buffer_append(out, page_3, sizeof page_3);
}
