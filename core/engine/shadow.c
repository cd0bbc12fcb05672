/* Shadow policies: what they would have decided about the same transaction on the same states.
 *
 * They come last, each with its own frame and its own memory, so that they cannot change the
 * decision. Any failure of one (a transaction that it would refuse, too little memory) gives a
 * shadow decision without a verdict. They share the features read for the live side: features that
 * the plan does not have are absent, and features that depend on verdicts and fired rules follow
 * the live policy. */
#include "scratch.h"

void shadows_begin(struct engine *engine) {
    for (size_t i = 0; i < engine->shadow_count; i++) {
        struct judge *shadow = &engine->shadows[i];
        arena_reset(&shadow->arena);
        shadow->is_late = false;
        judge_clear_features(shadow);
    }
}

/* Indices of the rules with effect. NULL: no memory. */
static const uint32_t *effective_rules(const struct judge *shadow, struct arena *arena,
                                       size_t *ret_count) {
    uint32_t *rules = arena_calloc(arena, shadow->fired_count, sizeof *rules);
    size_t count = 0;
    for (size_t i = 0; i < shadow->fired_count && rules; i++) {
        const struct fired_rule *fired = &shadow->fired[i];
        if (judge_mode(shadow, fired->rule) == RULE_LIVE && !fired->suppressed)
            rules[count++] = fired->rule;
    }
    *ret_count = count;
    return rules;
}

static struct shadow_decision decide(struct engine *engine, struct judge *shadow,
                                     const struct transaction *transaction, struct arena *arena,
                                     struct decision *live) {
    struct shadow_decision decision = {.snapshot_id = shadow->snapshot->id,
                                       .degraded = shadow->warming > 0 || shadow->is_late};
    struct text field;
    struct error refusal;
    if (judge_bind(shadow, transaction, &shadow->fields, &shadow->layout.bound, &field, &refusal) <
        0)
        return decision;
    judge_compute_values(shadow, NULL, &shadow->arena);
    judge_evaluate_models(shadow, &shadow->arena);
    baselines_find(engine, shadow, live);
    struct judgement judgement = judge_rules(shadow, transaction->event_time_us, &shadow->arena);
    decision.rules = effective_rules(shadow, arena, &decision.rule_count);
    if (!decision.rules)
        return decision;
    decision.verdict = judgement.verdict;
    decision.score = judgement.score;
    decision.rule_errors = (uint32_t)shadow->failed_count;
    return decision;
}

void shadows_judge(struct engine *engine, const struct transaction *transaction,
                   struct arena *arena, struct decision *decision) {
    if (engine->shadow_count == 0)
        return;
    struct shadow_decision *shadows = arena_calloc(arena, engine->shadow_count, sizeof *shadows);
    if (!shadows)
        return;
    for (size_t i = 0; i < engine->shadow_count; i++)
        shadows[i] = decide(engine, &engine->shadows[i], transaction, arena, decision);
    decision->shadows = shadows;
    decision->shadow_count = engine->shadow_count;
}
