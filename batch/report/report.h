/* What would this policy have done? The figures of a replay, from its rows.
 *
 * Rows are taken by the replay's workers, each into sums of its own: whole numbers, and a sample
 * that is chosen by hashes. What they add up to is the same for any number of threads, and doubles
 * are made of it at the very end. Only card precision asks for the order of rows: what it needs
 * goes from report_take() to report_row() by way of the row's `prepared`.
 *
 * Two sides are compared: what the replay decided, and what is in the archive or what a second
 * policy decided. A transaction that either of them refuses is counted, and has no part in the
 * rest. Positive is what turned out to be fraud or a chargeback, negative what turned out to be
 * legit or has no outcome; report_tally.h has the classes, report_rules.h what is told of rules,
 * report_cards.h card precision. docs/CLI.md says all of it for readers of the report. */
#pragma once

#include "batch/replay/replay.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "report_cards.h"
#include "report_changes.h"
#include "report_rules.h"
#include "report_tally.h"

struct report_options {
    const char *card; /* entity that card precision counts; NULL: "card", else "customer" */
    uint64_t k;       /* of card precision */
    /* Cards are blocked so many days after a fraud: report_cards.h. REPORT_NEVER_BLOCKED. */
    int64_t blocked_after_days;
    /* Rows of earlier event times tell of frauds for that, and nothing else. INT64_MIN: none. */
    int64_t history_until_us;
    /* Transactions without an outcome at later event times are immature; INT64_MAX: none. */
    int64_t immature_from_us;
    size_t listed; /* changed decisions that are kept */
    bool texts;    /* the replay was opened with them: reasons need not be written here */
};

struct report;

/* The replay's policies must outlive it. */
struct report *report_new(const struct report_options *options, const struct replay *replay);
void report_free(struct report *report); /* NULL is allowed */

/* What report_take() always appends to `prepared`. */
#define REPORT_MARK_BYTES 9

/* In any worker's thread, as replay_listener has it. */
int report_take(struct report *report, size_t worker, const struct replay_row *row,
                struct buffer *prepared, struct error *ret_error);
/* In the order of positions. mark: what report_take() appended. Without it there is no card
 * precision. */
void report_row(struct report *report, const struct replay_row *row, struct text mark);

/* All that has been taken so far, for a report of a later run. No row is being taken; the report
 * itself goes on. */
void report_encode(struct report *report, struct buffer *out);
/* Into a new report with the same options, of a replay of the same policies. ERROR_DAMAGED: that is
 * not what report_encode() wrote; the report is good for nothing then. */
int report_decode(struct report *report, const struct replay *replay, struct text bytes,
                  struct error *ret_error);

struct report_figures {
    /* Rows that both sides decided; the others are refused, by the policy or only by the other. */
    uint64_t transactions, refused, against_refused;
    uint64_t degraded, rule_errors; /* decisions of the replayed policy */
    int64_t first_us, last_us;      /* event times of those that were decided */
    struct report_tally tally;
    struct report_rules rules;
    struct report_changes changes;
    uint64_t changed; /* how many verdicts are others */
    struct text card; /* the entity that is counted; "": there is none */
    const struct report_card_day *card_days;
    size_t card_day_count;
    uint64_t late_cards;    /* rows that came too late for card precision */
    uint64_t blocked_cards; /* rows of blocked cards */
    /* What AUC and the like are of. */
    const struct report_scores *ranking[REPORT_SIDES];
};

/* Once, after the last row. Lives as long as the report. */
const struct report_figures *report_finish(struct report *report);
