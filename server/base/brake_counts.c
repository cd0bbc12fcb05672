/* A window is a ring of steps with their sum. Limits over the same period share the ring of
 * decisions. So a decision costs an addition per period, and one per rule with a limit that took
 * effect; only for those is the limit compared, since nothing else can exceed it. */
#include "brake_counts.h"

#include "core/base/check.h"
#include "core/policy/load/policy_limits.h"

#include <stdlib.h>

/* The counts of the last BRAKE_STEPS steps, and their sum. */
struct ring {
    uint32_t steps[BRAKE_STEPS]; /* that of step n is at n % BRAKE_STEPS */
    int64_t now;                 /* the newest step */
    uint64_t sum;
};

/* All limits over one period. */
struct period {
    int64_t step_us, now; /* now: the number of the current step since 1970 */
    struct ring decisions;
};

struct limit {
    const struct rule *rule; /* NULL: the policy as a whole */
    const struct brake_limit *at_most;
    size_t period;
    struct ring fires;
    bool is_exceeded;
    uint64_t fired, decided; /* then */
};

struct brake_counts {
    struct snapshot *rules;
    struct limit *limits;
    size_t limit_count;
    uint16_t *limit_of; /* [rule]: 1 + its limit; 0: none */
    size_t of_policy;   /* likewise */
    struct period *periods;
    size_t period_count;
    size_t exceeded; /* limits that are waiting to be taken */
};

static size_t period_of(struct brake_counts *counts, int64_t per_us) {
    size_t i = 0;
    while (i < counts->period_count && counts->periods[i].step_us != per_us / BRAKE_STEPS)
        i++;
    if (i == counts->period_count)
        counts->periods[counts->period_count++].step_us = per_us / BRAKE_STEPS;
    return i;
}

static size_t add_limit(struct brake_counts *counts, const struct rule *rule,
                        const struct brake_limit *at_most) {
    if (at_most->share_e6 == 0)
        return 0;
    counts->limits[counts->limit_count++] = (struct limit){
        .rule = rule, .at_most = at_most, .period = period_of(counts, at_most->per_us)};
    return counts->limit_count;
}

struct brake_counts *brake_counts_new(struct snapshot *rules) {
    _Static_assert(POLICY_RULES_MAX < UINT16_MAX, "limits are numbered in 16 bits");
    struct brake_counts *counts = check_calloc(1, sizeof *counts);
    counts->rules = snapshot_ref(rules);
    counts->limits = check_calloc(rules->rule_count + 1, sizeof *counts->limits);
    counts->periods = check_calloc(rules->rule_count + 1, sizeof *counts->periods);
    counts->limit_of = check_calloc(rules->rule_count + 1, sizeof *counts->limit_of);
    for (size_t i = 0; i < rules->rule_count; i++)
        counts->limit_of[i] =
            (uint16_t)add_limit(counts, &rules->rules[i], &rules->rules[i].at_most);
    counts->of_policy = add_limit(counts, NULL, &rules->at_most);
    if (counts->limit_count > 0)
        return counts;
    brake_counts_free(counts);
    return NULL;
}

void brake_counts_free(struct brake_counts *counts) {
    if (!counts)
        return;
    free(counts->limits);
    free(counts->periods);
    free(counts->limit_of);
    snapshot_unref(counts->rules);
    free(counts);
}

void brake_counts_clear(struct brake_counts *counts) {
    if (!counts)
        return;
    for (size_t i = 0; i < counts->period_count; i++)
        counts->periods[i].decisions = (struct ring){0};
    for (size_t i = 0; i < counts->limit_count; i++) {
        counts->limits[i].fires = (struct ring){0};
        counts->limits[i].is_exceeded = false;
    }
    counts->exceeded = 0;
}

/* Steps that are out of the window lose their counts. */
static void ring_advance(struct ring *ring, int64_t now) {
    if (now - ring->now >= BRAKE_STEPS)
        *ring = (struct ring){.now = now};
    while (ring->now < now) {
        uint32_t *oldest = &ring->steps[++ring->now % BRAKE_STEPS];
        ring->sum -= *oldest;
        *oldest = 0;
    }
}

static void ring_add(struct ring *ring, int64_t now) {
    ring_advance(ring, now);
    if (ring->steps[now % BRAKE_STEPS] == UINT32_MAX)
        return;
    ring->steps[now % BRAKE_STEPS]++;
    ring->sum++;
}

/* number: as in limit_of. */
static void add_fire(struct brake_counts *counts, size_t number) {
    struct limit *limit = &counts->limits[number - 1];
    const struct period *period = &counts->periods[limit->period];
    ring_add(&limit->fires, period->now);
    uint64_t fired = limit->fires.sum, decided = period->decisions.sum;
    if (fired < BRAKE_FIRES_MIN || limit->is_exceeded)
        return;
    if (decided < BRAKE_DECISIONS_MIN || fired * 1000000 <= decided * limit->at_most->share_e6)
        return;
    limit->is_exceeded = true;
    limit->fired = fired;
    limit->decided = decided;
    counts->exceeded++;
}

bool brake_counts_add(struct brake_counts *counts, const struct decision *decision,
                      int64_t receive_time_us) {
    for (size_t i = 0; i < counts->period_count; i++) {
        struct period *period = &counts->periods[i];
        period->now = receive_time_us / period->step_us;
        ring_add(&period->decisions, period->now);
    }
    for (size_t i = 0; i < decision->reason_count; i++) {
        const struct reason *reason = &decision->reasons[i];
        if (counts->limit_of[reason->index] && !reason->shadow && !reason->suppressed)
            add_fire(counts, counts->limit_of[reason->index]);
    }
    if (counts->of_policy && decision->verdict != VERDICT_APPROVE)
        add_fire(counts, counts->of_policy);
    return counts->exceeded > 0;
}

bool brake_counts_take(struct brake_counts *counts, enum arm arm, struct brake_record *ret_brake) {
    for (size_t i = 0; i < counts->limit_count && counts->exceeded > 0; i++) {
        struct limit *limit = &counts->limits[i];
        if (!limit->is_exceeded)
            continue;
        limit->is_exceeded = false;
        counts->exceeded--;
        limit->fires = (struct ring){0};
        struct brake_target target =
            limit->rule ? rule_brake_target(limit->rule) : snapshot_brake_target(counts->rules);
        *ret_brake = (struct brake_record){
            .rule = target.rule,
            .definition = brake_definition(target.definition, arm),
            .arm = arm,
            .fires = limit->fired,
            .decisions = limit->decided,
            .share_e6 = limit->at_most->share_e6,
            .window_us = limit->at_most->per_us,
        };
        return true;
    }
    return false;
}
