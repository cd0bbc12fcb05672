/* What the figures of a night consist of: days, rules, and what is about the archive as a whole. */
#pragma once

#include "batch/base/amendment_tally.h"
#include "core/wire/types/decision.h"
#include "night_sources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIGHT_DAYS      35 /* the reported day is the last of them */
#define NIGHT_WEEK      7  /* days that it is compared with */
#define NIGHT_SCORES    (DECISION_SCORE_MAX + 1)
#define NIGHT_RULES_MAX 4096 /* names; further ones are counted together */
/* An event time later than the receipt by more comes from a clock that is wrong. */
#define NIGHT_EARLY_US (INT64_C(300) * 1000000)

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
    uint64_t backfilled; /* history that came late: counted nowhere else but in the line above */
    uint64_t early;      /* transactions with an event time later than their receipt */
    int64_t early_us_max;
    uint64_t outcomes[LABEL_COUNT]; /* that changed a label */
    struct amendment_tally amendments;
    uint64_t stored_bytes; /* of its segments */
};

struct night_rule {
    struct text name;
    bool is_shadow; /* when it fired last */
    uint64_t fires[NIGHT_DAYS];
    uint64_t failures[NIGHT_DAYS];
    uint64_t labels[LABEL_COUNT]; /* of the transactions that it fired for, all days */
    uint64_t tracked;             /* fires whose labels are known */
};

struct night_arms;

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
    struct night_arms *arms;    /* of the experiment in force; NULL: there is none */
    char currency[4];           /* of amounts; "": no policy, no amounts */
    uint8_t digits;
    uint64_t archive_bytes; /* stored, of all segments */
    struct night_sources *sources;
};

/* Frauds and chargebacks, which count as one. */
static inline uint64_t night_day_frauds(const struct night_day *day, bool alerted) {
    return day->labels[LABEL_FRAUD][alerted] + day->labels[LABEL_CHARGEBACK][alerted];
}
static inline night_sum night_day_fraud_amount(const struct night_day *day, bool alerted) {
    return day->label_amounts[LABEL_FRAUD][alerted] + day->label_amounts[LABEL_CHARGEBACK][alerted];
}
static inline uint64_t night_day_known(const struct night_day *day) {
    return night_day_frauds(day, false) + night_day_frauds(day, true) +
           day->labels[LABEL_LEGIT][0] + day->labels[LABEL_LEGIT][1];
}
