/* One function for each kind of finding. Thresholds are named where they are used. */
#include "night_findings.h"

#include "batch/base/day.h"
#include "core/base/check.h"
#include "core/model/stability.h"
#include "night_finder.h"
#include "night_model_drift.h"
#include "night_models.h"
#include "night_share.h"
#include "night_statistics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TODAY ((size_t)NIGHT_DAYS - 1)
#define WEEK  (TODAY - NIGHT_WEEK) /* the first day that it is compared with */

/* Chances below which a count is not chance. Many things are tested each night, so they are small:
 * a hundred rules at a millionth give a false finding every 27 years. */
#define CHANCE_DAY  1e-4
#define CHANCE_MANY 1e-6

/* ---- volume ---- */

/* What the reported day is compared with: the same weekdays of the weeks before it, or all days of
 * a history that has none. */
struct reference {
    uint64_t sum, days, least, most;
};

static void reference_add(struct reference *reference, uint64_t transactions) {
    if (transactions == 0) /* before the archive began, or reported as missing then */
        return;
    if (reference->days == 0 || transactions < reference->least)
        reference->least = transactions;
    if (transactions > reference->most)
        reference->most = transactions;
    reference->sum += transactions;
    reference->days++;
}

static struct reference reference_of(const struct finder *finder) {
    struct reference reference = {0};
    const struct night_day *days = finder->figures->days;
    for (size_t i = TODAY; i >= NIGHT_WEEK; i -= NIGHT_WEEK)
        reference_add(&reference, days[i - NIGHT_WEEK].transactions);
    for (size_t i = WEEK; i < TODAY && days[WEEK].transactions == 0; i++)
        reference_add(&reference, days[i].transactions);
    return reference;
}

/* Below or above the mean by this factor, well beyond all days, and more than chance. */
static bool is_low(uint64_t now, const struct reference *reference, double times) {
    return (double)now * (double)reference->days < times * (double)reference->sum &&
           (double)now < 0.8 * (double)reference->least &&
           night_chance_of_fall(now, 1, reference->sum, reference->days) < CHANCE_DAY;
}

static bool is_high(uint64_t now, const struct reference *reference, double times) {
    return (double)now * (double)reference->days > times * (double)reference->sum &&
           (double)now > 1.3 * (double)reference->most &&
           night_chance_of_rise(now, 1, reference->sum, reference->days) < CHANCE_DAY;
}

static void find_volume(struct finder *finder) {
    struct reference reference = reference_of(finder);
    uint64_t now = finder->today->transactions;
    if (reference.days == 0)
        return;
    bool low = is_low(now, &reference, 0.65);
    if (!low && !is_high(now, &reference, 1.8))
        return;
    double usual = (double)reference.sum / (double)reference.days;
    struct night_finding *finding =
        finder_add(finder, low ? NIGHT_ALERT : NIGHT_WARNING, low ? "volume_low" : "volume_high",
                   (struct text){0}, (double)now, usual);
    finder_say(finding, "%" PRIu64 " transactions; %.0f are usual %s", now, usual,
               finder->figures->days[WEEK].transactions > 0 ? "on this day of the week"
                                                            : "on a day");
    finder_advise(
        finding, "%s",
        low ? "Ask the producers: a channel may be down, or its transactions refused (see the "
              "rejects) or still to come."
            : "Look for transactions sent twice under new ids, for a test that went to "
              "production, and for card testing.");
}

/* Neither today nor in the week before. */
static void find_silence(struct finder *finder) {
    const struct night_figures *figures = finder->figures;
    char newest[64] = "none";
    for (size_t i = WEEK; i < NIGHT_DAYS; i++)
        if (figures->days[i].transactions > 0)
            return;
    if (figures->newest_event_us != INT64_MIN)
        value_format(value_timestamp(figures->newest_event_us), newest, sizeof newest);
    struct night_finding *finding =
        finder_add(finder, NIGHT_ALERT, "no_transactions", (struct text){0}, 0, 0);
    finder_say(finding, "No transaction on this day or in the week before; the newest: %s", newest);
    finder_advise(finding,
                  "Ask the producers. A report on imported history needs --date: the day after "
                  "the day that it is about.");
}

/* ---- gaps ---- */

static double expected_in_hour(const struct finder *finder, size_t hour) {
    double sum = 0;
    unsigned days = 0;
    for (size_t i = WEEK; i < TODAY; i++) {
        sum += (double)finder->figures->days[i].hours[hour];
        days += finder->figures->days[i].transactions > 0;
    }
    return days >= 2 ? sum / days : 0;
}

static void report_gap(struct finder *finder, size_t from, size_t to, double expected) {
    char hours[32];
    bool is_long = to - from >= 4;
    snprintf(hours, sizeof hours, "%02zu:00-%02zu:00", from, to);
    struct night_finding *finding = finder_add(finder, is_long ? NIGHT_ALERT : NIGHT_WARNING, "gap",
                                               text_of(hours), 0, expected);
    finder_say(finding,
               "No transaction from %02zu:00 to %02zu:00 UTC, where %.0f were to be expected", from,
               to, expected);
    finder_advise(finding,
                  "Was the server down, or its producers? Transactions that were not scored can "
                  "still be sent, with their event times.");
}

/* Hours without a transaction that 20 or more were expected in: by chance one in e^20. */
static void find_gaps(struct finder *finder) {
    if (finder->today->transactions == 0) /* the volume says so */
        return;
    for (size_t hour = 0; hour < 24;) {
        double expected = 0;
        size_t end = hour;
        for (; end < 24 && finder->today->hours[end] == 0; end++)
            expected += expected_in_hour(finder, end);
        if (expected >= 20)
            report_gap(finder, hour, end, expected);
        hour = end + 1;
    }
}

/* ---- fraud ---- */

/* Days are compared at the same age, since outcomes come late: frauds of the reported day known on
 * that day, frauds of the day a week ago known after a week. */
static void find_fraud(struct finder *finder) {
    static const size_t ages[] = {0, 1, 3, 7, 14};
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
        size_t age = ages[i], at = TODAY - age;
        const struct night_day *day = &finder->figures->days[at];
        struct night_share share = {.k = night_day_frauds_at(day, age), .n = day->transactions};
        for (size_t before = at - NIGHT_WEEK; before < at; before++)
            night_share_add_day(&share, night_day_frauds_at(&finder->figures->days[before], age),
                                finder->figures->days[before].transactions);
        if (!night_share_rose(&share, 2, CHANCE_DAY))
            continue;
        char date[NIGHT_DATE_SIZE];
        night_date_format(finder->figures->first_day + (int64_t)at, date);
        struct night_finding *finding =
            finder_add(finder, NIGHT_ALERT, "fraud_rate", text_of(date), night_share_now(&share),
                       night_share_before(&share));
        char when[32] = "on the same day";
        if (age > 0)
            snprintf(when, sizeof when, "within %zu days", age + 1);
        finder_say(finding,
                   "%" PRIu64 " of %" PRIu64
                   " transactions of %s were reported as fraud %s, %.2f %%; of "
                   "the week before it %.2f %%",
                   share.k, share.n, date, when, 100 * night_share_now(&share),
                   100 * night_share_before(&share));
        finder_advise(
            finding,
            "Look at what they have in common (harrier export %s --from %s --out FILE), and at "
            "the frauds that were approved.",
            finder->evidence->data, date);
    }
}

/* Of frauds a week or two old, against older ones. */
static void find_missed(struct finder *finder) {
    uint64_t missed = 0, frauds = 0, missed_before = 0, frauds_before = 0;
    for (size_t i = 0; i < NIGHT_DAYS - 7; i++) {
        const struct night_day *day = &finder->figures->days[i];
        bool is_recent = i >= NIGHT_DAYS - 14;
        uint64_t of_day = night_day_frauds(day, false);
        *(is_recent ? &missed : &missed_before) += of_day;
        *(is_recent ? &frauds : &frauds_before) += of_day + night_day_frauds(day, true);
    }
    if (frauds_before == 0 || frauds == 0)
        return;
    double now = (double)missed / (double)frauds;
    double before = (double)missed_before / (double)frauds_before;
    if (now < 1.5 * before ||
        night_chance_of_rise(missed, frauds, missed_before, frauds_before) >= CHANCE_DAY)
        return;
    struct night_finding *finding =
        finder_add(finder, NIGHT_WARNING, "missed_frauds", (struct text){0}, now, before);
    finder_say(finding,
               "%" PRIu64 " of %" PRIu64
               " frauds a week or two old were approved, %.0f %%; of older ones "
               "%.0f %%",
               missed, frauds, 100 * now, 100 * before);
    finder_advise(finding,
                  "A new pattern may pass the rules: compare the missed frauds with the found "
                  "ones, and write a rule in shadow.");
}

/* ---- verdicts and rules ---- */

static void find_verdicts(struct finder *finder) {
    for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++) {
        const char *name = verdict_name(verdict);
        struct night_share share = {.k = finder->today->verdicts[verdict],
                                    .n = finder->today->transactions};
        for (size_t i = WEEK; i < TODAY; i++)
            night_share_add_day(&share, finder->figures->days[i].verdicts[verdict],
                                finder->figures->days[i].transactions);
        bool rose = night_share_rose(&share, 2, CHANCE_DAY / 10);
        if (!rose && !night_share_fell(&share, 2.5, CHANCE_DAY / 10))
            continue;
        struct night_finding *finding =
            finder_add(finder, rose ? NIGHT_ALERT : NIGHT_WARNING, "verdict_share", text_of(name),
                       night_share_now(&share), night_share_before(&share));
        finder_say(finding, "%.2f %% of the transactions got %s; in the week before %.2f %%",
                   100 * night_share_now(&share), name, 100 * night_share_before(&share));
        finder_advise(
            finding, "%s",
            rose ? "Look at the rules that fire more often than before, below; a rule can be "
                   "put into shadow until it is understood."
                 : "Look at the rules that fire less often than before, and at features that "
                   "are absent more often, below.");
    }
}

static struct night_share share_of_rule(const struct finder *finder, const uint64_t *counts) {
    struct night_share share = {.k = counts[TODAY], .n = finder->today->transactions};
    for (size_t i = WEEK; i < TODAY; i++)
        night_share_add_day(&share, counts[i], finder->figures->days[i].transactions);
    return share;
}

/* Half of the transactions or more, and not for long. */
static bool is_everywhere(const struct night_share *share) {
    return share->days > 0 && share->n >= 50 && night_share_now(share) >= 0.5 &&
           night_share_before(share) < 0.5 * night_share_now(share);
}

static void find_firing(struct finder *finder, const struct night_rule *rule) {
    struct night_share share = share_of_rule(finder, rule->fires);
    bool everywhere = is_everywhere(&share);
    bool rose = night_share_rose(&share, 3, CHANCE_MANY);
    bool silent = share.k == 0 && share.k_before >= 50 && night_share_fell(&share, 10, CHANCE_MANY);
    if (!everywhere && !rose && !silent)
        return;
    struct night_finding *finding =
        finder_add(finder, everywhere && !rule->is_shadow ? NIGHT_ALERT : NIGHT_WARNING,
                   everywhere ? "rule_fires_on_everything"
                   : rose     ? "rule_rate"
                              : "rule_silent",
                   rule->name, night_share_now(&share), night_share_before(&share));
    finder_say(finding,
               "The rule %" TEXT_FORMAT
               "%s fired for %.2f %% of the transactions; in the week before for "
               "%.2f %%",
               TEXT_ARGS(rule->name), rule->is_shadow ? ", in shadow," : "",
               100 * night_share_now(&share), 100 * night_share_before(&share));
    finder_advise(
        finding, "%s",
        everywhere ? "Put it into shadow (mode: shadow) and reload; then look at the values it "
                     "reads with harrier explain."
        : rose     ? "Look at some of its transactions with harrier explain: an attack, or a "
                     "feature that has changed?"
                   : "Does it still get the fields and features that it reads? harrier explain "
                     "shows them.");
}

static void find_failing(struct finder *finder, const struct night_rule *rule) {
    uint64_t failures = rule->failures[TODAY], n = finder->today->transactions;
    if (failures == 0)
        return;
    struct night_finding *finding =
        finder_add(finder, failures * 100 >= n ? NIGHT_ALERT : NIGHT_WARNING, "rule_fails",
                   rule->name, (double)failures, 0);
    finder_say(finding,
               "The condition of the rule %" TEXT_FORMAT " failed for %" PRIu64 " of %" PRIu64
               " transactions",
               TEXT_ARGS(rule->name), failures, n);
    finder_advise(finding,
                  "harrier explain shows the part that fails; has() guards a value that may be "
                  "absent.");
}

/* With 200 outcomes or more, all but one in a hundred legitimate. */
static void find_imprecise(struct finder *finder, const struct night_rule *rule) {
    uint64_t fraud = rule->labels[LABEL_FRAUD] + rule->labels[LABEL_CHARGEBACK];
    uint64_t known = fraud + rule->labels[LABEL_LEGIT];
    if (known < 200 || fraud * 100 >= known || rule->is_shadow)
        return;
    struct night_finding *finding = finder_add(finder, NIGHT_NOTE, "rule_precision", rule->name,
                                               (double)fraud / (double)known, 0.01);
    finder_say(finding,
               "Of %" PRIu64 " transactions with an outcome that the rule %" TEXT_FORMAT
               " fired for, %" PRIu64 " were fraud",
               known, TEXT_ARGS(rule->name), fraud);
    finder_advise(finding, "Narrow its condition, lower its score, or put it into shadow.");
}

static void find_rules(struct finder *finder) {
    for (size_t i = 0; i < finder->figures->rule_count; i++) {
        find_firing(finder, &finder->figures->rules[i]);
        find_failing(finder, &finder->figures->rules[i]);
        find_imprecise(finder, &finder->figures->rules[i]);
    }
}

static void find_degraded(struct finder *finder) {
    struct night_share share = {.k = finder->today->degraded, .n = finder->today->transactions};
    for (size_t i = WEEK; i < TODAY; i++)
        night_share_add_day(&share, finder->figures->days[i].degraded,
                            finder->figures->days[i].transactions);
    if (night_share_now(&share) < 0.01 || !night_share_rose(&share, 2, CHANCE_DAY))
        return;
    struct night_finding *finding =
        finder_add(finder, night_share_now(&share) >= 0.1 ? NIGHT_ALERT : NIGHT_WARNING, "degraded",
                   (struct text){0}, night_share_now(&share), night_share_before(&share));
    finder_say(finding, "%.2f %% of the decisions lacked something; in the week before %.2f %%",
               100 * night_share_now(&share), 100 * night_share_before(&share));
    finder_advise(finding,
                  "degraded_reason of these decisions says what: new features before their "
                  "first rebuild, late transactions, or old tables.");
}

/* ---- clocks ---- */

static const struct night_reject_reason *clock_rejects(const struct finder *finder) {
    const struct night_rejects *rejects = finder->evidence->rejects;
    for (size_t i = 0; i < rejects->count; i++)
        if (rejects->reasons[i].is_event_time && rejects->reasons[i].now >= 10 &&
            rejects->reasons[i].now * 200 >= finder->today->transactions)
            return &rejects->reasons[i];
    return NULL;
}

static void find_clocks(struct finder *finder) {
    const struct night_day *today = finder->today;
    const struct night_reject_reason *refused = clock_rejects(finder);
    int64_t now_us = finder->evidence->now_us;
    double hours = (double)today->early_us_max / 3.6e9;
    if (today->early >= 10 && today->early * 1000 >= today->transactions) {
        bool is_bad = today->early * 100 >= today->transactions;
        struct night_finding *finding = finder_add(finder, is_bad ? NIGHT_ALERT : NIGHT_WARNING,
                                                   "clock_fast", TEXT_LITERAL("client"), hours, 0);
        finder_say(finding,
                   "%" PRIu64
                   " transactions have event times later than their receipt, by up to %.1f "
                   "hours",
                   today->early, hours);
        finder_advise(finding,
                      "A client's clock, or its time zone, is wrong. Its entities have histories "
                      "in the future until that time has passed.");
    }
    if (refused) {
        struct night_finding *finding =
            finder_add(finder, NIGHT_ALERT, "clock_fast", TEXT_LITERAL("refused"),
                       (double)refused->now, (double)refused->before / NIGHT_WEEK);
        finder_say(finding, "%" PRIu64 " transactions were refused for their event times",
                   refused->now);
        finder_advise(finding,
                      "A client's clock, or its time zone, is wrong: the file of rejects names "
                      "the sources. Correct the times and send them again.");
    }
    if (finder->figures->newest_receive_us > now_us + NIGHT_EARLY_US ||
        finder->figures->future > 0) {
        char newest[64];
        int64_t newest_us = finder->figures->newest_receive_us;
        if (finder->figures->future > 0)
            newest_us = finder->figures->newest_event_us;
        value_format(value_timestamp(newest_us), newest, sizeof newest);
        struct night_finding *finding =
            finder_add(finder, NIGHT_ALERT, "clock_fast", TEXT_LITERAL("archive"),
                       (double)(newest_us - now_us) / 3.6e9, 0);
        finder_say(finding, "The archive has records dated %s, which is in the future", newest);
        finder_advise(finding,
                      "The clock of this machine, of the server or of a client is wrong. After a "
                      "wrong receive time, records repeat it until the clock has passed it.");
    }
}

/* ---- rejects, guard, tables, disk ---- */

/* Days before the files' oldest row are not known: somebody may have moved the file. */
static void find_rejects(struct finder *finder) {
    const struct night_rejects *rejects = finder->evidence->rejects;
    uint64_t before_n = rejects->before, n = finder->today->transactions + rejects->now;
    unsigned days = 0;
    for (size_t i = WEEK; i < TODAY; i++)
        if (finder->figures->first_day + (int64_t)i >= rejects->first_day) {
            before_n += finder->figures->days[i].transactions;
            days++;
        }
    if (!rejects->is_known || rejects->now < 20)
        return;
    bool is_many = rejects->now * 20 >= n;
    bool rose = (double)rejects->now * (double)before_n > 3 * (double)rejects->before * (double)n &&
                night_chance_of_rise(rejects->now, n, rejects->before, before_n) < CHANCE_MANY;
    if (!is_many && !rose && days > 0)
        return;
    double usual = days > 0 ? (double)rejects->before / days : 0;
    char before[64] = "the file has none of the days before";
    if (days > 0)
        snprintf(before, sizeof before, "in the %u days before %.1f a day", days, usual);
    struct night_finding *finding =
        finder_add(finder, is_many ? NIGHT_ALERT : NIGHT_WARNING, "rejects", (struct text){0},
                   (double)rejects->now, usual);
    finder_say(finding, "%" PRIu64 " transactions were refused, %.2f %% of all that came; %s",
               rejects->now, 100 * (double)rejects->now / (double)n, before);
    finder_advise(finding,
                  "The report lists them by reason. Once the cause is mended, harrier score "
                  "sends the file of rejects again.");
}

/* Any missing number is worth a question: counting is what numbers are sent for. */
static void find_missing_numbers(struct finder *finder, const struct night_source *source) {
    const struct source_range *first = &source->missing[0];
    if (source->counts.missed <= source->counts.late)
        return;
    uint64_t missing = source->counts.missed - source->counts.late;
    struct night_finding *finding =
        finder_add(finder, NIGHT_WARNING, "source_gaps", source->name, (double)missing, 0);
    finder_say(finding,
               "%" PRIu64 " numbers of %" TEXT_FORMAT " did not arrive; the first are %" PRIu64
               " to %" PRIu64,
               missing, TEXT_ARGS(source->name), first->first, first->last);
    finder_advise(finding,
                  "The transactions were lost, or refused: look for them in the file of rejects, "
                  "and ask the producer to send them again.");
}

static void find_sources(struct finder *finder) {
    const struct night_sources *sources = finder->figures->sources;
    for (size_t i = 0; i < sources->count; i++) {
        const struct night_source *source = &sources->of[i];
        find_missing_numbers(finder, source);
        if (source->counts.repeats == 0)
            continue;
        struct night_finding *finding = finder_add(finder, NIGHT_WARNING, "source_repeats",
                                                   source->name, (double)source->counts.repeats, 0);
        finder_say(finding,
                   "%" PRIu64 " numbers of %" TEXT_FORMAT " came again, with another transaction",
                   source->counts.repeats, TEXT_ARGS(source->name));
        finder_advise(finding,
                      "Two programs may use this name, or the producer sends a transaction again "
                      "under a new id, which counts it twice.");
    }
}

static void find_held(struct finder *finder) {
    const struct night_journal *journal = finder->evidence->journal;
    if (journal->held_back > 0) {
        struct night_finding *finding = finder_add(finder, NIGHT_WARNING, "held_back",
                                                   (struct text){0}, (double)journal->held_back, 0);
        finder_say(finding,
                   "%" PRIu64
                   " thresholds or cut-offs changed by more than their guards allow, and keep "
                   "their old values",
                   journal->held_back);
        finder_advise(finding,
                      "The report lists them. If the change is right: harrier rebuild --data %s "
                      "--force --accept-changes",
                      finder->evidence->data);
    }
    if (*journal->warning) {
        struct night_finding *finding =
            finder_add(finder, NIGHT_WARNING, "rebuild", (struct text){0}, 0, 0);
        finder_say(finding, "%.380s", journal->warning);
        finder_advise(finding,
                      "The rebuild is complete; docs/operations/troubleshooting.md has its "
                      "warnings.");
    }
}

/* Not in the day's figures; but it may be why thresholds move, or why the rebuild took long. */
static void find_backfilled(struct finder *finder) {
    uint64_t count = finder->today->backfilled;
    if (count == 0)
        return;
    struct night_finding *finding =
        finder_add(finder, NIGHT_NOTE, "backfilled", (struct text){0}, (double)count, 0);
    finder_say(finding, "%" PRIu64 " transactions of history were recorded by harrier backfill",
               count);
    finder_advise(finding,
                  "The figures of days, rules and drift leave them out. Thresholds count them at "
                  "their event times, which may be why a guard holds values back.");
}

static void find_different(struct finder *finder) {
    const struct night_journal *journal = finder->evidence->journal;
    if (journal->different == 0)
        return;
    struct night_finding *finding = finder_add(finder, NIGHT_ALERT, "tables_differ",
                                               (struct text){0}, (double)journal->different, 0);
    finder_say(finding,
               "%" PRIu64 " of %" PRIu64 " compared states or ids are not what the archive gives",
               journal->different, journal->verified);
    finder_advise(
        finding,
        "harrier verify %s shows them; harrier rebuild --data %s --full builds the tables "
        "anew. Please report this.",
        finder->evidence->data, finder->evidence->data);
}

static void find_growth(struct finder *finder) {
    const struct night_growth *growth = &finder->evidence->growth;
    if (growth->free_bytes == 0 || growth->days_left >= 30)
        return;
    struct night_finding *finding =
        finder_add(finder, growth->days_left < 7 ? NIGHT_ALERT : NIGHT_WARNING, "disk",
                   (struct text){0}, (double)growth->days_left, 30);
    finder_say(finding,
               "The archive grows by %" PRIu64 " MiB a day, and its disk has room for %" PRIu64
               " days",
               growth->bytes_a_day >> 20, growth->days_left);
    finder_advise(finding,
                  "Enlarge the disk, or move what is not Harrier's. A full disk stops decisions.");
}

/* ---- drift ---- */

bool night_score_drift(const struct night_figures *figures, double *ret_index, double *ret_noise) {
    struct night_histogram *before = check_calloc(1, sizeof *before);
    struct night_histogram *now = check_calloc(1, sizeof *now);
    for (size_t day = WEEK; day < NIGHT_DAYS; day++)
        for (size_t score = 0; score < NIGHT_SCORES; score++)
            (day == TODAY ? now : before)->counts[night_histogram_bin(value_int((int64_t)score))] +=
                figures->days[day].scores[score];
    bool is_compared = night_histogram_compare(before, now, ret_index, ret_noise);
    free(before);
    free(now);
    return is_compared;
}

#define DRIFT_INDEX STABILITY_SHIFT
#define DRIFT_ROWS  200

/* While an archive is younger than a window and the week, the window's values grow. */
static bool is_filling(const struct finder *finder, const struct night_feature_drift *feature) {
    size_t first = 0;
    while (first < NIGHT_DAYS && finder->figures->days[first].transactions == 0)
        first++;
    int64_t history_days = NIGHT_DAYS - (int64_t)first;
    int64_t reach_days =
        feature->reach_days > 0 ? feature->reach_days : NIGHT_DAYS - NIGHT_WEEK - 1;
    return first > 0 && history_days < reach_days + NIGHT_WEEK + 1;
}

static bool is_shift(double index, double noise) {
    return index > DRIFT_INDEX + 5 * noise;
}

static void find_drift(struct finder *finder) {
    const struct night_drift *drift = finder->evidence->drift;
    double index, noise;
    if (finder->today->transactions >= DRIFT_ROWS &&
        night_score_drift(finder->figures, &index, &noise) && is_shift(index, noise)) {
        struct night_finding *finding =
            finder_add(finder, NIGHT_WARNING, "score_drift", (struct text){0}, index, DRIFT_INDEX);
        finder_say(finding,
                   "Scores are distributed differently from last week: stability index %.2f",
                   index);
        finder_advise(finding,
                      "Cut-offs may no longer give the alerts that they were chosen for. Look at "
                      "the rules and features that changed.");
    }
    for (size_t i = 0; i < drift->count; i++) {
        const struct night_feature_drift *feature = &drift->features[i];
        if (!feature->is_compared || drift->rows < DRIFT_ROWS || drift->days_before < 2 ||
            !is_shift(feature->index, feature->noise) || is_filling(finder, feature))
            continue;
        struct night_finding *finding = finder_add(finder, NIGHT_WARNING, "feature_drift",
                                                   feature->name, feature->index, DRIFT_INDEX);
        finder_say(finding,
                   "The values of %" TEXT_FORMAT
                   " are distributed differently from last week: stability "
                   "index %.2f; absent in %.1f %%, before in %.1f %%",
                   TEXT_ARGS(feature->name), feature->index,
                   100 * (double)feature->absent / (double)drift->rows,
                   100 * (double)feature->absent_before / (double)drift->rows_before);
        finder_advise(finding, "Has a producer changed the fields that it is made from? Rules and "
                               "thresholds on it were chosen for other values.");
    }
}

/* ---- all ---- */

/* The most severe first, and of one severity and code the most unusual. */
static int compare_findings(const void *left, const void *right) {
    const struct night_finding *a = left, *b = right;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    int order = strcmp(a->code, b->code);
    if (order != 0)
        return order;
    if (a->figure != b->figure)
        return a->figure > b->figure ? -1 : 1;
    return strcmp(a->subject, b->subject);
}

void night_findings_make(const struct night_evidence *evidence,
                         struct night_findings *ret_findings) {
    static void (*const find[])(struct finder *) = {
        find_silence,           find_volume,     find_gaps,        find_fraud,  find_missed,
        find_verdicts,          find_rules,      find_degraded,    find_clocks, find_rejects,
        find_sources,           find_held,       find_different,   find_growth, find_drift,
        night_model_drift_find, find_backfilled, night_models_find};
    *ret_findings = (struct night_findings){0};
    struct finder finder = {.evidence = evidence,
                            .figures = evidence->figures,
                            .today = &evidence->figures->days[TODAY],
                            .findings = ret_findings};
    for (size_t i = 0; i < sizeof find / sizeof *find; i++)
        find[i](&finder);
    if (ret_findings->count > 0)
        qsort(ret_findings->of, ret_findings->count, sizeof *ret_findings->of, compare_findings);
}

void night_findings_deinit(struct night_findings *findings) {
    free(findings->of);
    *findings = (struct night_findings){0};
}
