/* Figures of the reported day, of the days before it, and what they mean. Amounts are whole numbers
 * of minor units. Only "steps" has times; all else depends on the archive and the options alone. */
#include "night_document.h"

#include "batch/base/day.h"
#include "batch/night/night_arms.h"
#include "clients/cli/output/drift_json.h"
#include "clients/cli/output/money_json.h"
#include "clients/cli/policy/policy_arms.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TODAY ((size_t)NIGHT_DAYS - 1)
#define WEEK  (TODAY - NIGHT_WEEK)

/* ---- numbers ---- */

static void add_double(struct buffer *json, const char *key, double number) {
    json_add_value(json, text_of(key), value_double(number));
}

/* null without a denominator */
static void add_share(struct buffer *json, const char *key, uint64_t part, uint64_t whole) {
    json_add_value(json, text_of(key),
                   whole > 0 ? value_double((double)part / (double)whole) : value_absent());
}

static void add_date(struct buffer *json, const char *key, int64_t day) {
    char date[NIGHT_DATE_SIZE];
    json_add_text(json, key, text_of(night_date_format(day, date)));
}

/* ---- parts ---- */

static void add_findings(struct buffer *json, const struct night_findings *findings) {
    json_begin_array(json, "findings");
    for (size_t i = 0; i < findings->count; i++) {
        const struct night_finding *finding = &findings->of[i];
        json_begin_object(json, NULL);
        json_add_text(json, "severity", text_of(night_severity_name(finding->severity)));
        json_add_text(json, "code", text_of(finding->code));
        json_add_text(json, "subject", text_of(finding->subject));
        add_double(json, "figure", finding->figure);
        add_double(json, "expected", finding->expected);
        json_add_text(json, "text", text_of(finding->text));
        json_add_text(json, "advice", text_of(finding->advice));
        json_end_object(json);
    }
    json_end_array(json);
    json_begin_object(json, "severities");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        json_add_unsigned(json, night_severity_name((enum night_severity)i),
                          findings->by_severity[i]);
    json_end_object(json);
}

static void add_outcomes(struct buffer *json, const struct night_day *day) {
    json_begin_object(json, "labels");
    for (enum label label = LABEL_NONE; label < LABEL_COUNT; label++)
        json_add_unsigned(json, label_name(label), day->labels[label][0] + day->labels[label][1]);
    json_end_object(json);
    json_add_unsigned(json, "fraud_found", night_day_frauds(day, true));
    json_add_unsigned(json, "fraud_missed", night_day_frauds(day, false));
    money_json_add_sum(json, "amount_found", night_day_fraud_amount(day, true));
    money_json_add_sum(json, "amount_missed", night_day_fraud_amount(day, false));
    json_begin_object(json, "outcomes_received");
    for (enum label label = LABEL_LEGIT; label < LABEL_COUNT; label++)
        json_add_unsigned(json, label_name(label), day->outcomes[label]);
    json_end_object(json);
    money_json_add_amendments(json, "amendments_received", &day->amendments);
}

static void add_day(struct buffer *json, const struct night_day *day, int64_t number) {
    json_begin_object(json, NULL);
    add_date(json, "day", number);
    json_add_unsigned(json, "transactions", day->transactions);
    json_begin_object(json, "verdicts");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        json_add_unsigned(json, verdict_name(verdict), day->verdicts[verdict]);
    json_end_object(json);
    json_begin_object(json, "amounts");
    for (enum verdict verdict = VERDICT_APPROVE; verdict < VERDICT_COUNT; verdict++)
        money_json_add_sum(json, verdict_name(verdict), day->amounts[verdict]);
    json_end_object(json);
    json_add_unsigned(json, "without_amount", day->without_amount);
    add_outcomes(json, day);
    json_add_unsigned(json, "degraded", day->degraded);
    json_add_unsigned(json, "failed_decisions", day->failed_decisions);
    json_add_unsigned(json, "early", day->early);
    json_add_unsigned(json, "records_received", day->received);
    json_add_unsigned(json, "backfilled", day->backfilled);
    json_end_object(json);
}

static void add_days(struct buffer *json, const struct night_figures *figures) {
    json_begin_array(json, "days");
    for (size_t i = 0; i < NIGHT_DAYS; i++)
        add_day(json, &figures->days[i], figures->first_day + (int64_t)i);
    json_end_array(json);
    json_begin_array(json, "hours");
    for (size_t hour = 0; hour < 24; hour++)
        json_add_unsigned(json, NULL, figures->days[TODAY].hours[hour]);
    json_end_array(json);
}

static void add_ages(struct buffer *json, const struct night_figures *figures) {
    json_begin_array(json, "frauds_by_age");
    for (size_t i = 0; i < NIGHT_AGE_GROUPS; i++) {
        const struct night_age_group *group = &night_age_groups[i];
        struct night_age_figures sums = night_age_figures(figures, group);
        json_begin_object(json, NULL);
        json_add_unsigned(json, "from_days", group->youngest);
        json_add_unsigned(json, "to_days", group->oldest);
        json_add_unsigned(json, "transactions", sums.transactions);
        json_add_unsigned(json, "with_outcome", sums.known);
        json_add_unsigned(json, "found", sums.found);
        json_add_unsigned(json, "missed", sums.missed);
        money_json_add_sum(json, "amount_found", sums.amount_found);
        money_json_add_sum(json, "amount_missed", sums.amount_missed);
        json_end_object(json);
    }
    json_end_array(json);
}

static void add_rule(struct buffer *json, const struct night_figures *figures,
                     const struct night_rule *rule) {
    uint64_t before = 0, transactions = 0;
    uint64_t fraud = rule->labels[LABEL_FRAUD] + rule->labels[LABEL_CHARGEBACK];
    for (size_t i = WEEK; i < TODAY; i++) {
        before += rule->fires[i];
        transactions += figures->days[i].transactions;
    }
    json_begin_object(json, NULL);
    json_add_text(json, "rule", rule->name);
    json_add_bool(json, "shadow", rule->is_shadow);
    json_add_unsigned(json, "fires", rule->fires[TODAY]);
    add_share(json, "share", rule->fires[TODAY], figures->days[TODAY].transactions);
    json_add_unsigned(json, "fires_before", before);
    add_share(json, "share_before", before, transactions);
    json_add_unsigned(json, "failures", rule->failures[TODAY]);
    json_add_unsigned(json, "fraud", fraud);
    json_add_unsigned(json, "legit", rule->labels[LABEL_LEGIT]);
    add_share(json, "precision", fraud, fraud + rule->labels[LABEL_LEGIT]);
    json_end_object(json);
}

static void add_index(struct buffer *json, bool is_compared, double index, double noise) {
    json_add_value(json, text_of("stability_index"),
                   is_compared ? value_double(index) : value_absent());
    add_double(json, "noise", noise);
}

static void add_drift(struct buffer *json, const struct night_document *document) {
    const struct night_drift *drift = document->evidence.drift;
    double index = 0, noise = 0;
    json_begin_object(json, "drift");
    if (*drift->reason)
        json_add_text(json, "reason", text_of(drift->reason));
    json_add_unsigned(json, "rows", drift->rows);
    json_add_unsigned(json, "rows_before", drift->rows_before);
    json_add_unsigned(json, "days_before", drift->days_before);
    json_begin_object(json, "score");
    bool is_compared = night_score_drift(document->evidence.figures, &index, &noise);
    add_index(json, is_compared, index, noise);
    json_end_object(json);
    json_begin_array(json, "features");
    for (size_t i = 0; i < drift->count; i++) {
        const struct night_feature_drift *feature = &drift->features[i];
        json_begin_object(json, NULL);
        json_add_text(json, "feature", feature->name);
        add_index(json, feature->is_compared, feature->index, feature->noise);
        add_share(json, "absent", feature->absent, drift->rows);
        add_share(json, "absent_before", feature->absent_before, drift->rows_before);
        json_end_object(json);
    }
    json_end_array(json);
    drift_json_add_models(json, "models", drift->models, drift->model_count);
    json_end_object(json);
}

/* null where no experiment was in force. */
static void add_experiment(struct buffer *json, const struct night_figures *figures) {
    const struct arms_phase *phase = night_arms_phase(figures->arms);
    if (!phase) {
        json_add_value(json, TEXT_LITERAL("experiment"), value_absent());
        return;
    }
    json_begin_object(json, "experiment");
    policy_arms_json_phase(phase, NIGHT_ARMS_AGE * DAY_US, json);
    json_end_object(json);
}

static void add_guard(struct buffer *json, const struct night_document *document) {
    const struct night_journal *journal = document->evidence.journal;
    json_begin_object(json, "guard");
    json_add_unsigned(json, "held_back", journal->held_back);
    if (*journal->accepted)
        json_add_text(json, "accepted", text_of(journal->accepted));
    json_begin_array(json, "held");
    for (size_t i = 0; i < journal->held_lines; i++)
        json_add_text(json, NULL, text_of(journal->held[i].text));
    json_end_array(json);
    json_end_object(json);
}

static void add_rejects(struct buffer *json, const struct night_rejects *rejects) {
    json_begin_object(json, "rejects");
    json_add_bool(json, "known", rejects->is_known);
    json_add_unsigned(json, "count", rejects->now);
    json_add_unsigned(json, "before", rejects->before);
    json_begin_array(json, "reasons");
    for (size_t i = 0; i < rejects->count; i++) {
        json_begin_object(json, NULL);
        json_add_text(json, "reason", text_of(rejects->reasons[i].name));
        json_add_unsigned(json, "count", rejects->reasons[i].now);
        json_add_unsigned(json, "before", rejects->reasons[i].before);
        json_end_object(json);
    }
    json_end_array(json);
    json_add_unsigned(json, "unreadable", rejects->unreadable);
    json_end_object(json);
}

static void add_source(struct buffer *json, const struct night_source *source) {
    json_begin_object(json, NULL);
    json_add_text(json, "source", source->name);
    json_add_unsigned(json, "transactions", source->transactions);
    json_add_unsigned(json, "first", source->first);
    json_add_unsigned(json, "last", source->last);
    json_add_unsigned(json, "gaps", source->counts.gaps);
    json_add_unsigned(json, "missed", source->counts.missed);
    json_add_unsigned(json, "late", source->counts.late);
    json_add_unsigned(json, "repeats", source->counts.repeats);
    json_add_unsigned(json, "restarts", source->counts.restarts);
    json_begin_array(json, "missing");
    for (size_t i = 0; i < source->missing_count; i++) {
        json_begin_array(json, NULL);
        json_add_unsigned(json, NULL, source->missing[i].first);
        json_add_unsigned(json, NULL, source->missing[i].last);
        json_end_array(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static void add_sources(struct buffer *json, const struct night_sources *sources) {
    json_begin_object(json, "sources");
    json_begin_array(json, "of");
    for (size_t i = 0; i < sources->count; i++)
        if (sources->of[i].transactions > 0)
            add_source(json, &sources->of[i]);
    json_end_array(json);
    json_add_unsigned(json, "other_transactions", sources->others);
    json_end_object(json);
}

static void add_growth(struct buffer *json, const struct night_document *document) {
    const struct night_growth *growth = &document->evidence.growth;
    json_begin_object(json, "growth");
    json_add_unsigned(json, "archive_bytes", document->evidence.figures->archive_bytes);
    json_add_unsigned(json, "bytes_a_day", growth->bytes_a_day);
    json_add_unsigned(json, "free_bytes", growth->free_bytes);
    if (growth->days_left != UINT64_MAX)
        json_add_unsigned(json, "days_left", growth->days_left);
    json_end_object(json);
}

/* null if no candidate was compared. */
static void add_candidate(struct buffer *json, const struct night_document *document) {
    json_add_key(json, TEXT_LITERAL("candidate"));
    if (document->comparison_json.length > 0)
        buffer_append(json, document->comparison_json.data, document->comparison_json.length);
    else
        buffer_append_string(json, "null");
}

/* Those before the report. */
static void add_steps(struct buffer *json, const struct night_journal *journal) {
    json_begin_array(json, "steps");
    for (int i = 0; i < NIGHT_STEP_REPORT; i++) {
        const struct night_step_entry *entry = &journal->steps[i];
        json_begin_object(json, NULL);
        json_add_text(json, "step", text_of(night_step_name((enum night_step)i)));
        json_add_text(json, "state", text_of(night_step_state_name(entry->state)));
        json_add_unsigned(json, "ms", entry->milliseconds);
        json_add_unsigned(json, "attempts", entry->attempts);
        if (*entry->reason)
            json_add_text(json, "reason", text_of(entry->reason));
        json_end_object(json);
    }
    json_end_array(json);
}

void night_json_format(const struct night_document *document, struct buffer *json) {
    const struct night_figures *figures = document->evidence.figures;
    const struct night_journal *journal = document->evidence.journal;
    json_begin_object(json, NULL);
    json_add_text(json, "date", text_of(journal->date));
    add_date(json, "day", document->day);
    json_add_hex(json, "generation", journal->generation_id);
    json_add_hex(json, "content_hash", journal->content_hash);
    json_add_unsigned(json, "position", journal->place.position);
    if (*figures->currency) {
        json_add_text(json, "currency", text_of(figures->currency));
        json_add_unsigned(json, "currency_digits", figures->digits);
    }
    add_findings(json, &document->findings);
    add_days(json, figures);
    add_ages(json, figures);
    json_begin_array(json, "rules");
    for (size_t i = 0; i < figures->rule_count; i++)
        add_rule(json, figures, &figures->rules[i]);
    json_end_array(json);
    json_add_unsigned(json, "fires_of_other_rules", figures->other_rules);
    json_add_unsigned(json, "untracked", figures->untracked);
    add_experiment(json, figures);
    add_drift(json, document);
    add_guard(json, document);
    add_rejects(json, document->evidence.rejects);
    add_sources(json, figures->sources);
    json_begin_object(json, "verify");
    json_add_bool(json, "sample", journal->is_sample);
    json_add_unsigned(json, "compared", journal->verified);
    json_add_unsigned(json, "different", journal->different);
    json_end_object(json);
    add_candidate(json, document);
    add_growth(json, document);
    add_steps(json, journal);
    json_end_object(json);
    buffer_append_u8(json, '\n');
}
