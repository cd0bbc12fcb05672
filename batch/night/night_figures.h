/* The figures of a night: what the archive says about the reported day and the weeks before it.
 *
 * One pass over the records that were received since the first of these days, up to the position of
 * the night's tables. A transaction belongs to the day (UTC) of its event time. Its label is the
 * one known at that position; the days before the reported one show how outcomes mature. Figures
 * depend on the archive alone, so a first night compares as well as any other.
 *
 * Memory: four bytes a record of these days, for the precision of rules; with less than that, older
 * transactions do not count there. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/schema.h"
#include "core/store/archive/archive_place.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIGHT_DAYS   35 /* the reported day is the last of them */
#define NIGHT_WEEK   7  /* days that it is compared with */
#define NIGHT_SCORES (DECISION_SCORE_MAX + 1)
#define NIGHT_EARLY_US                                                                             \
    (INT64_C(300) * 1000000) /* event later than receipt by more: a wrong clock */
#define NIGHT_RULES_MAX 4096 /* names; further ones are counted together */

__extension__ typedef __int128 night_sum; /* minor units of the policy's base currency */

/* Of the transactions of one day, or of the records received on it. */
struct night_day {
    uint64_t transactions, verdicts[VERDICT_COUNT];
    night_sum amounts[VERDICT_COUNT];
    uint64_t without_amount; /* none, or in a currency without a rate */
    uint64_t hours[24];
    uint64_t degraded, failed_decisions; /* with at least one failed rule */
    uint32_t scores[NIGHT_SCORES];
    /* By label as known now, and whether it was an alert (anything but approve). */
    uint64_t labels[LABEL_COUNT][2];
    night_sum label_amounts[LABEL_COUNT][2];
    /* Frauds that were known when the day was so many days old. */
    uint64_t frauds_by_age[NIGHT_DAYS];
    /* Received on this day, whatever the transactions' days. */
    uint64_t received;
    uint64_t early; /* transactions with an event time later than their receipt */
    int64_t early_us_max;
    uint64_t outcomes[LABEL_COUNT]; /* that changed a label */
    uint64_t stored_bytes;          /* of its segments */
};

struct night_rule {
    struct text name;
    bool is_shadow; /* when it fired last */
    uint64_t fires[NIGHT_DAYS];
    uint64_t failures[NIGHT_DAYS];
    uint64_t labels[LABEL_COUNT]; /* of the transactions that it fired for, all days */
    uint64_t tracked;             /* fires whose labels are known */
};

struct night_figures {
    int64_t first_day;      /* days[i] is the day first_day + i */
    struct night_day *days; /* NIGHT_DAYS */
    struct night_rule *rules;
    size_t rule_count;
    uint64_t other_rules;       /* fires of rules beyond NIGHT_RULES_MAX */
    uint64_t records, position; /* read, and the last of them */
    int64_t newest_event_us;    /* of all transactions read; INT64_MIN: none */
    int64_t newest_receive_us;  /* likewise, of all records */
    uint64_t future;            /* transactions with event times later than now_us */
    uint64_t untracked;         /* transactions left out of the rules' precision */
    char currency[4];           /* of amounts; "": no policy, no amounts */
    uint8_t digits;
    uint64_t archive_bytes; /* stored, of all segments */
};

struct night_figures_options {
    const char *archive;
    struct archive_place until;
    int64_t day;    /* reported */
    int64_t now_us; /* no event may be later */
    uint64_t memory_bytes;
    const struct schema *schema; /* whose base currency amounts are in; NULL: no amounts */
};

/* Stage "figures", in records. ERROR_NOT_FOUND: no archive. ERROR_DAMAGED. ERROR_INTERRUPTED. */
int night_figures_make(const struct night_figures_options *options, struct progress *progress,
                       struct night_figures *ret_figures, struct error *ret_error);
void night_figures_deinit(struct night_figures *figures);

/* Frauds and chargebacks, which count as one. */
static inline uint64_t night_day_frauds(const struct night_day *day, bool alerted) {
    return day->labels[LABEL_FRAUD][alerted] + day->labels[LABEL_CHARGEBACK][alerted];
}
static inline uint64_t night_day_known(const struct night_day *day) {
    return night_day_frauds(day, false) + night_day_frauds(day, true) +
           day->labels[LABEL_LEGIT][0] + day->labels[LABEL_LEGIT][1];
}
/* Frauds of the day that were known when it was at most so many days old. */
uint64_t night_day_frauds_at(const struct night_day *day, size_t age_days);
/* Anything but approve. */
uint64_t night_day_alerts(const struct night_day *day);
