/* Cut-offs on the score from budgets. A score is one of 1,001 numbers, so a histogram answers both
 * kinds of budget exactly:
 *
 *   at_most     the lowest cut-off that at most this share of the period's transactions reaches
 *   precision   the lowest cut-off at or above which at least `minimum` outcomes are known and at
 *               least this share of them is fraud
 *
 * Shares are millionths and compared by cross-multiplication, without rounding. */
#include "threshold_cutoff.h"

#include "threshold_job.h"

#include "core/base/check.h"

#include <math.h>
#include <string.h>

/* The cut-off of a volume budget; 0: no score meets it. The share only grows as the score falls, so
 * the search ends at the first score that exceeds the budget. */
static uint32_t at_most(const struct cutoff_budget *budget, const struct score_counts *counts) {
    uint64_t reaching = 0;
    uint32_t found = 0;
    for (uint32_t score = DECISION_SCORE_MAX; score >= 1; score--) {
        reaching += counts->by_score[score];
        if (reaching * 1000000 > budget->share_e6 * counts->all)
            break;
        found = score;
    }
    return found;
}

/* The cut-off of a precision budget; 0: none. Precision may rise and fall with the score, so every
 * score is tried and the lowest that qualifies wins. *ret_known: all outcomes of the period. */
static uint32_t precise(const struct cutoff_budget *budget, const struct score_counts *counts,
                        uint64_t *ret_known) {
    uint64_t fraud = 0, known = 0;
    uint32_t found = 0;
    for (uint32_t score = DECISION_SCORE_MAX; score >= 1; score--) {
        fraud += counts->fraud[score];
        known += counts->fraud[score] + counts->legit[score];
        if (known >= budget->minimum && fraud * 1000000 >= budget->share_e6 * known)
            found = score;
    }
    *ret_known = known;
    return found;
}

/* Did it change by more than the guard allows, relative to the one in force? */
static bool is_held(const struct threshold_job *job, const struct cutoff_budget *budget,
                    uint32_t before, uint32_t after) {
    double change = fabs((double)after - (double)before);
    bool is_accepted =
        job->accepts_changes || (job->accepted && (job->accepted->cutoffs >> budget->verdict & 1));
    return !is_accepted && change > (double)budget->guard_e6 / 1e6 * (double)before;
}

/* Fills the report's line for one budget. true: *ret_score goes into the generation, newly computed
 * or kept from the one in force; otherwise the policy's own cut-off applies. */
static bool find_cutoff(const struct threshold_job *job, size_t index,
                        const struct score_counts *counts, struct cutoff_line *line,
                        uint32_t *ret_score) {
    const struct cutoff_budget *budget = &job->snapshot->budgets[index];
    uint32_t before = 0;
    bool is_in_force = job->in_force && thresholds_cutoff(job->in_force, budget->verdict,
                                                          budget->definition, &before);
    *line = (struct cutoff_line){.verdict = budget->verdict, .sample = counts->all};
    line->before = line->after = is_in_force ? before : job->snapshot->cutoffs[budget->verdict];
    line->computed = budget->kind == BUDGET_AT_MOST ? at_most(budget, counts)
                                                    : precise(budget, counts, &line->sample);
    if (line->sample < budget->minimum)
        line->state = CUTOFF_SMALL_SAMPLE;
    else if (line->computed == 0)
        line->state = CUTOFF_UNREACHABLE;
    else if (is_in_force && is_held(job, budget, before, line->computed))
        line->state = CUTOFF_HELD;
    else
        line->after = line->computed;
    *ret_score = line->after;
    return line->state == CUTOFF_COMPUTED || is_in_force;
}

/* A more severe verdict whose cut-off is no higher, so that this verdict is never given by score.
 * Possible because budgets are computed independently of each other. */
static enum verdict hiding_verdict(enum verdict verdict, const uint32_t cutoffs[VERDICT_COUNT]) {
    for (int more = (int)verdict + 1; more < VERDICT_COUNT; more++)
        if (cutoffs[verdict] > 0 && cutoffs[more] > 0 && cutoffs[more] <= cutoffs[verdict])
            return (enum verdict)more;
    return VERDICT_NONE;
}

void threshold_cutoffs(const struct threshold_job *job, const struct score_counts *counts,
                       struct threshold_cutoff *cutoffs, size_t *ret_count,
                       uint32_t all[VERDICT_COUNT]) {
    const struct snapshot *snapshot = job->snapshot;
    struct threshold_report *report = job->report;
    struct cutoff_line *lines = arena_calloc(&report->arena, snapshot->budget_count, sizeof *lines);
    check(lines);
    memcpy(all, snapshot->cutoffs, VERDICT_COUNT * sizeof *all);
    *ret_count = 0;
    for (size_t i = 0; i < snapshot->budget_count; i++) {
        const struct cutoff_budget *budget = &snapshot->budgets[i];
        uint32_t score;
        if (find_cutoff(job, i, &counts[i], &lines[i], &score))
            cutoffs[(*ret_count)++] = (struct threshold_cutoff){
                .verdict = budget->verdict, .definition = budget->definition, .score = score};
        all[budget->verdict] = lines[i].after;
    }
    for (size_t i = 0; i < snapshot->budget_count; i++)
        lines[i].hidden_by = hiding_verdict(lines[i].verdict, all);
    report->cutoffs = lines;
    report->cutoff_count = snapshot->budget_count;
}

/* ---- scores ---- */

bool threshold_same_scored(const struct snapshot *snapshot, const struct thresholds *a,
                           const struct thresholds *b) {
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        if (!threshold->is_scored)
            continue;
        const struct threshold_values *x =
            a ? thresholds_find(a, threshold->name, threshold->definition) : NULL;
        const struct threshold_values *y =
            b ? thresholds_find(b, threshold->name, threshold->definition) : NULL;
        if (!x || !y || x->has_overall != y->has_overall || x->overall != y->overall ||
            x->group_count != y->group_count)
            return false;
        for (size_t j = 0; j < x->group_count; j++)
            if (x->values[j] != y->values[j] || !text_equal(x->keys[j], y->keys[j]))
                return false;
    }
    return true;
}

void threshold_count_score(const struct threshold_job *job, int64_t event_time_us, uint32_t score,
                           enum label label, struct score_counts *counts) {
    for (size_t i = 0; i < job->snapshot->budget_count; i++)
        if (threshold_in_period(job, event_time_us, job->snapshot->budgets[i].over_us))
            score_counts_add(&counts[i], score, label);
}
