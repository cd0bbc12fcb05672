/* The figures of a replay: what would this policy have done, and how good would it have been?
 *
 * The replay's workers take rows in parallel, each into sums of its own: whole numbers, and a
 * sample chosen by hashes. The total is the same for any number of threads, and floating point is
 * used in the last step only. Card precision alone depends on the order of rows: report_take()
 * passes what it needs to report_row() in the row's `prepared`.
 *
 * Two sides are compared: the replay's decisions, and those of the archive or of a second policy. A
 * transaction that either side refuses is counted and left out of everything else. Positives are
 * transactions that turned out to be fraud or a chargeback; negatives turned out to be legit or
 * have no outcome. report_tally.h defines the classes, report_rules.h the figures of rules,
 * report_cards.h card precision, report_models.h the drift of models; docs/CLI.md explains all of
 * it to readers of the report. */
#pragma once

#include "batch/replay/replay.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "report_cards.h"
#include "report_changes.h"
#include "report_models.h"
#include "report_rules.h"
#include "report_tally.h"

struct report_options {
    const char *card; /* entity that card precision counts; NULL: "card", else "customer" */
    uint64_t k;       /* of card precision: cards a day */
    /* Cards are blocked this many days after a fraud (report_cards.h), or REPORT_NEVER_BLOCKED. */
    int64_t blocked_after_days;
    /* Rows with earlier event times only contribute their frauds to that. INT64_MIN: none. */
    int64_t history_until_us;
    /* Transactions with later event times are immature. INT64_MAX: none. */
    int64_t immature_from_us;
    size_t listed; /* changed decisions to keep */
    bool texts;    /* the replay has the option `texts`: reasons need not be formatted here */
};

struct report;

/* The replay's policies must outlive it. */
struct report *report_new(const struct report_options *options, const struct replay *replay);
void report_free(struct report *report); /* NULL is allowed */

/* What report_take() always appends to `prepared`. */
#define REPORT_MARK_BYTES 9

/* replay_listener's take(): in any worker's thread. */
int report_take(struct report *report, size_t worker, const struct replay_row *row,
                struct buffer *prepared, struct error *ret_error);
/* replay_listener's row(): in order, one thread. mark: what report_take() appended. If this is
 * never called, there is no card precision. */
void report_row(struct report *report, const struct replay_row *row, struct text mark);

/* Encodes everything taken so far, for a later run to continue (a checkpoint). Not while rows are
 * being taken; the report itself can continue. */
void report_encode(struct report *report, struct buffer *out);
/* Into a new report with the same options, of a replay of the same policies. ERROR_DAMAGED: the
 * bytes are not from report_encode(); the report can then only be freed. */
int report_decode(struct report *report, const struct replay *replay, struct text bytes,
                  struct error *ret_error);

struct report_figures {
    /* Rows that both sides decided; refused: by the replayed policy; against_refused: by the other
     * side only. */
    uint64_t transactions, refused, against_refused;
    uint64_t degraded, rule_errors; /* decisions of the replayed policy */
    int64_t first_us, last_us;      /* event times of those that were decided */
    struct report_tally tally;
    struct report_rules rules;
    struct report_changes changes;
    uint64_t changed; /* rows whose verdicts differ */
    struct text card; /* the entity that card precision counts; "": none */
    const struct report_card_day *card_days;
    size_t card_day_count;
    uint64_t late_cards;    /* rows that came too late for card precision */
    uint64_t blocked_cards; /* rows of blocked cards */
    /* Of the models of replay_last_policy() that have a reference, in the rows that it decided. */
    const struct report_model_drift *model_drift;
    size_t model_drift_count;
    /* The scores that AUC and average precision are computed from. */
    const struct report_scores *ranking[REPORT_SIDES];
};

/* Once, after the last row. Lives as long as the report. */
const struct report_figures *report_finish(struct report *report);
