/* What rules in shadow and shadow policies would have done, as recorded in the archive: nothing is
 * decided again. Outcomes are those known at the archive's end.
 *
 * Sets of transactions are counted with their outcomes and their amounts per currency. Examples are
 * a stable sample of the transactions that would have been decided differently: those whose ids
 * have the smallest hashes (as in report_changes.h). */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shadow_report_options {
    const char *archive;       /* its folder */
    int64_t from_us, until_us; /* event times in [from, until); INT64_MIN, INT64_MAX: all */
    size_t examples;           /* at most, of each rule and policy */
};

struct shadow_sum {
    char currency[4];
    uint64_t transactions;
    int64_t minor; /* minor units; INT64_MAX: at least that */
};

#define SHADOW_CURRENCIES_MAX 8

/* Counts over a set of transactions. */
struct shadow_set {
    uint64_t transactions;
    uint64_t labels[LABEL_COUNT];
    struct shadow_sum sums[SHADOW_CURRENCIES_MAX]; /* the first currencies seen */
    size_t sum_count;
    uint64_t unsummed; /* transactions in further currencies */
};

/* The set of one transaction. */
struct shadow_set shadow_set_of(const struct transaction *transaction, enum label label);
void shadow_set_add(struct shadow_set *to, const struct shadow_set *set);
/* Outcomes as budgets count them: fraud and chargeback against legit; other labels do not count. */
uint64_t shadow_set_fraud(const struct shadow_set *set);
uint64_t shadow_set_known(const struct shadow_set *set);

struct shadow_example {
    uint64_t hash; /* of the id */
    struct text id;
    uint64_t position;
    int64_t event_time_us, amount_minor;
    char currency[4];
    enum verdict live, shadow;
    uint32_t live_score;
    int32_t shadow_score; /* −1: not known */
    enum label label;
    struct text rules; /* of the shadow policy, that fired: "card_testing, new_device" */
};

struct shadow_examples {
    struct shadow_example *of; /* by hash */
    size_t count;
};

/* A rule in shadow of the deciding policies, by name. */
struct shadow_rule {
    struct text name;
    struct shadow_set fired;
    struct shadow_set changes[VERDICT_COUNT]; /* would have changed the verdict to this one */
    uint64_t unknown; /* archived by a version that did not record what would have changed */
    struct shadow_examples examples;
};

struct shadow_policy {
    uint64_t snapshot_id;
    struct text name;
    const struct snapshot *snapshot; /* NULL: this version cannot load it */
    /* [live verdict][shadow verdict]; shadow VERDICT_NONE: refused. */
    struct shadow_set cells[VERDICT_COUNT][VERDICT_COUNT];
    uint64_t degraded, rule_errors;
    uint64_t *fired; /* fires with effect, by rule number */
    size_t rule_count;
    struct shadow_examples examples;
};

struct shadow_report {
    struct shadow_set all;
    int64_t first_us, last_us; /* event times; 0 without transactions */
    struct shadow_rule *rules; /* in the order of their first transactions */
    size_t rule_count;
    struct shadow_policy *policies; /* likewise */
    size_t policy_count;
    struct replay *replay; /* owns the policies' names and snapshots */
};

/* Reads the archive twice, up to its last sync mark; stages "scan" and "replay". Errors as
 * replay_open() has them. */
int shadow_report_make(const struct shadow_report_options *options, struct progress *progress,
                       struct shadow_report *ret_report, struct error *ret_error);
void shadow_report_deinit(struct shadow_report *report);
