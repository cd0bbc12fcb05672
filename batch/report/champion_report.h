/* A candidate beside the champion: both policies decide the same transactions of a range in one
 * replay, each on the histories that were known then, and their scores are ranked against the
 * outcomes known at the archive's end (ranking_metrics.h). A side of it is a policy; the first is
 * the candidate, so a difference above 0 speaks for it.
 *
 * Only mature transactions count: older than outcomes_after at the archive's newest event time. One
 * without an outcome is legitimate then, a suspected one is left out. So is one that either policy
 * refuses; what the candidate alone refuses is counted, for it could not take the champion's place.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/policy/load/snapshot.h"
#include "core/wire/types/decision.h"
#include "ranking_metrics.h"

enum champion_side { SIDE_CANDIDATE, SIDE_CHAMPION };

struct champion_options {
    const char *archive;
    struct snapshot *candidate;
    const char *champion;      /* folder */
    int64_t from_us, until_us; /* event times, until excluded; INT64_MAX: no end */
    int64_t outcomes_after_us;
    const char *card; /* entity of card precision; NULL: "card", else "customer" */
    uint64_t k;       /* cards a day */
    uint64_t reviews; /* transactions a day */
    size_t draws;     /* of the intervals, which are of 95 % */
    uint64_t seed;
    size_t threads;        /* 0: one for each processor */
    uint64_t memory_bytes; /* for the rows; 0: a quarter of the machine's */
};

struct champion_side_counts {
    uint64_t snapshot_id;
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t caught; /* fraud with a verdict other than approve */
};

struct champion_report {
    struct ranking_figures figures;
    struct champion_side_counts sides[RANKING_SIDES];
    /* In the range, left out: too young, suspected, refused by the champion, by the candidate only.
     */
    uint64_t immature, suspected, champion_refused, refused;
    uint64_t rule_errors;      /* decisions of the candidate with failed rules */
    int64_t first_us, last_us; /* event times of what counts, if anything does */
    char currency[4];          /* of figures.money_minor: the candidate's base currency */
};

/* ERROR_NOT_FOUND: no archive, or the candidate has no entity of the name `card`. ERROR_INVALID:
 * the champion does not load. ERROR_TOO_LARGE: more rows than the memory holds. Others as
 * replay_run(). progress may be NULL. */
int champion_report_make(const struct champion_options *options, struct progress *progress,
                         struct champion_report *ret_report, struct error *ret_error);
