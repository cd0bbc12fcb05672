/* Running the rules: the only place that defines which rules count and how one verdict and one
 * score follow from them. docs/POLICY.md says the same in words.
 *
 * A rule counts when its mode, its period and its rollout allow it and its condition is true. In
 * shadow, by its mode or by a brake, it is only reported. A suppressed rule, one that fired
 * recently for the same entity, is reported without effect.
 *
 *   score     the sum over the rules with effect, each group's taken together first (sum or
 *             greatest, then its limit), kept within 0…1000
 *   verdict   the most severe of what those rules ask for, what the score's cut-offs give, and what
 *             live rules that fail ask for; approve when there is none
 *
 * score.h has the arithmetic. Everything about texts is elsewhere: decide.c writes the reasons. */
#include "scratch.h"

#include "core/base/hash.h"

/* The result of the rules so far. */
struct poll {
    struct judge *judge;
    int64_t ungrouped;  /* scores of rules without a group */
    enum verdict asked; /* the most severe verdict that was asked for */
};

/* ---- scores ---- */

/* The score as if one more rule had fired; NULL: as it is. */
static uint32_t score_with(const struct poll *poll, const struct rule *more) {
    const struct snapshot *snapshot = poll->judge->snapshot;
    int64_t score = poll->ungrouped;
    if (more && more->group == SIZE_MAX)
        score += more->score;
    for (size_t i = 0; i < snapshot->group_count; i++) {
        struct group_total total = poll->judge->groups[i];
        if (more && more->group == i)
            total = group_total_with(total, more->score);
        score += group_total_score(&snapshot->groups[i], total);
    }
    return score_bounded(score);
}

static enum verdict verdict_with(const struct poll *poll, const struct rule *more) {
    enum verdict asked = more ? verdict_more_severe(poll->asked, more->verdict) : poll->asked;
    return verdict_more_severe(asked,
                               verdict_of_score(poll->judge->cutoffs, score_with(poll, more)));
}

static void count_score(struct poll *poll, const struct rule *rule) {
    if (rule->group == SIZE_MAX) {
        poll->ungrouped += rule->score;
        return;
    }
    struct group_total *total = &poll->judge->groups[rule->group];
    *total = group_total_with(*total, rule->score);
}

/* ---- rules ---- */

/* Do mode, period and rollout let the rule count for this transaction, whatever its condition? */
static bool has_say(const struct judge *judge, const struct rule *rule, int64_t event_time_us) {
    if (rule->mode == RULE_OFF || event_time_us < rule->from_us || event_time_us >= rule->until_us)
        return false;
    if (rule->rollout == RULE_ROLLOUT_ALL || judge->ignores_rollouts)
        return true;
    const struct value *key = &judge->layout.bound.frame[rule->rollout_slot];
    return key->type == VALUE_TEXT &&
           hash64(key->text.data, key->text.length, rule->rollout_seed) % RULE_ROLLOUT_ALL <
               rule->rollout;
}

/* Only what had an effect is repeated: a rule in shadow had none. */
static bool is_suppressed(const struct judge *judge, uint32_t index) {
    const struct rule *rule = &judge->snapshot->rules[index];
    const struct value *frame = judge->layout.bound.frame;
    return judge_mode(judge, index) == RULE_LIVE && rule->suppress_slot != SIZE_MAX &&
           frame[rule->suppress_slot].type == VALUE_INT && frame[rule->suppress_slot].integer > 0;
}

bool judge_allows(const struct judge *judge, uint32_t index, int64_t event_time_us) {
    const struct rule *rule = &judge->snapshot->rules[index];
    return judge_mode(judge, index) == RULE_LIVE && has_say(judge, rule, event_time_us) &&
           !is_suppressed(judge, index);
}

static void hear(struct poll *poll, uint32_t index, struct value answer) {
    struct judge *judge = poll->judge;
    const struct rule *rule = &judge->snapshot->rules[index];
    if (answer.type == VALUE_ERROR) {
        judge->failed[judge->failed_count++] =
            (struct rule_failure){.index = index, .reason = (uint32_t)answer.error_code};
        if (judge_mode(judge, index) == RULE_LIVE)
            poll->asked = verdict_more_severe(poll->asked, verdict_on_error(rule->on_error));
    }
    if (answer.type != VALUE_BOOL || !answer.boolean)
        return;
    bool suppressed = is_suppressed(judge, index);
    judge->fired[judge->fired_count++] =
        (struct fired_rule){.rule = index, .suppressed = suppressed};
    if (judge_mode(judge, index) != RULE_LIVE || suppressed)
        return;
    count_score(poll, rule);
    poll->asked = verdict_more_severe(poll->asked, rule->verdict);
}

/* Evaluates one rule. is_true: its prefilter has already shown that the condition is true. */
static void ask(struct poll *poll, uint32_t index, bool is_true, int64_t event_time_us,
                struct arena *arena) {
    const struct rule *rule = &poll->judge->snapshot->rules[index];
    const struct value *frame = poll->judge->layout.bound.frame;
    enum prefilter_answer answer =
        is_true ? PREFILTER_YES : prefilter_answer(expression_prefilter(rule->when), frame);
    if (answer == PREFILTER_NO || !has_say(poll->judge, rule, event_time_us))
        return;
    hear(poll, index,
         answer == PREFILTER_YES ? value_bool(true) : expression_run(rule->when, frame, arena));
}

/* ---- what is reported of them ---- */

/* The part of its group's score that is due to this rule: of a sum, what the limit leaves of it, in
 * the policy's order; of a greatest score, all of it for the first rule that has it. */
static int64_t share_of_group(const struct rule_group *group, struct group_total *total,
                              int32_t score) {
    if (group->score == GROUP_MAX) {
        bool is_it = score == total->greatest && !total->is_reported;
        total->is_reported |= is_it;
        return is_it ? group_total_score(group, *total) : 0;
    }
    int64_t before = total->reported < group->at_most ? total->reported : group->at_most;
    total->reported += score;
    int64_t after = total->reported < group->at_most ? total->reported : group->at_most;
    return after - before;
}

static void report_shares(const struct poll *poll) {
    struct judge *judge = poll->judge;
    for (size_t i = 0; i < judge->fired_count; i++) {
        struct fired_rule *fired = &judge->fired[i];
        const struct rule *rule = &judge->snapshot->rules[fired->rule];
        if (judge_mode(judge, fired->rule) == RULE_SHADOW) {
            fired->verdict_if_live = verdict_with(poll, rule);
        } else if (rule->group != SIZE_MAX && !fired->suppressed) {
            int64_t share = share_of_group(&judge->snapshot->groups[rule->group],
                                           &judge->groups[rule->group], rule->score);
            fired->capped = (int32_t)(rule->score - share);
        }
    }
}

static struct poll begin_poll(struct judge *judge) {
    judge->fired_count = 0;
    judge->failed_count = 0;
    for (size_t i = 0; i < judge->snapshot->group_count; i++)
        judge->groups[i] = (struct group_total){0};
    return (struct poll){.judge = judge, .asked = VERDICT_APPROVE};
}

static void close_poll(const struct poll *poll, struct judgement *judgement) {
    judgement->score = score_with(poll, NULL);
    judgement->verdict = verdict_with(poll, NULL);
    report_shares(poll);
}

struct judgement judge_nothing(struct judge *judge) {
    const struct poll poll = begin_poll(judge);
    struct judgement judgement = {0};
    close_poll(&poll, &judgement);
    return judgement;
}

struct judgement judge_rules(struct judge *judge, int64_t event_time_us, struct arena *arena) {
    const struct snapshot *snapshot = judge->snapshot;
    const struct value *frame = judge->layout.bound.frame;
    judge_follow_brakes(judge);
    struct poll poll = begin_poll(judge);
    struct judgement judgement = {0};
    for (size_t first = 0; first < snapshot->rule_count; first += PREFILTER_SET_RUN) {
        uint64_t sure, open = prefilter_set_open(snapshot->rule_prefilters,
                                                 first / PREFILTER_SET_RUN, frame, &sure);
        for (; open; open &= open - 1)
            ask(&poll, (uint32_t)first + (uint32_t)__builtin_ctzll(open), sure & (open & -open),
                event_time_us, arena);
    }
    close_poll(&poll, &judgement);
    return judgement;
}
