/* Rules by policy: who fired, with whom, and what each one added. A rule's contribution is found by
 * evaluating the decision once more without it, from the rules that fired; no condition is
 * evaluated again. */
#include "report_rules.h"

#include "core/base/check.h"
#include "core/engine/score.h"

#include <stdlib.h>
#include <string.h>

static size_t pairs_of(size_t rules) {
    return rules * (rules + 1) / 2;
}

static size_t pair(size_t i, size_t j) { /* i ≤ j */
    return j * (j + 1) / 2 + i;
}

void report_rule_sums_init(struct report_rule_sums *sums, const struct snapshot *snapshot,
                           uint64_t first_position) {
    *sums = (struct report_rule_sums){.snapshot = snapshot, .first_position = first_position};
    sums->rules = check_calloc(snapshot->rule_count + 1, sizeof *sums->rules);
    sums->groups = check_calloc(snapshot->group_count + 1, sizeof *sums->groups);
    if (snapshot->rule_count <= REPORT_OVERLAP_RULES_MAX)
        sums->overlap = check_calloc(pairs_of(snapshot->rule_count) + 1, sizeof *sums->overlap);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        sums->asks_on_error |=
            snapshot->rules[i].mode == RULE_LIVE && snapshot->rules[i].on_error != ON_ERROR_SKIP;
}

void report_rule_sums_deinit(struct report_rule_sums *sums) {
    free(sums->rules);
    free(sums->groups);
    free(sums->overlap);
    *sums = (struct report_rule_sums){0};
}

/* ---- the decision without one of its rules ---- */

/* The rules that fired for one transaction. */
struct firing {
    struct report_rule_sums *sums;
    const struct decision *decision;
    const uint32_t *fired;
    size_t count;
    size_t effects;    /* how many have effect */
    size_t askers;     /* how many of those ask for an alert by their verdict */
    uint32_t least;    /* lowest score that is an alert; UINT32_MAX: none is */
    bool is_explained; /* the verdict follows from the rules with effect alone */
};

static const struct rule *rule_at(const struct firing *firing, size_t i) {
    return &firing->sums->snapshot->rules[firing->fired[i]];
}

/* Decisions list reasons for a limited number of rules, in the order of `fired`; rules beyond that
 * are assumed to be neither suppressed nor braked. */
static bool has_effect(const struct firing *firing, size_t i) {
    if (i >= firing->decision->reason_count)
        return rule_at(firing, i)->mode == RULE_LIVE;
    const struct reason *reason = &firing->decision->reasons[i];
    return !reason->shadow && !reason->suppressed;
}

/* The score of all rules with effect except this one, before it is limited to 0…1000. */
static int64_t score_without(const struct firing *firing, size_t without) {
    const struct snapshot *snapshot = firing->sums->snapshot;
    struct group_total *groups = firing->sums->groups;
    int64_t score = 0;
    memset(groups, 0, snapshot->group_count * sizeof *groups);
    for (size_t i = 0; i < firing->count; i++) {
        const struct rule *rule = rule_at(firing, i);
        if (i == without || !has_effect(firing, i))
            continue;
        if (rule->group == SIZE_MAX) {
            score += rule->score;
            continue;
        }
        groups[rule->group] = group_total_with(groups[rule->group], rule->score);
    }
    for (size_t i = 0; i < snapshot->group_count; i++)
        score += group_total_score(&snapshot->groups[i], groups[i]);
    return score;
}

/* Would the transaction be approved if this rule had not fired? */
static bool is_approved_without(const struct firing *firing, size_t i) {
    bool asks = report_is_alert(rule_at(firing, i)->verdict);
    if (firing->askers > (asks ? 1u : 0u))
        return false;
    return score_without(firing, i) < (int64_t)firing->least;
}

static bool adds_alert(const struct firing *firing, size_t i) {
    const struct decision *decision = firing->decision;
    if (has_effect(firing, i))
        return report_is_alert(decision->verdict) && firing->is_explained &&
               is_approved_without(firing, i);
    return i < decision->reason_count && !report_is_alert(decision->verdict) &&
           report_is_alert(decision->reasons[i].verdict_if_live);
}

static uint32_t least_alert(const struct engine *engine) {
    uint32_t least = UINT32_MAX;
    for (enum verdict verdict = VERDICT_REVIEW; verdict < VERDICT_COUNT; verdict++) {
        uint32_t cutoff = engine_cutoff(engine, verdict);
        if (cutoff > 0 && cutoff < least)
            least = cutoff;
    }
    return least;
}

static struct firing firing_of(struct report_rule_sums *sums, const struct engine *engine,
                               const struct decision *decision, const uint32_t *fired,
                               size_t count) {
    struct firing firing = {
        .sums = sums, .decision = decision, .fired = fired, .count = count, .least = UINT32_MAX};
    for (size_t i = 0; i < count; i++) {
        bool effect = has_effect(&firing, i);
        firing.effects += effect;
        firing.askers += effect && report_is_alert(rule_at(&firing, i)->verdict);
    }
    if (!report_is_alert(decision->verdict))
        return firing;
    firing.least = least_alert(engine);
    firing.is_explained = decision->rule_errors == 0 || !sums->asks_on_error;
    return firing;
}

/* ---- rows ---- */

static void add_rule(const struct firing *firing, size_t i, const struct report_fact *fact) {
    struct report_rule_tally *tally = &firing->sums->rules[firing->fired[i]];
    bool positive = fact->class == REPORT_POSITIVE;
    tally->fires++;
    if (i < firing->decision->reason_count && firing->decision->reasons[i].suppressed) {
        tally->suppressed++;
        return;
    }
    tally->alone += firing->effects == (has_effect(firing, i) ? 1u : 0u);
    tally->classes[fact->class]++;
    tally->caught += positive ? fact->amount_minor : 0;
    if (!adds_alert(firing, i))
        return;
    tally->added_alerts++;
    tally->added_positive += positive;
    tally->added_caught += positive ? fact->amount_minor : 0;
}

void report_rule_sums_add(struct report_rule_sums *sums, const struct report_fact *fact,
                          const struct engine *engine, const struct decision *decision,
                          const uint32_t *fired, size_t fired_count) {
    if (fired_count == 0)
        return;
    struct firing firing = firing_of(sums, engine, decision, fired, fired_count);
    for (size_t j = 0; j < fired_count; j++) {
        check(fired[j] < sums->snapshot->rule_count);
        add_rule(&firing, j, fact);
        for (size_t i = 0; i <= j && sums->overlap; i++)
            sums->overlap[pair(fired[i], fired[j])]++;
    }
}

static void merge_tally(struct report_rule_tally *to, const struct report_rule_tally *from) {
    to->fires += from->fires;
    to->suppressed += from->suppressed;
    to->alone += from->alone;
    for (size_t class = 0; class < REPORT_CLASSES; class ++)
        to->classes[class] += from->classes[class];
    to->caught += from->caught;
    to->added_alerts += from->added_alerts;
    to->added_positive += from->added_positive;
    to->added_caught += from->added_caught;
}

void report_rule_sums_merge(struct report_rule_sums *to, const struct report_rule_sums *from) {
    size_t rules = to->snapshot->rule_count;
    check(from->snapshot->id == to->snapshot->id);
    if (from->first_position < to->first_position)
        to->first_position = from->first_position;
    for (size_t i = 0; i < rules; i++)
        merge_tally(&to->rules[i], &from->rules[i]);
    for (size_t i = 0; i < pairs_of(rules) && to->overlap; i++)
        to->overlap[i] += from->overlap[i];
}

/* ---- encoding ---- */

void report_rule_sums_encode(const struct report_rule_sums *sums, struct buffer *out) {
    size_t rules = sums->snapshot->rule_count;
    buffer_append_varint(out, rules);
    for (size_t i = 0; i < rules; i++) {
        const struct report_rule_tally *tally = &sums->rules[i];
        buffer_append_varint(out, tally->fires);
        buffer_append_varint(out, tally->suppressed);
        buffer_append_varint(out, tally->alone);
        report_counts_encode(tally->classes, REPORT_CLASSES, out);
        report_sum_encode(tally->caught, out);
        buffer_append_varint(out, tally->added_alerts);
        buffer_append_varint(out, tally->added_positive);
        report_sum_encode(tally->added_caught, out);
    }
    if (sums->overlap)
        report_counts_encode(sums->overlap, pairs_of(rules), out);
}

void report_rule_sums_decode(struct report_rule_sums *sums, struct cursor *cursor) {
    size_t rules = sums->snapshot->rule_count;
    if (cursor_varint(cursor) != rules)
        cursor->failed = true;
    for (size_t i = 0; i < rules && !cursor->failed; i++) {
        struct report_rule_tally *tally = &sums->rules[i];
        tally->fires = cursor_varint(cursor);
        tally->suppressed = cursor_varint(cursor);
        tally->alone = cursor_varint(cursor);
        report_counts_decode(cursor, REPORT_CLASSES, tally->classes);
        tally->caught = report_sum_decode(cursor);
        tally->added_alerts = cursor_varint(cursor);
        tally->added_positive = cursor_varint(cursor);
        tally->added_caught = report_sum_decode(cursor);
    }
    if (sums->overlap)
        report_counts_decode(cursor, pairs_of(rules), sums->overlap);
}

/* ---- all policies together ---- */

/* The index of the rule in the combined list: rules of the same name in several policies are one.
 * The last policy's definition is shown. */
static size_t place_of(struct report_rules *rules, const struct snapshot *snapshot,
                       const struct rule *rule) {
    size_t i = 0;
    while (i < rules->count && !text_equal(rules->rules[i].rule->name, rule->name))
        i++;
    if (i == rules->count)
        rules->rules[rules->count++] = (struct report_rule){0};
    rules->rules[i].rule = rule;
    rules->rules[i].group =
        rule->group == SIZE_MAX ? (struct text){.data = ""} : snapshot->groups[rule->group].name;
    return i;
}

static void add_overlap(struct report_rules *rules, const struct report_rule_sums *sums,
                        const size_t *places) {
    for (size_t j = 0; j < sums->snapshot->rule_count; j++)
        for (size_t i = 0; i <= j; i++) {
            uint64_t rows = sums->overlap[pair(i, j)];
            rules->overlap[places[i] * rules->count + places[j]] += rows;
            if (i != j)
                rules->overlap[places[j] * rules->count + places[i]] += rows;
        }
}

void report_rules_init(struct report_rules *rules, const struct report_rule_sums *const *all_sums,
                       size_t sums_count) {
    size_t most = 0, at = 0;
    for (size_t b = 0; b < sums_count; b++)
        most += all_sums[b]->snapshot->rule_count;
    size_t *places = check_calloc(most + 1, sizeof *places);
    *rules = (struct report_rules){.rules = check_calloc(most + 1, sizeof *rules->rules)};
    bool has_overlap = true;
    for (size_t b = 0; b < sums_count; b++) {
        const struct snapshot *snapshot = all_sums[b]->snapshot;
        for (size_t i = 0; i < snapshot->rule_count; i++) {
            places[at] = place_of(rules, snapshot, &snapshot->rules[i]);
            merge_tally(&rules->rules[places[at++]].tally, &all_sums[b]->rules[i]);
        }
        has_overlap = has_overlap && all_sums[b]->overlap;
    }
    if (has_overlap && rules->count <= REPORT_OVERLAP_RULES_MAX)
        rules->overlap = check_calloc(rules->count * rules->count + 1, sizeof *rules->overlap);
    at = 0;
    for (size_t b = 0; b < sums_count && rules->overlap; b++) {
        add_overlap(rules, all_sums[b], places + at);
        at += all_sums[b]->snapshot->rule_count;
    }
    free(places);
}

void report_rules_deinit(struct report_rules *rules) {
    free(rules->rules);
    free(rules->overlap);
    *rules = (struct report_rules){0};
}
