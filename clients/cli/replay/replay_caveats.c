/* The caveats of a replay's report, each only where it applies.
 *
 * One function per group of caveats, called in the order in which they are printed. Each has a
 * code, which programs and the HTML page rely on, and a sentence. A caveat never changes a
 * figure. */
#include "replay_caveats.h"

#include "clients/cli/terminal/quantity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY_US    (INT64_C(86400) * 1000000)
#define WEEK_DAYS 7
#define NAMED_MAX 5 /* rules that are named in a sentence */

/* What note_…() functions read and fill. */
struct caveats {
    const struct replay_document *document;
    struct replay_caveat *of;
    size_t count;
};

/* Silently drops what exceeds the limit, which is well above the number of codes. */
__attribute__((format(printf, 3, 4))) static void add(struct caveats *caveats, const char *code,
                                                      const char *format, ...) {
    if (caveats->count == REPLAY_CAVEATS_MAX)
        return;
    struct replay_caveat *caveat = &caveats->of[caveats->count++];
    va_list arguments;
    va_start(arguments, format);
    caveat->code = code;
    vsnprintf(caveat->text, sizeof caveat->text, format, arguments);
    va_end(arguments);
}

/* Four numbers of a sentence at a time. */
static const char *number(uint64_t count) {
    static _Thread_local char texts[4][QUANTITY_COUNT_SIZE];
    static _Thread_local unsigned next;
    return quantity_format_count(count, texts[next++ % 4]);
}

/* "1 transaction" */
static const char *transactions(uint64_t count) {
    static _Thread_local char texts[4][QUANTITY_COUNT_SIZE + sizeof " transactions"];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "%s transaction%s", number(count), count == 1 ? "" : "s");
    return text;
}

/* "30 days"; what is not a whole number of days to the two greatest units. */
static const char *duration(int64_t us) {
    static _Thread_local char texts[4][QUANTITY_DURATION_SIZE];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 4];
    if (us < DAY_US || us % DAY_US != 0)
        return quantity_format_duration((uint64_t)us, text);
    snprintf(text, sizeof texts[0], "%" PRId64 " day%s", us / DAY_US, us == DAY_US ? "" : "s");
    return text;
}

/* Four of them can be in one sentence, as with numbers. */
static const char *time_text(int64_t us) {
    static _Thread_local char texts[4][64];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 4];
    value_format(value_timestamp(us), text, sizeof texts[0]);
    return text;
}

/* Caveats about another policy do not apply to the policies that decided. */
static bool is_given(const struct caveats *caveats) {
    return caveats->document->command->policy != NULL;
}

/* ---- history ---- */

/* A range without transactions is most often a typing error in --from or --to. */
static void note_range(struct caveats *caveats) {
    const struct replay_document *document = caveats->document;
    if (document->figures->transactions > 0)
        return;
    if (!document->has_span)
        add(caveats, "empty_range", "The archive has no transactions.");
    else
        add(caveats, "empty_range",
            "No transaction was decided. The archive's transactions have event times from %s to "
            "%s.",
            time_text(document->archive_first_us), time_text(document->archive_newest_us));
}

/* With its delay: so far back a feature can look. */
static int64_t longest_window(const struct snapshot *policy) {
    int64_t longest_us = 0;
    for (size_t e = 0; e < policy->plan.entity_count; e++)
        for (size_t f = 0; f < policy->plan.entities[e].feature_count; f++) {
            const struct feature *feature = &policy->plan.entities[e].features[f];
            if (feature->window_us + feature->delay_us > longest_us)
                longest_us = feature->window_us + feature->delay_us;
        }
    return longest_us;
}

/* Compares the history before the range with the longest window. */
static void note_warm_up(struct caveats *caveats) {
    const struct replay_document *document = caveats->document;
    if (!is_given(caveats) || document->figures->transactions == 0)
        return;
    int64_t longest_us = longest_window(document->policy);
    int64_t history_us = document->figures->first_us - document->archive_first_us;
    if (history_us >= longest_us)
        return;
    if (history_us <= 0)
        add(caveats, "warm_up",
            "The archive begins with the range, and the longest window of the policy is %s: at "
            "first, features have less history than they would have had live. --from skips that "
            "time.",
            duration(longest_us));
    else
        add(caveats, "warm_up",
            "The archive begins %s before the range, and the longest window of the policy is %s: "
            "features over windows longer than the former have less history than they would have "
            "had live.",
            duration(history_us), duration(longest_us));
}

/* ---- outcomes ---- */

/* The last week is counted by itself, because outcomes take time to arrive. */
static void note_missing_outcomes(struct caveats *caveats) {
    const struct report_tally *tally = &caveats->document->figures->tally;
    uint64_t missing = 0, late = 0, late_missing = 0;
    for (size_t i = 0; i < tally->day_count; i++) {
        const struct report_day_tally *day = &tally->days[i];
        bool is_late = day->day > tally->days[tally->day_count - 1].day - WEEK_DAYS;
        missing += day->without_outcome;
        late += is_late ? day->transactions : 0;
        late_missing += is_late ? day->without_outcome : 0;
    }
    if (missing == 0)
        return;
    uint64_t immature = report_class_rows(tally, REPORT_IMMATURE);
    add(caveats, "missing_outcomes",
        "Without an outcome: %s of %s; of those in the last %d days, %s of %s. ", number(missing),
        transactions(report_rows(tally)), WEEK_DAYS, number(late_missing), number(late));
    struct replay_caveat *caveat = &caveats->of[caveats->count - 1];
    size_t length = strlen(caveat->text);
    char *rest = caveat->text + length;
    size_t room = sizeof caveat->text - length;
    if (caveats->document->command->outcomes_after_us < 0)
        snprintf(rest, room,
                 "They count as legit; recent ones may still turn out to be fraud "
                 "(--outcomes-after leaves them out).");
    else
        snprintf(rest, room,
                 "They count as legit. All that are younger than %s at the archive's end are left "
                 "out, whatever is known of them: %s.",
                 duration(caveats->document->command->outcomes_after_us), transactions(immature));
}

/* Without known fraud most figures have no value. */
static void note_classes(struct caveats *caveats) {
    const struct report_tally *tally = &caveats->document->figures->tally;
    uint64_t suspected = report_class_rows(tally, REPORT_SUSPECTED);
    if (report_rows(tally) == 0)
        return;
    if (report_class_rows(tally, REPORT_POSITIVE) == 0)
        add(caveats, "no_positives",
            "No transaction %s is known to be fraud, so what the policy would have caught is "
            "unknown.",
            report_class_rows(tally, REPORT_IMMATURE) > 0 ? "that is old enough" : "in the range");
    if (suspected > 0)
        add(caveats, "suspected",
            "%s transaction%s only suspected to be fraud: left out of precision, recall and "
            "similar figures.",
            number(suspected), suspected == 1 ? " is" : "s are");
}

/* What was declined had no chance to become fraud. */
static void note_declined(struct caveats *caveats) {
    if (caveats->document->replay->archived_verdicts[VERDICT_DECLINE] == 0 || !is_given(caveats))
        return;
    add(caveats, "declined_outcomes",
        "Declined transactions rarely get an outcome, so the figures say little about transactions "
        "that were declined then and would be approved now.");
}

/* ---- verdicts, clocks, thresholds ---- */

/* In the source text of a condition: enough to know whether a caveat applies. */
static bool mentions(struct text source, const char *word) {
    return source.data && memmem(source.data, source.length, word, strlen(word)) != NULL;
}

bool replay_follows_verdicts(const struct snapshot *policy) {
    for (size_t e = 0; e < policy->plan.entity_count; e++)
        for (size_t f = 0; f < policy->plan.entities[e].filter_count; f++) {
            struct text source = policy->plan.entities[e].filters[f].source;
            if (mentions(source, "verdict") || mentions(source, "fired("))
                return true;
        }
    for (size_t i = 0; i < policy->rule_count; i++)
        if (policy->rules[i].suppress_slot != SIZE_MAX)
            return true;
    return false;
}

/* Whose verdicts the history follows depends on --counterfactual. */
static void note_verdicts(struct caveats *caveats) {
    const struct replay_document *document = caveats->document;
    if (!is_given(caveats) || !replay_follows_verdicts(document->policy))
        return;
    if (document->command->counterfactual)
        add(caveats, "counterfactual",
            "Everything that depends on verdicts follows the replayed policy. The transactions are "
            "the recorded ones: what customers and fraudsters would have done after a different "
            "verdict is unknown.");
    else
        add(caveats, "verdicts_follow_archive",
            "Features over verdicts, fired() and suppressions follow the verdicts in the archive, "
            "not those of the replayed policy%s.",
            document->command->known_now || document->against
                ? ""
                : "; --counterfactual makes them follow it");
}

/* Only --known now looks into the future. */
static void note_clock(struct caveats *caveats) {
    if (caveats->document->command->known_now)
        add(caveats, "hindsight",
            "Outcomes, amendments and lists are as they are now: features see fraud that had not "
            "been reported yet. The figures are better than they could have been live.");
}

/* Computed values are not recomputed unless --walk-forward is given. */
static void note_thresholds(struct caveats *caveats) {
    const struct replay_document *document = caveats->document;
    size_t count = document->policy->threshold_count + document->policy->budget_count;
    if (!is_given(caveats) || count == 0 || document->command->walk_forward)
        return;
    add(caveats, "thresholds",
        "The policy has thresholds or budgets that are computed every night. Here they have the "
        "values of the tables recorded in the archive where those declare them identically, and "
        "their fallbacks otherwise; --walk-forward computes them.");
}

/* Names at most NAMED_MAX rules with their shares. */
static void note_rollouts(struct caveats *caveats) {
    const struct snapshot *policy = caveats->document->policy;
    char names[320] = "";
    size_t found = 0, length = 0;
    if (!is_given(caveats))
        return;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        if (rule->rollout == RULE_ROLLOUT_ALL || rule->mode == RULE_OFF)
            continue;
        if (found++ >= NAMED_MAX || length >= sizeof names)
            continue;
        length += (size_t)snprintf(names + length, sizeof names - length,
                                   "%s%" TEXT_FORMAT " %g %%", found == 1 ? "" : ", ",
                                   TEXT_ARGS(rule->name), (double)rule->rollout / 100);
    }
    if (found == 0)
        return;
    add(caveats, "rollout", "%s rule%s out to only part of the keys (%s%s), as live.",
        number(found), found == 1 ? " is rolled" : "s are rolled", names,
        found > NAMED_MAX ? ", …" : "");
}

/* ---- rows that are missing somewhere ---- */

/* Each side may refuse transactions that the other takes. */
static void note_refused(struct caveats *caveats) {
    const struct report_figures *figures = caveats->document->figures;
    if (figures->refused > 0)
        add(caveats, "refused",
            "Refused by the policy and left out of all figures: %s. Live, each would have been an "
            "error.",
            transactions(figures->refused));
    if (figures->against_refused > 0)
        add(caveats, "against_refused",
            "Refused by the compared policy and left out of all figures: %s.",
            transactions(figures->against_refused));
}

/* Money is compared in the policy's base currency only. */
static void note_amounts(struct caveats *caveats) {
    uint64_t without = caveats->document->figures->tally.without_amount;
    if (without > 0)
        add(caveats, "without_amount",
            "Without an amount in %s, counted as 0 in sums of money: %s.",
            caveats->document->policy->schema.base_currency, transactions(without));
}

/* What card precision leaves out, and why it may be missing. */
static void note_cards(struct caveats *caveats) {
    const struct report_figures *figures = caveats->document->figures;
    if (figures->card.length == 0)
        add(caveats, "no_card",
            "The policy has no entity \"card\" or \"customer\": there is no card precision (--card "
            "names another entity).");
    if (figures->blocked_cards > 0)
        add(caveats, "blocked_cards",
            "On cards already blocked (--blocked-after), left out of AUC, average precision and "
            "card precision only: %s.",
            transactions(figures->blocked_cards));
    if (figures->late_cards > 0)
        add(caveats, "late_cards",
            "At least two days older than a transaction before them in the archive, left out of "
            "card precision: %s.",
            transactions(figures->late_cards));
}

/* Decisions that were made with less than the policy wanted. */
static void note_decisions(struct caveats *caveats) {
    const struct report_figures *figures = caveats->document->figures;
    if (figures->degraded > 0)
        add(caveats, "degraded", "Decided with missing or late features: %s.",
            transactions(figures->degraded));
    if (figures->rule_errors > 0)
        add(caveats, "rule_errors", "With a rule that failed (see its on_error): %s.",
            transactions(figures->rule_errors));
}

/* Where the report is cut for size, not for content. */
static void note_limits(struct caveats *caveats) {
    const struct report_figures *figures = caveats->document->figures;
    if (figures->changes.count < figures->changed)
        add(caveats, "sampled",
            "%s of %s changed decisions are listed: a stable sample by the hash of the id (--list "
            "N).",
            number(figures->changes.count), number(figures->changed));
    if (!figures->rules.overlap)
        add(caveats, "overlap_limited", "Rules that fire together are counted only up to %d rules.",
            REPORT_OVERLAP_RULES_MAX);
}

/* Without transactions only the range and refusals are worth a word. */
size_t replay_caveats(const struct replay_document *document,
                      struct replay_caveat ret_caveats[REPLAY_CAVEATS_MAX]) {
    struct caveats caveats = {.document = document, .of = ret_caveats};
    note_range(&caveats);
    note_refused(&caveats);
    if (document->figures->transactions == 0)
        return caveats.count;
    if (document->policy) {
        note_warm_up(&caveats);
        note_verdicts(&caveats);
        note_thresholds(&caveats);
        note_rollouts(&caveats);
        note_amounts(&caveats);
        note_cards(&caveats);
    }
    note_clock(&caveats);
    note_missing_outcomes(&caveats);
    note_classes(&caveats);
    note_declined(&caveats);
    note_decisions(&caveats);
    note_limits(&caveats);
    return caveats.count;
}
