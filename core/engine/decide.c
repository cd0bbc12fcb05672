/* decide(transaction, states) → decision: Law 2.
 *
 *   lay out     the transaction in the frames of the rules and of the plan
 *   read        every feature of every entity it names
 *   compute     the policy's computed values
 *   judge       the rules, in the policy's order
 *   combine     one verdict and one score (the only place where that is defined)
 */
#include "scratch.h"

#include "../base/check.h"
#include "../base/hash.h"

/* Attributes may be longer than what an entity can be stored under. A derived field that is so long
 * is nothing a client could mend: the transaction is then no part of the entity. */
static int check_keys(const struct engine *engine, struct text *ret_field,
                      struct error *ret_error) {
    const struct snapshot *rules = engine->rules;
    for (size_t e = 0; e < rules->plan.entity_count; e++)
        for (size_t i = 0; i < rules->bindings[e].key_slot_count; i++) {
            size_t slot = rules->bindings[e].key_slots[i];
            const struct value *v = &engine->rules_layout.bound.frame[slot];
            if (v->type != VALUE_TEXT || v->text.length <= ENGINE_KEY_PART_MAX ||
                rules->schema.fields[slot].kind == FIELD_KIND_DERIVED)
                continue;
            *ret_field = rules->slot_names[slot];
            return error_set(ret_error, ERROR_INVALID,
                             "%" TEXT_FORMAT
                             " has %zu bytes; expected at most %d, for it names the "
                             "entity %" TEXT_FORMAT,
                             TEXT_ARGS(*ret_field), v->text.length, ENGINE_KEY_PART_MAX,
                             TEXT_ARGS(rules->plan.entities[e].name));
        }
    return 0;
}

static int lay_out(struct engine *engine, const struct transaction *transaction,
                   struct text *ret_field, struct error *ret_error) {
    int r = transaction_check(transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    r = schema_bind(&engine->rules->schema, transaction, BIND_STRICT, &engine->rules_layout.bound,
                    ret_field, ret_error);
    if (r == 0)
        r = check_keys(engine, ret_field, ret_error);
    if (r < 0 || engine->plan == engine->rules)
        return r;
    return schema_bind(&engine->plan->schema, transaction, BIND_LENIENT, &engine->plan_layout.bound,
                       ret_field, ret_error);
}

static void degrade(struct decision *decision, struct text reason) {
    if (decision->degraded) /* the first reason is enough to know */
        return;
    decision->degraded = true;
    decision->degraded_reason = reason;
}

/* Features of one entity into the rules' frame. Texts are copied: states move when they change. */
static void place_features(struct engine *engine, const struct reading *reading,
                           struct arena *arena) {
    for (size_t i = 0; i < reading->origin_count; i++) {
        const struct feature_origin *origin = &reading->origins[i];
        struct value v = engine->values[origin->feature];
        if (v.type == VALUE_TEXT) {
            v.text = arena_text(arena, v.text);
            if (!v.text.data)
                v = value_absent();
        }
        if (v.type == VALUE_ABSENT)
            v = origin->default_value;
        engine->rules_layout.bound.frame[origin->slot] = v;
    }
}

static void read_entity(struct engine *engine, size_t entity, const struct transaction *transaction,
                        struct state_source *states, struct arena *arena,
                        struct decision *decision) {
    const struct reading *reading = &engine->readings[entity];
    const struct spot *spot = &engine->spots[entity];
    int64_t lateness_us = engine->plan->plan.lateness_us;
    int r;
    if (!spot->has_key || reading->origin_count == 0)
        return;
    layout_entry(engine, entity, transaction);
    engine->entry.transaction = true;
    for (size_t f = 0; f < reading->plan.filter_count; f++)
        engine->entry.weights[f] = layout_passes(engine, entity, f, arena);
    if (spot->state) {
        r = state_evaluate(spot->state, &reading->plan, lateness_us, transaction->event_time_us,
                           &engine->entry, engine->state_scratch, engine->values);
    } else {
        struct text state =
            states->read(states, entity, layout_key(engine, entity), spot->key_hash);
        r = state_read(state.data, state.length, &reading->plan, lateness_us,
                       transaction->event_time_us, &engine->entry, engine->state_scratch,
                       engine->values);
    }
    engine->unknown += state_scratch_unknown(engine->state_scratch);
    if (r > 0)
        degrade(decision, arena_printf(arena,
                                       "event time is more than the policy's lateness behind the "
                                       "newest of this %" TEXT_FORMAT,
                                       TEXT_ARGS(reading->plan.name)));
    place_features(engine, reading, arena);
}

static void read_features(struct engine *engine, const struct transaction *transaction,
                          struct state_source *states, struct arena *arena,
                          struct decision *decision) {
    const struct snapshot *rules = engine->rules;
    struct value *frame = engine->rules_layout.bound.frame;
    for (size_t i = 0; i < rules->feature_count; i++)
        frame[rules->first_feature + i] = value_absent();
    layout_set_verdict(&engine->plan_layout, VERDICT_NONE);
    layout_set_outcome(&engine->plan_layout, LABEL_NONE);
    layout_find_states(engine, transaction->event_time_us, states);
    engine->entry.id_hash = hash_text(transaction->id);
    for (size_t e = 0; e < engine->plan->plan.entity_count; e++)
        read_entity(engine, e, transaction, states, arena, decision);
    if (engine->warming > 0)
        degrade(decision, arena_printf(arena, "%zu features have no history until the next rebuild",
                                       engine->warming));
}

static void compute_values(struct engine *engine, struct arena *arena) {
    struct value *frame = engine->rules_layout.bound.frame;
    for (size_t i = 0; i < engine->rules->computed_count; i++) {
        const struct computed *computed = &engine->rules->computed[i];
        frame[computed->slot] = expression_eval(computed->expression, frame, arena);
    }
}

static uint64_t hash_features(const struct engine *engine) {
    const struct snapshot *rules = engine->rules;
    const struct value *frame = engine->rules_layout.bound.frame;
    uint64_t hash = 0;
    for (size_t i = 0; i < rules->feature_count; i++)
        hash = value_hash(frame[rules->first_feature + i], hash);
    for (size_t i = 0; i < rules->computed_count; i++)
        hash = value_hash(frame[rules->computed[i].slot], hash);
    return hash;
}

/* The rule's sentence with its values filled in, cut at REASON_TEXT_MAX. */
static struct text write_reason(const struct engine *engine, const struct rule *rule,
                                struct arena *arena) {
    char sentence[REASON_TEXT_MAX + 1];
    size_t length = 0;
    for (size_t i = 0; i < rule->reason_count && length < REASON_TEXT_MAX; i++) {
        const struct reason_piece *piece = &rule->reason[i];
        struct value v = value_text(piece->literal);
        if (piece->expression)
            v = expression_eval(piece->expression, engine->rules_layout.bound.frame, arena);
        if (v.type == VALUE_ABSENT || v.type == VALUE_ERROR)
            v = value_text(TEXT_LITERAL("?"));
        int needed = value_format(v, sentence + length, sizeof sentence - length);
        length += (size_t)needed;
    }
    if (length > REASON_TEXT_MAX) {
        length = REASON_TEXT_MAX; /* value_format() wrote only this much; no half character: */
        size_t bad;
        if (!text_is_clean((struct text){.data = sentence, .length = length}, &bad))
            length = bad;
    }
    return arena_text(arena, (struct text){.data = sentence, .length = length});
}

static enum verdict more_severe(enum verdict a, enum verdict b) {
    return a > b ? a : b;
}

static enum verdict verdict_on_error(enum on_error on_error) {
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

static enum verdict verdict_of_score(const struct engine *engine, uint32_t score) {
    for (int verdict = VERDICT_DECLINE; verdict > VERDICT_APPROVE; verdict--)
        if (engine->cutoffs[verdict] > 0 && score >= engine->cutoffs[verdict])
            return (enum verdict)verdict;
    return VERDICT_APPROVE;
}

/* Verdict and score of a decision. The score is the sum over the live rules that fired, kept within
 * 0…1000; the verdict is the most severe of what those rules ask for, what the score's cut-offs
 * give and what the policy wants when a live rule fails. A shadow rule is only told. */
static int judge(struct engine *engine, struct arena *arena, struct decision *decision,
                 struct error *ret_error) {
    const struct snapshot *rules = engine->rules;
    const struct value *frame = engine->rules_layout.bound.frame;
    size_t most =
        rules->rule_count < DECISION_REASONS_MAX ? rules->rule_count : DECISION_REASONS_MAX;
    struct reason *reasons = arena_calloc(arena, most, sizeof *reasons);
    if (!reasons)
        return error_set(ret_error, ERROR_TOO_LARGE, "the decision needs too much memory");
    int64_t score = 0;
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct rule *rule = &rules->rules[i];
        if (rule->mode == RULE_OFF)
            continue;
        bool live = rule->mode == RULE_LIVE;
        struct value fired = expression_eval(rule->when, frame, arena);
        if (fired.type == VALUE_ERROR) {
            decision->rule_errors++;
            if (live)
                decision->verdict =
                    more_severe(decision->verdict, verdict_on_error(rules->on_error));
        }
        if (fired.type != VALUE_BOOL || !fired.boolean)
            continue;
        if (live) {
            score += rule->score;
            decision->verdict = more_severe(decision->verdict, rule->verdict);
        }
        if (decision->reason_count < DECISION_REASONS_MAX)
            reasons[decision->reason_count++] =
                (struct reason){.rule = rule->name,
                                .text = write_reason(engine, rule, arena),
                                .score = rule->score,
                                .verdict = rule->verdict,
                                .shadow = !live};
    }
    decision->reasons = reasons;
    decision->score = score < 0                    ? 0
                      : score > DECISION_SCORE_MAX ? DECISION_SCORE_MAX
                                                   : (uint32_t)score;
    decision->verdict = more_severe(decision->verdict, verdict_of_score(engine, decision->score));
    return 0;
}

/* Texts of computed values may lie in the transaction or among the engine's derived texts, which
 * the next transaction overwrites. */
static bool keep_text(struct value *v, struct arena *arena) {
    if (v->type == VALUE_TEXT)
        v->text = arena_text(arena, v->text);
    return v->type != VALUE_TEXT || v->text.data;
}

/* All features and computed values under their names. A run-time error travels as absent. */
static int tell_features(struct engine *engine, struct arena *arena, struct decision *decision,
                         struct error *ret_error) {
    const struct snapshot *rules = engine->rules;
    size_t count = rules->feature_count + rules->computed_count;
    struct named_value *features = arena_calloc(arena, count, sizeof *features);
    if (!features)
        return error_set(ret_error, ERROR_TOO_LARGE, "the features need too much memory");
    for (size_t i = 0; i < count; i++) {
        size_t slot = i < rules->feature_count ? rules->first_feature + i
                                               : rules->computed[i - rules->feature_count].slot;
        struct value v = engine->rules_layout.bound.frame[slot];
        features[i].name = rules->slot_names[slot];
        features[i].value = v.type == VALUE_ERROR ? value_absent() : v;
        if (!keep_text(&features[i].value, arena))
            return error_set(ret_error, ERROR_TOO_LARGE, "the features need too much memory");
    }
    decision->features = features;
    decision->feature_count = count;
    return 0;
}

int engine_decide(struct engine *engine, const struct transaction *transaction,
                  struct state_source *states, bool with_features, struct arena *arena,
                  struct decision *ret_decision, struct text *ret_field, struct error *ret_error) {
    int r = lay_out(engine, transaction, ret_field, ret_error);
    if (r < 0)
        return r;
    struct decision decision = {
        .transaction_id = transaction->id,
        .snapshot_id = engine->rules->id,
        .verdict = VERDICT_APPROVE,
    };
    read_features(engine, transaction, states, arena, &decision);
    compute_values(engine, arena);
    decision.feature_hash = hash_features(engine);
    r = judge(engine, arena, &decision, ret_error);
    if (r == 0 && with_features)
        r = tell_features(engine, arena, &decision, ret_error);
    if (r < 0) {
        *ret_field = (struct text){0};
        return r;
    }
    *ret_decision = decision;
    return 0;
}

size_t engine_entity_features(struct engine *engine, size_t entity, struct text state,
                              int64_t at_us, struct arena *arena,
                              const struct named_value **ret_features) {
    check(entity < engine->plan->plan.entity_count);
    const struct reading *reading = &engine->readings[entity];
    struct named_value *features = arena_calloc(arena, reading->origin_count, sizeof *features);
    if (!features)
        return 0;
    state_read(state.data, state.length, &reading->plan, engine->plan->plan.lateness_us, at_us,
               NULL, engine->state_scratch, engine->values);
    place_features(engine, reading, arena);
    for (size_t i = 0; i < reading->origin_count; i++) {
        size_t slot = reading->origins[i].slot;
        features[i].name = engine->rules->slot_names[slot];
        features[i].value = engine->rules_layout.bound.frame[slot];
    }
    *ret_features = features;
    return reading->origin_count;
}
