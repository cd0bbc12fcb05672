#include "tune_walk.h"

#include "core/base/check.h"

#include <stdlib.h>

/* ---- reach ---- */

void tune_reach_init(struct tune_reach *reach, const struct tune_problem *problem) {
    *reach = (struct tune_reach){
        .problem = problem,
        .profiles = check_calloc(problem->rule_count + 1, sizeof *reach->profiles),
        .counts = check_calloc(problem->rule_count + 1, sizeof *reach->counts)};
    for (size_t r = 0; r < problem->rule_count; r++) {
        for (size_t p = 0; p < problem->profile_count; p++)
            reach->counts[r] += tune_set_has(problem->live + p * problem->words, r);
        reach->profiles[r] = check_calloc(reach->counts[r] + 1, sizeof *reach->profiles[r]);
        size_t count = 0;
        for (size_t p = 0; p < problem->profile_count; p++)
            if (tune_set_has(problem->live + p * problem->words, r))
                reach->profiles[r][count++] = (uint32_t)p;
    }
}

void tune_reach_deinit(struct tune_reach *reach) {
    for (size_t r = 0; r < reach->problem->rule_count; r++)
        free(reach->profiles[r]);
    free(reach->profiles);
    free(reach->counts);
}

/* ---- figures ---- */

/* Adds a profile with this verdict; sign −1: takes it away. */
static void count(const struct tune_problem *problem, size_t profile, enum verdict verdict,
                  int sign, struct tune_figures figures[TUNE_PARTS]) {
    if (!report_is_alert(verdict))
        return;
    for (size_t part = 0; part < TUNE_PARTS; part++) {
        const struct tune_weight *weight = &problem->weights[profile][part];
        struct tune_figures *of = &figures[part];
        uint64_t by = sign > 0 ? 1 : UINT64_MAX; /* modulo 2^64: −1 */
        of->alerts += by * weight->rows;
        of->caught += by * weight->positive;
        of->false_alerts += by * weight->negative;
        of->caught_amount += sign * weight->amount;
        if (verdict == VERDICT_DECLINE)
            of->declined_wrongly += by * weight->negative;
    }
}

static const struct tune_base *base_of(const struct tune_problem *problem, size_t profile) {
    return tune_base_at(problem, problem->base[profile]);
}

/* ---- the walk ---- */

void tune_walk_init(struct tune_walk *walk, const struct tune_reach *reach) {
    const struct tune_problem *problem = reach->problem;
    size_t profiles = problem->profile_count, words = profiles * problem->words;
    *walk =
        (struct tune_walk){.reach = reach,
                           .setting = check_calloc(problem->knob_count + 1, sizeof *walk->setting),
                           .fired = check_calloc(words + 1, sizeof *walk->fired),
                           .failed = check_calloc(words + 1, sizeof *walk->failed),
                           .score = check_calloc(profiles + 1, sizeof *walk->score),
                           .asked = check_calloc(profiles + 1, sizeof *walk->asked),
                           .verdict = check_calloc(profiles + 1, sizeof *walk->verdict)};
    tune_setting_present(problem, walk->setting);
    tune_walk_go_to(walk, walk->setting);
}

void tune_walk_deinit(struct tune_walk *walk) {
    free(walk->setting);
    free(walk->fired);
    free(walk->failed);
    free(walk->score);
    free(walk->asked);
    free(walk->verdict);
}

static void put_decision(struct tune_walk *walk, size_t profile, struct tune_decision decision) {
    walk->score[profile] = (uint16_t)decision.score;
    walk->asked[profile] = (uint8_t)decision.asked;
    walk->verdict[profile] = (uint8_t)decision.verdict;
}

void tune_walk_go_to(struct tune_walk *walk, const uint16_t *setting) {
    const struct tune_problem *problem = walk->reach->problem;
    uint64_t *scratch = check_calloc(2 * problem->words + 1, sizeof *scratch);
    if (setting != walk->setting)
        memcpy(walk->setting, setting, problem->knob_count * sizeof *setting);
    memset(walk->figures, 0, sizeof walk->figures);
    for (size_t p = 0; p < problem->profile_count; p++) {
        struct tune_decision decision = tune_decide_codes(
            problem, base_of(problem, p), problem->codes + p * problem->column_count,
            problem->live + p * problem->words, walk->setting, scratch);
        memcpy(walk->fired + p * problem->words, scratch, problem->words * sizeof *scratch);
        memcpy(walk->failed + p * problem->words, scratch + problem->words,
               problem->words * sizeof *scratch);
        put_decision(walk, p, decision);
        count(problem, p, decision.verdict, 1, walk->figures);
    }
    walk->evaluations++;
    free(scratch);
}

/* What a change means for a profile. false: nothing. The profile's sets are changed. */
static bool redecide(const struct tune_walk *walk, size_t profile, const struct tune_knob *knob,
                     const uint16_t *setting, struct tune_decision *ret_decision) {
    const struct tune_problem *problem = walk->reach->problem;
    uint64_t *fired = walk->fired + profile * problem->words,
             *failed = walk->failed + profile * problem->words;
    bool fires = tune_set_has(fired, knob->rule);
    if (knob->tunable->kind == TUNABLE_LIMIT) {
        enum tune_truth truth = tune_condition(problem, &problem->rules[knob->rule],
                                               problem->codes + profile * problem->column_count,
                                               setting, SIZE_MAX, TUNE_OPEN);
        bool fails = tune_set_has(failed, knob->rule);
        if (fires == (truth == TUNE_TRUE) && fails == (truth == TUNE_FAILED))
            return false;
        tune_set_put(fired, knob->rule, truth == TUNE_TRUE);
        tune_set_put(failed, knob->rule, truth == TUNE_FAILED);
    } else if (!fires) {
        return false;
    }
    *ret_decision = tune_decide(problem, base_of(problem, profile), fired, failed, setting);
    return true;
}

/* A change of a cut-off concerns all profiles, but none of their scores. */
static void change_cutoff(struct tune_walk *walk, bool stays,
                          struct tune_figures figures[TUNE_PARTS]) {
    const struct tune_problem *problem = walk->reach->problem;
    for (size_t p = 0; p < problem->profile_count; p++) {
        enum verdict verdict =
            tune_verdict(problem, base_of(problem, p), (enum verdict)walk->asked[p], walk->score[p],
                         walk->setting);
        if (verdict == (enum verdict)walk->verdict[p])
            continue;
        count(problem, p, (enum verdict)walk->verdict[p], -1, figures);
        count(problem, p, verdict, 1, figures);
        if (stays)
            walk->verdict[p] = (uint8_t)verdict;
    }
}

static void change_rule(struct tune_walk *walk, const struct tune_knob *knob, bool stays,
                        struct tune_figures figures[TUNE_PARTS]) {
    const struct tune_problem *problem = walk->reach->problem;
    for (size_t i = 0; i < walk->reach->counts[knob->rule]; i++) {
        size_t p = walk->reach->profiles[knob->rule][i];
        uint64_t *fired = walk->fired + p * problem->words,
                 *failed = walk->failed + p * problem->words;
        bool fires = tune_set_has(fired, knob->rule), fails = tune_set_has(failed, knob->rule);
        struct tune_decision decision;
        if (!redecide(walk, p, knob, walk->setting, &decision))
            continue;
        count(problem, p, (enum verdict)walk->verdict[p], -1, figures);
        count(problem, p, decision.verdict, 1, figures);
        if (stays) {
            put_decision(walk, p, decision);
        } else {
            tune_set_put(fired, knob->rule, fires);
            tune_set_put(failed, knob->rule, fails);
        }
    }
}

static void change(struct tune_walk *walk, size_t knob, size_t candidate, bool stays,
                   struct tune_figures figures[TUNE_PARTS]) {
    uint16_t before = walk->setting[knob];
    memcpy(figures, walk->figures, sizeof walk->figures);
    walk->setting[knob] = (uint16_t)candidate;
    walk->evaluations++;
    if (walk->reach->problem->knobs[knob].rule == SIZE_MAX)
        change_cutoff(walk, stays, figures);
    else
        change_rule(walk, &walk->reach->problem->knobs[knob], stays, figures);
    if (!stays)
        walk->setting[knob] = before;
}

void tune_walk_try(struct tune_walk *walk, size_t knob, size_t candidate,
                   struct tune_figures ret_figures[TUNE_PARTS]) {
    change(walk, knob, candidate, false, ret_figures);
}

void tune_walk_set(struct tune_walk *walk, size_t knob, size_t candidate) {
    struct tune_figures figures[TUNE_PARTS];
    change(walk, knob, candidate, true, figures);
    memcpy(walk->figures, figures, sizeof figures);
}
