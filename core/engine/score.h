/* How scores and verdicts are put together, in one place: the judge decides with these functions,
 * and a search over scores and cut-offs (batch/tune) foresees decisions with the same ones, as do
 * reports on what a rule adds. Pure. */
#pragma once

#include "core/policy/load/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

/* The scores of a group's rules so far. */
struct group_total {
    int64_t sum;
    int32_t greatest;
    bool has_any;
    int64_t reported; /* the sum up to the rule that is being reported */
    bool is_reported; /* the greatest is */
};

static inline struct group_total group_total_with(struct group_total total, int32_t score) {
    if (!total.has_any || score > total.greatest)
        total.greatest = score;
    total.sum += score;
    total.has_any = true;
    return total;
}

/* What the group adds to the decision's score. */
static inline int64_t group_total_score(const struct rule_group *group, struct group_total total) {
    int64_t score = group->score == GROUP_MAX ? total.greatest : total.sum;
    if (!total.has_any)
        return 0;
    return score < group->at_most ? score : group->at_most;
}

/* Within 0…1000. */
static inline uint32_t score_bounded(int64_t score) {
    return score < 0 ? 0 : score > DECISION_SCORE_MAX ? DECISION_SCORE_MAX : (uint32_t)score;
}

static inline enum verdict verdict_more_severe(enum verdict a, enum verdict b) {
    return a > b ? a : b;
}

static inline enum verdict verdict_of_score(const uint32_t cutoffs[VERDICT_COUNT], uint32_t score) {
    for (int verdict = VERDICT_DECLINE; verdict > VERDICT_APPROVE; verdict--)
        if (cutoffs[verdict] > 0 && score >= cutoffs[verdict])
            return (enum verdict)verdict;
    return VERDICT_APPROVE;
}

static inline enum verdict verdict_on_error(enum on_error on_error) {
    switch (on_error) {
    case ON_ERROR_REVIEW:
        return VERDICT_REVIEW;
    case ON_ERROR_DECLINE:
        return VERDICT_DECLINE;
    case ON_ERROR_SKIP:
        break;
    }
    return VERDICT_NONE;
}
